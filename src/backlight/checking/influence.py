"""Which gradients a statement bears on: each right-hand side is changed once, and what changes with it is looked at.

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

LOSS = -1  # among the gradients' numbers
Readout = list[Array | None]  # the gradients, and last the loss
CHANGED = "({}) * 1.37 + 0.11"  # by which nothing in a network is changed otherwise; zeros are, too


@dataclass(frozen=True)
class Influence:
    """What is wrong, and for each statement what depends on it: gradients by number, the loss as `LOSS`.

    None where it is not known what depends on a statement.
    """

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
        """How much that is right depends on the statement as well."""
        reached = self.at(site)
        return 0 if not self.wrong else 1 if reached is None else len(reached - self.wrong)


NOWHERE = Influence(frozenset(), {})


def place(site: Site) -> tuple[str, int, int]:
    return site.file, site.statement.lineno, site.statement.col_offset


def influence(workshop: Workshop, subject: Subject, found: Sequence[Site], wrong: frozenset[int]) -> Influence:
    """The influence of each statement, by running the program once for each."""
    if not wrong:
        return NOWHERE
    try:
        before = readout(subject)
    except Exception:
        return NOWHERE
    of: dict[tuple[str, int, int], frozenset[int] | None] = {}
    for site in found:
        of[place(site)] = reached(workshop, subject, site, before)
    return Influence(wrong, of)


def readout(subject: Subject) -> Readout:
    subject.assign(generic_values(subject, POINTS[0]))
    gradients = [None if g is None else np.array(g) for g in subject.gradients()]
    return [*gradients, np.array(subject.loss()) if subject.has_loss else None]


def reached(workshop: Workshop, subject: Subject, site: Site, before: Readout) -> frozenset[int] | None:
    if site.value is None:
        return None
    after: list[Readout] = []

    def look(other: Subject) -> bool:
        after.append(readout(other))
        return True

    start, end = site.span(site.value)
    changed = Edit(site.file, start, end, CHANGED.format(site.text(site.value)), site.statement.lineno)
    if not workshop.tried(changed, subject, look) or not after:
        return None
    changes = [differs(a, b) for a, b in zip(before, after[0], strict=True)]
    found = frozenset(LOSS if i == len(before) - 1 else i for i, change in enumerate(changes) if change)
    return found or None  # an index, a count, a condition: more than a factor tells


def differs(one: Array | None, other: Array | None) -> bool:
    if one is None or other is None:
        return one is not other
    return one.shape != other.shape or not np.allclose(one, other, rtol=1e-9, atol=1e-14, equal_nan=True)
