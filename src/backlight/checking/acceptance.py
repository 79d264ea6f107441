"""When an edited program counts as mended."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from backlight.checking.analysis import NOTES, analyse
from backlight.checking.construct import Sizes
from backlight.checking.gradients import STEP, TOLERANCE, Sampled, numeric_gradients, relative_error
from backlight.checking.influence import LOSS
from backlight.checking.losses import COSTS
from backlight.checking.program import Program
from backlight.checking.readings import POINTS, best_reading, directional_errors, read
from backlight.checking.reference import Objective, Pass
from backlight.checking.repair import Accept
from backlight.checking.settle import accumulates
from backlight.checking.subject import Subject, generic_values
from backlight.networks.activations import Array


def difference(gradient: Array | None, target: Array) -> float:
    if gradient is None or gradient.shape != target.shape:
        return 1.0
    size = float(np.linalg.norm(gradient) + np.linalg.norm(target))
    return 0.0 if size < 1e-12 else float(np.linalg.norm(gradient - target)) / size


@dataclass(frozen=True)
class Goal:
    """When an edited program counts as mended.

    Attributes:
        accept: the proof.
        wrong: which gradients are wrong before; empty where that says nothing.
        quick: refuses most edits where the proof takes long.
        whole: whether a program that does less would pass, too: then nothing is left out of it.
    """

    accept: Accept
    wrong: frozenset[int] = frozenset()
    quick: Accept | None = None
    whole: bool = False


def gradient_goal(subject: Subject, targets: list[list[Array]], only: int | None = None) -> Goal:
    """The gradients at the points are these, to a relative 1e-6, and the loss is what it was."""

    def wrong(other: Subject, seed: int, target: list[Array]) -> Iterator[int]:
        other.assign(generic_values(other, seed))
        for index, (gradient, wanted) in enumerate(zip(other.gradients(), target, strict=True)):
            zero = gradient is None and not np.any(wanted)
            if only in (None, index) and not zero and not difference(gradient, wanted) <= 1e-6:  # NaN is not right
                yield index

    def accept(other: Subject) -> bool:
        return not any(True for seed, t in zip(POINTS, targets, strict=True) for _ in wrong(other, seed, t))

    return Goal(both(accept, same_loss(subject)), frozenset(wrong(subject, POINTS[0], targets[0])))


def numeric_goal(subject: Subject) -> Goal:
    """Where the network was not recognised: against central differences of the program's own loss."""
    numeric: list[tuple[int, list[Sampled]]] = []
    for seed in POINTS:
        numeric.append((seed, numeric_gradients(subject, generic_values(subject, seed), seed)))

    def wrong(other: Subject, seed: int, entries: list[Sampled]) -> Iterator[int]:
        other.assign(generic_values(other, seed))
        shapes = [slot.read().shape for slot in other.slots]
        for index, each in enumerate(zip(other.gradients(), entries, shapes, strict=True)):
            if not relative_error(*each) <= 1e-5:
                yield index

    def accept(other: Subject) -> bool:
        return not any(True for seed, entries in numeric for _ in wrong(other, seed, entries))

    return Goal(both(accept, same_loss(subject)), frozenset(wrong(subject, *numeric[0])))


def both(first: Accept, then: Accept) -> Accept:
    return lambda subject: first(subject) and then(subject)


def same_loss(subject: Subject) -> Accept:
    """An edit of the gradient leaves the loss alone: else it would mend one by breaking the other."""
    before = losses(subject)

    def accept(other: Subject) -> bool:
        return not before or bool(np.allclose(losses(other), before, rtol=1e-9, equal_nan=True))

    return accept


def right_goal(sizes: Sizes, target: str | None) -> Goal:
    """The edited program is right as a whole, its loss as well: for a mistake that may be in the forward pass.

    Such a mistake may have made the program look like another one, so that it is to be read anew.
    """

    def accept(other: Subject) -> bool:
        if max(directional_errors(other), default=1.0) > TOLERANCE:
            return False
        reading = read(other, sizes)
        if reading.fit is None or reading.network is None:
            reading = best_reading(other.program, target)  # type: ignore[attr-defined]  # subjects of a file
        found = analyse(reading, float(getattr(reading.subject, "strength", 0.1)))
        serious = [mistake for mistake in found.loss if mistake.name not in NOTES]
        return found.right and found.matcher is not None and not serious

    return Goal(accept, frozenset({LOSS}), roughly_right, whole=True)


def roughly_right(subject: Subject) -> bool:
    """Whether the loss changes along the gradient as the gradient says: two calls that refuse most edits."""
    values = generic_values(subject, POINTS[0])
    subject.assign(values)
    gradients = [
        np.zeros(v.shape) if g is None else np.array(g) for g, v in zip(subject.gradients(), values, strict=True)
    ]
    if any(g.shape != v.shape for g, v in zip(gradients, values, strict=True)):
        return False
    length = float(np.sqrt(sum(np.square(g).sum() for g in gradients)))
    ends = []
    for step in (STEP, -STEP):
        subject.assign([v + step * g / length for v, g in zip(values, gradients, strict=True)])
        ends.append(subject.loss())
    return abs((ends[0] - ends[1]) / (2 * STEP) - length) <= 1e-4 * length


def losses(subject: Subject) -> list[float]:
    """The loss at the points; nothing where there is none to be had."""
    found: list[float] = []
    with suppress(Exception):
        for seed in POINTS if subject.has_loss else ():
            subject.assign(generic_values(subject, seed))
            found.append(subject.loss())
        return found
    return []


def same_gradients(subject: Subject) -> Accept:
    """An edit of the loss leaves the gradient alone."""

    def at_points(other: Subject) -> list[Array | None]:
        found: list[Array | None] = []
        for seed in POINTS:
            other.assign(generic_values(other, seed))
            found += [None if g is None else np.array(g) for g in other.gradients()]
        return found

    try:
        before = at_points(subject)
    except Exception:  # then there is nothing to keep
        return lambda other: True

    def accept(other: Subject) -> bool:
        pairs = zip(at_points(other), before, strict=True)
        return all(one is two or (two is not None and difference(one, two) <= 1e-9) for one, two in pairs)

    return accept


def clears(program: Program, subject: Subject) -> Accept:
    """Two passes give the same gradient, and that is what one call added before."""
    keeps = same_gradients(subject)

    def accept(other: Subject) -> bool:
        if accumulates(getattr(other, "program", program), other):
            return False
        other.accumulates = False
        return keeps(other)

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
