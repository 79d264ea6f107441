"""When an edited program counts as mended."""

import numpy as np

from backlight.checking.gradients import Sampled, numeric_gradients, relative_error
from backlight.checking.losses import COSTS
from backlight.checking.readings import POINTS
from backlight.checking.reference import Objective, Pass
from backlight.checking.repair import Accept
from backlight.checking.subject import Subject, generic_values
from backlight.networks.activations import Array


def difference(gradient: Array | None, target: Array) -> float:
    if gradient is None or gradient.shape != target.shape:
        return 1.0
    size = float(np.linalg.norm(gradient) + np.linalg.norm(target))
    return 0.0 if size < 1e-12 else float(np.linalg.norm(gradient - target)) / size


def gradient_accept(targets: list[list[Array]], only: int | None = None) -> Accept:
    """Accepts a subject whose gradients at the points are these, to a relative 1e-6."""

    def accept(subject: Subject) -> bool:
        for seed, target in zip(POINTS, targets, strict=True):
            subject.assign(generic_values(subject, seed))
            for index, (gradient, wanted) in enumerate(zip(subject.gradients(), target, strict=True)):
                if only not in (None, index):
                    continue
                if not difference(gradient, wanted) <= 1e-6:  # NaN is not right either
                    zero = gradient is None and not np.any(wanted)
                    if not zero:
                        return False
        return True

    return accept


def numeric_accept(subject: Subject) -> Accept:
    """Where the network was not recognised: against central differences of the program's own loss."""
    numeric: list[tuple[int, list[Sampled]]] = []
    for seed in POINTS:
        numeric.append((seed, numeric_gradients(subject, generic_values(subject, seed), seed)))

    def accept(other: Subject) -> bool:
        for seed, entries in numeric:
            other.assign(generic_values(other, seed))
            shapes = [slot.read().shape for slot in other.slots]
            for gradient, wanted, shape in zip(other.gradients(), entries, shapes, strict=True):
                if not relative_error(gradient, wanted, shape) <= 1e-5:
                    return False
        return True

    return accept


def loss_of(run: Pass, objective: Objective) -> Array:
    """The objective's value at each point of a stacked pass."""
    with np.errstate(all="ignore"):
        value: Array = objective.alpha * COSTS[objective.data].value(run.outputs, run.targets).sum(-1)
    for beta, W, b in zip(objective.beta, run.weights, run.biases, strict=True):
        value = value + beta * np.square(W).sum((-2, -1))
        if objective.beta_bias:
            value = value + objective.beta_bias * np.square(b).sum((-2, -1))
    return value
