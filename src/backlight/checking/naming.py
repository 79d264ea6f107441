"""Which mistake gives exactly the numbers that the user's backward pass gives."""

import itertools
import time
from collections.abc import Iterator, Sequence

import numpy as np

from backlight.checking.catalogue.change import Hypothesis
from backlight.checking.catalogue.open_numbers import Open, open_mistakes
from backlight.checking.matcher import Matcher, Name, Seen, same
from backlight.checking.slope_fit import other_slope

PAIR_SECONDS = 1.2
EQUIVALENT_SECONDS = 0.15  # for other pairs, once one is found


def single(found: Matcher) -> Name | None:
    """A known mistake; else one with a number that is solved for; else another formula for a slope."""
    known = [(seen.hypothesis,) for seen in found.visible if all(seen.matches)]
    if known:
        return Name(known[0], tuple(known[1:]))
    for mistake in open_mistakes(found.run):
        closed = closed_by(found, mistake, ())
        if closed is not None:
            return Name((closed,))
    slope = other_slope(found)
    return None if slope is None else Name((slope,))


def closed_by(found: Matcher, mistake: Open, beside: Sequence[Hypothesis]) -> Hypothesis | None:
    """The mistake with the number that gives the program's numbers; None if there is none.

    The first tensor that depends on the number does so linearly: T(c) = T(0) + c (T(1) − T(0)).
    """
    zero, one = (found.predicted([*beside, mistake.closed(c)]) for c in (0.0, 1.0))
    for i, (a, b) in enumerate(zip(zero, one, strict=True)):
        if not found.asked[i] or same(a, b, found.right[i], found.tolerance):
            continue
        direction = (b - a).ravel()
        with np.errstate(all="ignore"):
            number = float((found.given[i] - a).ravel() @ direction / (direction @ direction))
        if not np.isfinite(number) or not same(a + number * (b - a), found.given[i], found.right[i], found.tolerance):
            return None
        closed = mistake.closed(number)
        return closed if found.explained([*beside, closed]) else None
    return None


def pair(found: Matcher) -> Name | None:
    """Two known mistakes; else a known one and one with a number that is solved for."""
    if len(found.visible) < 2:
        return None
    end = time.monotonic() + PAIR_SECONDS
    groups: dict[tuple[str, ...], list[Seen]] = {}
    for seen in found.visible:
        groups.setdefault(seen.signature, []).append(seen)
    members = list(groups.values())
    for first, second in likely_pairs(found, [group[0] for group in members]):
        if time.monotonic() > end:
            return None
        one, other = members[first], members[second]
        if explains(found, one[0], other[0]) is not None:
            pairs = equivalents(found, one, other)
            return Name(pairs[0], tuple(pairs[1:]))
    return two_open(found) or known_and_open(found, [group[0] for group in members], end)


def likely_pairs(found: Matcher, seen: Sequence[Seen]) -> Iterator[tuple[int, int]]:
    """Pairs that no tensor speaks against, those first in which fewest tensors are changed by both.

    What neither changes must be right in the program; what one of them changes must be what this one gives.
    """
    matches, changes = np.array([s.matches for s in seen]), np.array([s.changes for s in seen])
    a, b = np.triu_indices(len(seen), 1)
    fits = np.ones(len(a), dtype=bool)
    for i, right in enumerate(found.right_ones):
        by_a, by_b = changes[a, i], changes[b, i]
        fits &= (by_a & by_b) | np.where(by_a, matches[a, i], np.where(by_b, matches[b, i], right))
    a, b = a[fits], b[fits]
    both = (changes[a] & changes[b]).sum(axis=1)
    for index in np.lexsort((a + b, both)):
        yield int(a[index]), int(b[index])


def explains(found: Matcher, one: Seen, other: Seen) -> tuple[Hypothesis, Hypothesis] | None:
    """The two in the order in which they give the program's numbers."""
    for ordered in ((one.hypothesis, other.hypothesis), (other.hypothesis, one.hypothesis)):
        if found.explained(ordered):
            return ordered
    return None


def equivalents(found: Matcher, ones: Sequence[Seen], others: Sequence[Seen]) -> list[tuple[Hypothesis, Hypothesis]]:
    """All pairs of mistakes that give the same numbers alone and the program's together."""
    end = time.monotonic() + EQUIVALENT_SECONDS
    pairs: list[tuple[Hypothesis, Hypothesis]] = []
    for one in ones:
        for other in others:
            if pairs and time.monotonic() > end:
                return pairs
            explanation = explains(found, one, other)
            if explanation is not None:
                pairs.append(explanation)
    return pairs


def two_open(found: Matcher) -> Name | None:
    """Two mistakes with numbers, both solved for in the first wrong tensor: T = T(0, 0) + c D + c′ D′."""
    place = found.first_wrong()
    if place is None:
        return None
    right, given, unknown = found.right[place], found.given[place], list(open_mistakes(found.run))
    ends = [tuple(found.predicted([each.closed(c)])[place] for c in (0.0, 1.0)) for each in unknown]
    for (one, (a0, a1)), (other, (b0, b1)) in itertools.combinations(zip(unknown, ends, strict=True), 2):
        columns = np.stack([(a1 - a0).ravel(), (b1 - b0).ravel()], axis=-1)
        if not (np.isfinite(columns).all() and np.abs(columns).max(axis=0).all()):
            continue
        wanted = (given - (a0 + b0 - right)).ravel()
        numbers, *_ = np.linalg.lstsq(columns, wanted, rcond=None)
        if np.abs(columns @ numbers - wanted).max() > found.tolerance * np.abs(given).max():
            continue
        closed = (one.closed(float(numbers[0])), other.closed(float(numbers[1])))
        for ordered in (closed, closed[::-1]):
            if found.explained(ordered):
                return Name(ordered)
    return None


def known_and_open(found: Matcher, seen: Sequence[Seen], end: float) -> Name | None:
    unknown = list(open_mistakes(found.run))
    reach = [found.changes(found.predicted([mistake.closed(0.37)])) for mistake in unknown]
    for each in sorted(seen, key=lambda s: sum(s.changes)):
        for mistake, reached in zip(unknown, reach, strict=True):
            if time.monotonic() > end:
                return None
            if any(
                not r and not (m if c else ok)
                for r, m, c, ok in zip(reached, each.matches, each.changes, found.right_ones, strict=True)
            ):
                continue
            closed = closed_by(found, mistake, (each.hypothesis,))
            if closed is not None:
                return Name((each.hypothesis, closed))
    return None


def also_called(mistake: Hypothesis) -> set[str]:
    """Names of the same mistake, seen from another side."""
    if mistake.name == "penalty-scale":  # either of loss and gradient may be meant
        return {"loss-penalty-scale"} if mistake.site == "all layers" else set()
    # a factor of −1; a sum over both axes is one over the wrong axis, too
    return {"wrong-sign": {"constant-factor"}, "bias-scalar": {"bias-axis"}}.get(mistake.name, set())
