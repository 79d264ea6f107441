"""Which gradients a statement bears on: each right-hand side is scaled once, and what changes is looked at.

A single edit can only mend a statement that every wrong gradient depends on, and it is likelier made where nothing
right depends on it: the statement that computes the wrong quantity, and not one behind it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backlight.checking.edits import Edit, Site
from backlight.checking.readings import POINTS
from backlight.checking.repair import Workshop
from backlight.checking.subject import Subject, generic_values
from backlight.networks.activations import Array

Gradients = list[Array | None]
SCALE = "1.37"  # by which nothing in a network is scaled otherwise


@dataclass(frozen=True)
class Influence:
    """The wrong gradients, and for each statement the gradients that depend on it; None where that is not known."""

    wrong: frozenset[int]
    of: dict[tuple[str, int, int], frozenset[int] | None]

    def at(self, site: Site) -> frozenset[int] | None:
        return self.of.get(place(site))

    def covers(self, site: Site) -> bool:
        """Whether an edit here, and nowhere else, may mend all that is wrong."""
        reached = self.at(site)
        return reached is None or self.wrong <= reached

    def touches(self, site: Site) -> bool:
        """Whether an edit here may be a part of what mends."""
        reached = self.at(site)
        return reached is None or bool(self.wrong & reached) or not self.wrong

    def excess(self, site: Site) -> int:
        """How many right gradients depend on the statement as well."""
        reached = self.at(site)
        return 0 if not self.wrong else 1 if reached is None else len(reached - self.wrong)


NOWHERE = Influence(frozenset(), {})


def place(site: Site) -> tuple[str, int, int]:
    return site.file, site.statement.lineno, site.statement.col_offset


def influence(workshop: Workshop, subject: Subject, found: Sequence[Site], wrong: frozenset[int]) -> Influence:
    """The influence of each statement, by running the program once for each."""
    if not wrong:
        return NOWHERE
    before = first_gradients(subject)
    of: dict[tuple[str, int, int], frozenset[int] | None] = {}
    for site in found:
        of[place(site)] = reached(workshop, subject, site, before)
    return Influence(wrong, of)


def first_gradients(subject: Subject) -> Gradients:
    subject.assign(generic_values(subject, POINTS[0]))
    return [None if g is None else np.array(g) for g in subject.gradients()]


def reached(workshop: Workshop, subject: Subject, site: Site, before: Gradients) -> frozenset[int] | None:
    if site.value is None:
        return None
    after: list[Gradients] = []

    def look(changed: Subject) -> bool:
        after.append(first_gradients(changed))
        return True

    start, end = site.span(site.value)
    scaled = Edit(site.file, start, end, f"({site.text(site.value)}) * {SCALE}", site.statement.lineno)
    if not workshop.tried(scaled, subject, look) or not after:
        return None
    found = frozenset(i for i, (a, b) in enumerate(zip(before, after[0], strict=True)) if differs(a, b))
    return found or None  # an index, a count, a condition: more than a factor tells


def differs(one: Array | None, other: Array | None) -> bool:
    if one is None or other is None:
        return one is not other
    return one.shape != other.shape or not np.allclose(one, other, rtol=1e-9, atol=1e-14, equal_nan=True)
