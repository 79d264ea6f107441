"""The user's gradients at some points, beside what the textbook's backward pass gives there with a mistake or two."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np

from backlight.checking.catalogue.change import Hypothesis
from backlight.checking.mistakes import hypotheses
from backlight.checking.reference import CORRECT, Parameters, Pass, Terms, backward, layers_backwards
from backlight.networks.activations import Array

TOLERANCE = 1e-7


@dataclass(frozen=True)
class Name:
    """An explanation of a gradient: one mistake or two, and the others that give the same numbers."""

    mistakes: tuple[Hypothesis, ...]
    equivalents: tuple[tuple[Hypothesis, ...], ...] = ()


@dataclass(frozen=True)
class Seen:
    """A hypothesis and what it does on its own.

    Attributes:
        matches: which of the program's tensors it gives.
        changes: which tensors it changes at all.
        signature: the same for hypotheses that give the same numbers.
    """

    hypothesis: Hypothesis
    matches: list[bool]
    changes: list[bool]
    signature: tuple[str, ...]


def signature(predicted: Sequence[Array], right: Sequence[Array]) -> tuple[str, ...]:
    """Eight digits of each tensor, all entries weighed differently; what is rounding beside the right one is 0."""
    found = []
    with np.errstate(all="ignore"):
        for each, other in zip(predicted, right, strict=True):
            value = float(each.ravel() @ np.cos(np.arange(each.size)))
            small = abs(value) <= 1e-12 * float(np.abs(other).max())
            found.append("0" if small else f"{value:.7e}")
    return tuple(found)


def with_mistakes(mistakes: Sequence[Hypothesis]) -> Terms:
    terms = CORRECT
    for mistake in mistakes:
        terms = mistake.change(terms)
    return terms


def tensors(gradients: Parameters) -> list[Array]:
    """From the output backwards: dW_L, db_L, …, dW_1, db_1."""
    dW, db = gradients
    return [each for pair in zip(reversed(dW), reversed(db), strict=True) for each in pair]


class Matcher:
    """The user's gradients at some points, to be compared with what a hypothesis gives there.

    Attributes:
        run: the forward passes at these points, stacked.
        given: the user's gradients in the textbook's form; NaN where a tensor has another shape or is missing.
        asked: which tensors exist in the program (a layer may have no bias).
    """

    def __init__(self, run: Pass, given: Parameters, asked: Sequence[bool], tolerance: float = TOLERANCE) -> None:
        self.run, self.asked, self.tolerance = run, asked, tolerance
        self.given = tensors(given)
        self.right = tensors(backward(run))
        self.rounding = [1e-12 * size(right) + 1e-300 for right in self.right]
        self.bounds = [self.bound(i, each) for i, each in enumerate(self.given)]
        self.bounds_right = [self.bound(i, each) for i, each in enumerate(self.right)]

    def bound(self, index: int, known: Array) -> float:
        """How far another tensor may be from this one and still be the same, as `same` has it."""
        return 2 * self.tolerance * size(known) + self.rounding[index]

    def agrees(self, index: int, predicted: Array) -> bool:
        """Whether this is the program's tensor, or nobody asks."""
        return not self.asked[index] or within(predicted, self.given[index], self.bounds[index])

    def matches(self, predicted: Sequence[Array]) -> list[bool]:
        return [self.agrees(i, each) for i, each in enumerate(predicted)]

    def explained(self, mistakes: Sequence[Hypothesis]) -> bool:
        """Whether these mistakes give the program's numbers; looked at from the output on, until one is another."""
        with np.errstate(all="ignore"):
            for i, each in enumerate(chain.from_iterable(layers_backwards(self.run, with_mistakes(mistakes)))):
                if not self.agrees(i, each):
                    return False
        return True

    def is_right(self) -> bool:
        return all(self.right_ones)

    @cached_property
    def right_ones(self) -> list[bool]:
        """Which of the program's tensors are right."""
        return self.matches(self.right)

    def predicted(self, mistakes: Sequence[Hypothesis]) -> list[Array]:
        with np.errstate(all="ignore"):
            return tensors(backward(self.run, with_mistakes(mistakes)))

    def changes(self, predicted: Sequence[Array]) -> list[bool]:
        return [
            asked and not within(p, r, bound)
            for p, r, bound, asked in zip(predicted, self.right, self.bounds_right, self.asked, strict=True)
        ]

    @cached_property
    def visible(self) -> list[Seen]:
        """Hypotheses that change any of the program's tensors on this network."""
        found = []
        for hypothesis in hypotheses(self.run):
            predicted = self.predicted([hypothesis])
            changed = self.changes(predicted)
            if any(changed):
                matches = [
                    self.agrees(i, predicted[i]) if changes else self.right_ones[i] for i, changes in enumerate(changed)
                ]
                found.append(Seen(hypothesis, matches, changed, signature(predicted, self.right)))
        return found

    def first_wrong(self) -> int | None:
        """Index, counted from the output backwards, of the first tensor that is not right."""
        return next((i for i, ok in enumerate(self.right_ones) if not ok), None)


def size(tensor: Array) -> float:
    return float(np.abs(tensor).max())


def within(one: Array, other: Array, bound: float) -> bool:
    return one.shape == other.shape and bool(np.abs(one - other).max() <= bound < np.inf)


def same(ours: Array, theirs: Array, right: Array, tolerance: float) -> bool:
    """Equal to round-off at every point, measured against the size of the right tensor where both are small."""
    if ours.shape != theirs.shape:
        return False
    gap = float(np.abs(ours - theirs).max())
    size = float(np.abs(ours).max() + np.abs(theirs).max())
    return bool(np.isfinite(gap)) and gap <= tolerance * size + 1e-12 * float(np.abs(right).max()) + 1e-300
