"""What is odd about a program without being wrong: numbers that may overflow, random ones, arrays that are changed."""

import dataclasses

from backlight.checking.chance import drawing, drawing_line
from backlight.checking.mending import at_line, finding_of
from backlight.checking.numerics import oddities
from backlight.checking.program import Program
from backlight.checking.subject import Subject
from backlight.checking.verdict import Finding


def remarks(program: Program, subject: Subject, known: set[str]) -> list[Finding]:
    """Each kind once, but for what is known already."""
    findings: dict[str, Finding] = {}
    for oddity in oddities(program, subject):
        if oddity.name in known or oddity.name in findings:
            continue
        finding = dataclasses.replace(finding_of(oddity.name, (oddity.evidence,), None), severity="note")
        if oddity.line is not None:
            finding = at_line(program.sources, finding, oddity.file or program.sources.main, oddity.line)
        findings[oddity.name] = finding
    return [*chance(program, subject), *findings.values()]


def chance(program: Program, subject: Subject) -> list[Finding]:
    what = drawing(subject)
    if what is None:
        return []
    finding = finding_of("nondeterministic", (f"{what} of two calls with other random numbers differ",), None)
    place = drawing_line(program.sources, subject)
    return [finding if place is None else at_line(program.sources, finding, *place)]
