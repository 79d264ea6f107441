"""A finding with its line and its patch: from an edit that is proven by trying, else from what the lines look like."""

import dataclasses
import re
from collections.abc import Sequence

from backlight.checking.acceptance import Goal
from backlight.checking.edits import Edit, Site
from backlight.checking.edits_exchanged import deleted, dropped
from backlight.checking.influence import Influence, influence
from backlight.checking.inside import InsideCode
from backlight.checking.places import likelihood, likely_line
from backlight.checking.program import Program
from backlight.checking.repair import Lines, Workshop, executed_lines, shown
from backlight.checking.source import Sources, lines_of
from backlight.checking.subject import Subject
from backlight.checking.trials import candidates, executed_sites, mend
from backlight.checking.verdict import Finding, Patch
from backlight.checking.wording import wording


def finding_of(name: str, evidence: tuple[str, ...], tensor: str | None) -> Finding:
    """A mistake in the catalogue's words, not yet traced to a line."""
    words = wording(name)
    title, explanation = words.title, words.explanation
    return Finding(
        words.code, name, words.kind, words.severity, title, explanation, words.formula, evidence, tensor=tensor
    )


def mended(
    program: Program, subject: Subject, finding: Finding, lines: Lines, goal: Goal, proof: str, seconds: float
) -> Finding:
    """The finding with a patch that reaches the goal, and the line that it changes; without one, the likely line."""
    workshop = Workshop(program)
    found = executed_sites(program, lines, likelihood(finding))
    bears = influence(workshop, subject, found, goal.wrong)
    without = (deleted, dropped) if goal.whole else ()
    edits = candidates(found, finding.name, bears, is_spread(finding), without)
    edit = mend(workshop, subject, edits, goal, seconds)
    if edit is None:
        return located(program.sources, finding, found, bears)
    return patched(program.sources, finding, edit, proof)


def is_spread(finding: Finding) -> bool:
    """Whether the same was probably written in several places."""
    where = finding.evidence[0] if finding.evidence else ""
    several = finding.kind in ("loss", "initialisation")
    return several or re.match(r"all |every |weights|biases|data part", where) is not None


def patched(sources: Sources, finding: Finding, edit: Edit, proof: str) -> Finding:
    change = shown(sources, edit)
    patch = Patch(change.file, change.line, change.before, change.after, change.diff, f"with this edit {proof}")
    text = line_text(sources, change.file, edit.line)
    return dataclasses.replace(finding, file=change.file, line=edit.line, text=text, patch=patch)


def located(sources: Sources, finding: Finding, found: Sequence[Site], bears: Influence) -> Finding:
    """Without a patch: the executed line that looks most like the place of such a mistake."""
    best = likely_line(finding, found, bears)
    if best is None:
        return finding
    return at_line(sources, finding, *best)


def at_line(sources: Sources, finding: Finding, file: str, line: int) -> Finding:
    return dataclasses.replace(finding, file=file, line=line, text=line_text(sources, file, line))


def line_text(sources: Sources, file: str, line: int) -> str:
    lines = lines_of(sources.texts[file])
    return lines[line - 1].rstrip("\r\n") if 0 < line <= len(lines) else ""


def backward_lines(subject: Subject) -> Lines:
    """What the backward pass runs through, and neither the forward pass nor a loss function of its own does."""
    before = executed_lines(subject.before_backward())
    if isinstance(subject, InsideCode) and subject.inside is not None:
        before = subject.forward_lines() | before
    return {
        file: {line: order for line, order in lines.items() if line not in before.get(file, {})}
        for file, lines in executed_lines(subject.gradients).items()
    }


def all_lines(subject: Subject) -> Lines:
    """What the loss and the backward pass run through."""
    lines = executed_lines(subject.loss)
    for file, numbers in executed_lines(subject.gradients).items():
        last = len(lines.setdefault(file, {}))
        lines[file] |= {line: last + order for line, order in numbers.items() if line not in lines[file]}
    return lines
