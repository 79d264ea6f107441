"""What the hand-written programs minimise: the right loss, and the usual wrong ones, each with its true gradient."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from backlight.networks.activations import Array
from backlight.networks.losses import Labels, cross_entropy, cross_entropy_gradient, one_hot, softmax

from .program import LossName


class Loss(NamedTuple):
    """Value and gradient at logits (N, K) and labels (N,)."""

    value: Callable[[Array, Labels], float]
    gradient: Callable[[Array, Labels], Array]


def loss_named(name: LossName, setting: float) -> Loss:
    if name == "softmax-first":
        return softmax_first(int(setting))
    if name == "log-epsilon":
        return log_epsilon(setting)
    return LOSSES[name]


def through_softmax(p: Array, gradient: Array) -> Array:
    """∂/∂z from ∂/∂p for p = softmax(z)."""
    mean: Array = (gradient * p).sum(axis=1, keepdims=True)
    return p * (gradient - mean)


def softmax_first(times: int) -> Loss:
    """Cross-entropy of softmax(…softmax(z)): the outputs were probabilities already."""

    def outputs(logits: Array) -> list[Array]:
        values = [logits]
        for _ in range(times):
            values.append(softmax(values[-1]))
        return values

    def gradient(logits: Array, y: Labels) -> Array:
        values = outputs(logits)
        found = cross_entropy_gradient(values[-1], y)
        for p in reversed(values[1:]):
            found = through_softmax(p, found)
        return found

    return Loss(lambda logits, y: float(cross_entropy(outputs(logits)[-1], y)), gradient)


def log_epsilon(epsilon: float) -> Loss:
    """−(1/N) Σ log(p_y + ε)."""

    def value(logits: Array, y: Labels) -> float:
        return float(-np.log(of_class(softmax(logits), y) + epsilon).mean())

    def gradient(logits: Array, y: Labels) -> Array:
        p = softmax(logits)
        by_p = -1.0 * one_hot(y, p.shape[1]) / (of_class(p, y)[:, None] + epsilon) / len(y)
        return through_softmax(p, by_p)

    return Loss(value, gradient)


def of_class(p: Array, y: Labels) -> Array:
    return p[np.arange(len(y)), y]


def mean_probability(logits: Array, y: Labels) -> float:
    return float(-of_class(softmax(logits), y).mean())


def mean_probability_gradient(logits: Array, y: Labels) -> Array:
    p = softmax(logits)
    return through_softmax(p, -1.0 * one_hot(y, p.shape[1]) / len(y))


def naive(logits: Array) -> Array:
    powers = np.exp(logits)  # no maximum taken away: overflows above z = 709.78
    total: Array = powers.sum(axis=1, keepdims=True)
    return powers / total


LOSSES: dict[LossName, Loss] = {
    "cross-entropy": Loss(lambda logits, y: float(cross_entropy(logits, y)), cross_entropy_gradient),
    # log_softmax of log_softmax is log_softmax: the same numbers
    "log-softmax-first": Loss(lambda logits, y: float(cross_entropy(logits, y)), cross_entropy_gradient),
    "sum": Loss(
        lambda logits, y: float(cross_entropy(logits, y)) * len(y),
        lambda logits, y: cross_entropy_gradient(logits, y) * len(y),
    ),
    "probabilities": Loss(mean_probability, mean_probability_gradient),
    "naive-exponential": Loss(
        lambda logits, y: float(-np.log(of_class(naive(logits), y)).mean()),
        lambda logits, y: (naive(logits) - one_hot(y, logits.shape[1])) / len(y),
    ),
}
