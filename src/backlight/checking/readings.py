"""Of all ways in which a file can be read as a network, the one under which it is most right."""

from collections.abc import Iterator
from dataclasses import dataclass
from contextlib import suppress

import numpy as np

from backlight.checking.construct import TRIED_SIZES, Maker, Sizes
from backlight.checking.discover import NotFoundError, Stage, networks, subjects
from backlight.checking.feed import feeds
from backlight.checking.gradients import TOLERANCE, Sampled, numeric_gradients, relative_error
from backlight.checking.identify import LossFit, Network, identify_both, identify_loss, identify_network, measure
from backlight.checking.program import Program
from backlight.checking.store import slots
from backlight.checking.subject import Subject, generic_values

POINTS = (1, 2, 3)


@dataclass(frozen=True)
class Reading:
    """A subject, what it computes, and how its gradient compares with central differences.

    Attributes:
        network, fit: the textbook's form of network and loss; None where they were not recognised.
        errors: relative error of each parameter's gradient, the largest over the points tried; empty without a loss.
    """

    subject: Subject
    sizes: Sizes
    network: Network | None
    fit: LossFit | None
    errors: tuple[float, ...]

    @property
    def right(self) -> bool:
        return bool(self.errors) and max(self.errors) <= TOLERANCE

    @property
    def rank(self) -> tuple[bool, bool, bool, float]:
        """The smaller the better."""
        clean = self.fit is not None and not self.fit.term.mistake
        return (not self.right, not clean, self.network is None, max(self.errors, default=1.0))


def best_reading(program: Program, target: str | None, activation: str | None = None) -> Reading:
    """Sizes in order; the first for which the file can be read at all. Raises NotFoundError."""
    failures: list[Stage] = []
    for sizes in [*TRIED_SIZES[:3], *fixed_sizes(program, target), *TRIED_SIZES[3:]]:
        found: list[Reading] = []
        for reading in readings(program, target, sizes, activation, failures):
            found.append(reading)
            if reading.right and reading.rank[1:3] == (False, False):
                break
        if found:
            return min(found, key=lambda reading: reading.rank)
    raise NotFoundError(max(failures, key=lambda stage: stage.depth, default=Stage(0, "no network was found")))


def fixed_sizes(program: Program, target: str | None) -> list[Sizes]:
    """Widths that are written into the program, where it asks for none; in both orientations."""
    tried = TRIED_SIZES[0]
    feed = feeds(tried.inputs, tried.classes)[0]
    for made in networks(program, Maker(program, tried, feed), target):
        shapes = [
            slot.read().shape for slot in slots(made.network) if slot.read().ndim == 2 and min(slot.read().shape) > 1
        ]
        if shapes and tried.inputs not in shapes[0]:
            ends = {(shapes[0][0], shapes[-1][1]), (shapes[0][1], shapes[-1][0])}
            return [Sizes(int(d), tried.hidden, int(k)) for d, k in sorted(ends) if d * k < 100_000]
    return []


def readings(
    program: Program, target: str | None, sizes: Sizes, activation: str | None, failures: list[Stage]
) -> Iterator[Reading]:
    for feed in feeds(sizes.inputs, sizes.classes):
        try:
            for subject in subjects(program, Maker(program, sizes, feed, activation), target):
                with suppress(ArithmeticError, ValueError, TypeError, IndexError, KeyError, AttributeError):
                    yield read(subject, sizes)
        except NotFoundError as error:
            failures.append(error.stage)


def read(subject: Subject, sizes: Sizes) -> Reading:
    if sizes.classes > 1 and not any(sizes.classes in slot.read().shape for slot in subject.slots):
        raise ValueError("these are not the widths that were asked for")
    network, fit = identify(subject)
    errors = gradient_errors(subject, POINTS[:1]) if subject.has_loss else ()
    return Reading(subject, sizes, network, fit, errors)


def identify(subject: Subject) -> tuple[Network | None, LossFit | None]:
    network = identify_network(subject)
    measured = measure(subject) if subject.has_loss else None
    if measured is None:
        return network, None
    if network is not None:
        return network, identify_loss(subject, network, measured)
    both = identify_both(subject, measured) if subject.outputs() is None else None
    return both or (None, None)


def gradient_errors(subject: Subject, points: tuple[int, ...]) -> tuple[float, ...]:
    """Of each parameter, the largest relative error over the points."""
    each = []
    for seed in points:
        values = generic_values(subject, seed)
        numeric = numeric_gradients(subject, values, seed)
        subject.assign(values)
        each.append(compare(subject, numeric))
    return tuple(np.max(each, axis=0))


def compare(subject: Subject, numeric: list[Sampled]) -> list[float]:
    shapes = [slot.read().shape for slot in subject.slots]
    return [relative_error(g, n, s) for g, n, s in zip(subject.gradients(), numeric, shapes, strict=True)]
