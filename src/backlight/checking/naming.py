"""Which mistake gives exactly the numbers that the user's backward pass gives."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backlight.checking.catalogue.change import Hypothesis
from backlight.checking.mistakes import hypotheses
from backlight.checking.reference import CORRECT, Parameters, Pass, backward
from backlight.networks.activations import Array

TOLERANCE = 1e-7
PAIR_SECONDS = 1.2
EQUIVALENT_SECONDS = 0.15  # for other pairs, once one is found


@dataclass(frozen=True)
class Name:
    """An explanation of a gradient: one mistake or two, and the others that give the same numbers."""

    mistakes: tuple[Hypothesis, ...]
    equivalents: tuple[tuple[Hypothesis, ...], ...] = ()


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

    def matches(self, predicted: Sequence[Array]) -> list[bool]:
        return [
            not asked or same(ours, theirs, right, self.tolerance)
            for ours, theirs, right, asked in zip(self.given, predicted, self.right, self.asked, strict=True)
        ]

    def explained(self, mistakes: Sequence[Hypothesis]) -> bool:
        """Whether these mistakes give the program's numbers; the last tensor depends on most and is looked at first."""
        predicted = self.predicted(mistakes)
        order = reversed(range(len(self.given)))
        return all(not self.asked[i] or same(self.given[i], predicted[i], self.right[i], self.tolerance) for i in order)

    def is_right(self) -> bool:
        return all(self.matches(self.right))

    def predicted(self, mistakes: Sequence[Hypothesis]) -> list[Array]:
        terms = CORRECT
        for mistake in mistakes:
            terms = mistake.change(terms)
        with np.errstate(all="ignore"):
            return tensors(backward(self.run, terms))

    @cached_property
    def visible(self) -> list[tuple[Hypothesis, list[bool]]]:
        """Hypotheses that change anything on this network, and which of the program's tensors each explains."""
        found = []
        for hypothesis in hypotheses(self.run):
            predicted = self.predicted([hypothesis])
            if not all(same(p, r, r, self.tolerance) for p, r in zip(predicted, self.right, strict=True)):
                found.append((hypothesis, self.matches(predicted)))
        return found

    def name(self) -> Name | None:
        """One mistake if one explains everything, else two; None where nothing does."""
        return self.single() or self.pair()

    def single(self) -> Name | None:
        found = [(hypothesis,) for hypothesis, pattern in self.visible if all(pattern)]
        return Name(found[0], tuple(found[1:])) if found else None

    def pair(self) -> Name | None:
        """Pairs whose parts together explain most tensors are tried first."""
        visible = [hypothesis for hypothesis, _ in self.visible]
        if len(visible) < 2:
            return None
        patterns = [pattern for _, pattern in self.visible]
        table = np.array(patterns)
        a, b = np.triu_indices(len(visible), 1)
        weight = 2.0 ** np.arange(len(self.given), 0, -1)
        best = np.argsort(-((table[a] | table[b]) @ weight), kind="stable")
        found: list[tuple[Hypothesis, ...]] = []
        end = time.monotonic() + PAIR_SECONDS
        for index in best:
            if time.monotonic() > end:
                break
            first, second = visible[a[index]], visible[b[index]]
            for pair in ((first, second), (second, first)):
                if self.explained(pair):
                    end = min(end, time.monotonic() + EQUIVALENT_SECONDS) if not found else end
                    found.append(pair)
                    break
        return Name(found[0], tuple(found[1:])) if found else None

    def first_wrong(self) -> int | None:
        """Index, counted from the output backwards, of the first tensor that is not right."""
        return next((i for i, ok in enumerate(self.matches(self.right)) if not ok), None)


def same(ours: Array, theirs: Array, right: Array, tolerance: float) -> bool:
    """Equal to round-off at every point, measured against the size of the right tensor where both are small."""
    if ours.shape != theirs.shape:
        return False
    gap = float(np.abs(ours - theirs).max())
    size = float(np.abs(ours).max() + np.abs(theirs).max())
    return bool(np.isfinite(gap)) and gap <= tolerance * size + 1e-12 * float(np.abs(right).max()) + 1e-300
