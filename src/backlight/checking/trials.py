"""In which order edits are tried: what usually mends such a mistake, where only wrong gradients depend on it, first."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, groupby

from backlight.checking.acceptance import Goal
from backlight.checking.edit_families import stages_for
from backlight.checking.edits import Edit, Family, Site, sites, together
from backlight.checking.edits_alike import repeated
from backlight.checking.edits_exchanged import deleted
from backlight.checking.influence import Influence
from backlight.checking.program import Program
from backlight.checking.repair import Lines, Workshop
from backlight.checking.subject import Subject

Likely = Callable[[Site], float]
Key = tuple[tuple[str, int, int, str], ...]


def executed_sites(program: Program, lines: Lines, likely: Likely) -> list[Site]:
    """Statements that ran, the likely ones first, then in the order of running."""
    found: list[Site] = []
    for file, numbers in lines.items():
        if file in program.trees:
            found += sites(file, program.sources.texts[file], program.trees[file], set(numbers))
    found.sort(key=lambda site: lines[site.file][site.statement.lineno])
    found.sort(key=lambda site: -likely(site))
    return found


def candidates(
    found: Sequence[Site], mistake: str, bears: Influence, spread: bool, without: Sequence[Family] = ()
) -> Iterator[Edit]:
    """Edits of these statements, each once, of all families but those left out.

    With `spread`, the same edit in several places comes before the same in one, but for statements left out.
    """
    seen: set[Key] = set()
    single = sorted((site for site in found if bears.covers(site)), key=bears.excess)
    several = [site for site in found if bears.touches(site)]
    for stage_families in stages_for(mistake):
        families = [family for family in stage_families if family not in without]
        anew = in_each(repeated, found) if repeated in families else ()  # of another variable than the statement's
        for edit in chain(anew, stage(families, single, several, bears, spread)):
            key = tuple((piece.file, piece.start, piece.end, piece.text) for piece in edit.pieces)
            if key not in seen:
                seen.add(key)
                yield edit


def stage(
    families: Sequence[Family], single: Sequence[Site], several: Sequence[Site], bears: Influence, spread: bool
) -> Iterator[Edit]:
    """Where it is known what is wrong: the one place that computes all of it, several places, then one further up."""
    if not bears.wrong:
        for family in families:
            if spread and family is not deleted:
                yield from in_several(family, several)
            yield from in_each(family, single)
            if not spread or family is deleted:
                yield from in_several(family, several)
        return
    near = [site for site in single if bears.excess(site) == 0]
    yield from (edit for family in families for edit in in_each(family, near))
    if spread:
        both = [edit for family in families for edit in in_several(family, several)]
        yield from sorted(both, key=lambda edit: len({piece.line for piece in edit.pieces}) > 1)
    for _, group in groupby(single[len(near) :], key=bears.excess):
        far = list(group)
        yield from (edit for family in families for edit in in_each(family, far))
    if not spread:
        yield from (edit for family in families for edit in in_several(family, several))


def in_each(family: Family, found: Sequence[Site]) -> Iterator[Edit]:
    for site in found:
        yield from family(site)


def in_several(family: Family, found: Sequence[Site]) -> Iterator[Edit]:
    """The same edit in all places of a file where it is possible."""
    for file in dict.fromkeys(site.file for site in found):
        own = [site for site in found if site.file == file]
        yield from together([edit for site in own for edit in family(site)], own[0].source)


def mend(workshop: Workshop, subject: Subject, edits: Iterator[Edit], goal: Goal, seconds: float) -> Edit | None:
    """The first edit that is accepted; None if time runs out.

    Time is the processor's, so that a busy machine finds what an idle one does.
    """
    end = time.process_time() + seconds
    for edit in edits:
        if time.process_time() > end:
            return None
        likely = workshop.tried(edit, subject, goal.quick or goal.accept)
        if likely and workshop.tried_whole(edit, subject, goal.accept):
            return edit
    return None
