"""What a loss adds up over the samples: its value, and its derivative by the outputs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from backlight.networks.activations import Array, sigmoid

Data = Literal[
    "cross-entropy",
    "binary cross-entropy",
    "squared error",
    "absolute error",
    "Huber",
    "log-cosh",
    "margin",
    "hinge",
    "squared hinge",
]
Target = Literal["labels", "signs", "inputs"]  # t: one-hot or 0/1; −1/+1; the inputs, as for an autoencoder


@dataclass(frozen=True)
class Cost:
    """D of one sample.

    Attributes:
        value: (p, t) ↦ D (…, N), for outputs p and targets t (…, N, K).
        slope: (p, t) ↦ ∂D/∂p.
    """

    value: Callable[[Array, Array], Array]
    slope: Callable[[Array, Array], Array]


def picked(p: Array, t: Array) -> Array:
    """p of the true class: (…, N)."""
    found: Array = (p * t).sum(-1)
    return found


def huber(p: Array, t: Array) -> Array:
    r = np.abs(p - t)
    total: Array = np.where(r <= 1.0, r * r / 2, r - 0.5).sum(-1)
    return total


COSTS: dict[Data, Cost] = {
    "cross-entropy": Cost(lambda p, t: -np.log(picked(p, t)), lambda p, t: -t / p),
    "binary cross-entropy": Cost(
        lambda p, t: -(t * np.log(p) + (1 - t) * np.log(1 - p)).sum(-1), lambda p, t: (p - t) / (p * (1.0 - p))
    ),
    "squared error": Cost(lambda p, t: ((p - t) ** 2).sum(-1), lambda p, t: 2.0 * (p - t)),
    "absolute error": Cost(lambda p, t: np.abs(p - t).sum(-1), lambda p, t: np.sign(p - t)),
    "Huber": Cost(huber, lambda p, t: np.clip(p - t, -1.0, 1.0)),
    "log-cosh": Cost(lambda p, t: np.log(np.cosh(p - t)).sum(-1), lambda p, t: np.tanh(p - t)),
    "margin": Cost(lambda p, t: np.logaddexp(0.0, -t * p).sum(-1), lambda p, t: -t * sigmoid(-t * p)),
    "hinge": Cost(lambda p, t: np.maximum(0.0, 1 - t * p).sum(-1), lambda p, t: -t * (t * p < 1)),
    "squared hinge": Cost(
        lambda p, t: (np.maximum(0.0, 1 - t * p) ** 2).sum(-1), lambda p, t: -2.0 * t * np.maximum(0.0, 1 - t * p)
    ),
}
SHOWN: dict[Data, str] = {
    "cross-entropy": "−log p[y]",
    "binary cross-entropy": "−t log p − (1 − t) log(1 − p)",
    "squared error": "(p − t)²",
    "absolute error": "|p − t|",
    "Huber": "(p − t)²/2 where |p − t| < 1, |p − t| − ½ elsewhere",
    "log-cosh": "log cosh(p − t)",
    "margin": "log(1 + e^(−tp))",
    "hinge": "max(0, 1 − tp)",
    "squared hinge": "max(0, 1 − tp)²",
}
