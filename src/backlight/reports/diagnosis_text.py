"""A Diagnosis on a terminal, and as a document for JSON."""

from dataclasses import asdict
from typing import Any

from rich.console import Console

from backlight.diagnosis.catalogue import CAUSES, LEVELS, page_name
from backlight.diagnosis.finding import Diagnosis, Evidence, Finding, Severity
from backlight.reports.check_text import SEVERITY_STYLES, Paper
from backlight.reports.check_words import Part, counted, listed, one_line

SEVERITY_WORDS: dict[Severity, str] = {
    "prevents": "training fails",
    "slows": "learns, but worse",
    "note": "worth knowing",
}
MOST_UNITS = 8  # that are named


def print_diagnosis(diagnosis: Diagnosis, console: Console) -> None:
    """Prints the whole report: the answer first, then each cause, what may follow from it, what passed, what could not
    be asked."""
    paper = Paper(console)
    paper.line(headline(diagnosis), "bold green" if diagnosis.healthy else "bold red")
    told: set[str] = set()
    for finding in diagnosis.findings:
        paper.gap()
        paper.line(title(finding), SEVERITY_STYLES[finding.severity])
        for part in account(finding, finding.name in told):
            paper.part(part, 2)
        told.add(finding.name)
    later = [each for each in diagnosis.consequences if each.severity != "note"]
    notes = [each for each in diagnosis.consequences if each.severity == "note"]
    for label, findings in (
        ("Also found; it may follow from what stands above, so mend that first", later),
        ("Notes, which are no faults", notes),
    ):
        if findings:
            paper.gap()
            paper.part(Part(label, tuple(in_a_line(each) for each in findings), "list"), 0)
    for part in closing_parts(diagnosis):
        paper.gap()
        paper.part(part, 0)


def headline(diagnosis: Diagnosis) -> str:
    """The answer in one line.

    >>> headline(Diagnosis("runs/a", (), (), ("dead-units",), ()))
    'runs/a: nothing wrong was found; 1 rule passed'
    """
    subject = one_line(diagnosis.subject)
    if diagnosis.healthy:
        return f"{subject}: nothing wrong was found; {counted(len(diagnosis.passed), 'rule')} passed"
    level = CAUSES[diagnosis.findings[0].name].level
    names = listed(list(dict.fromkeys(each.name for each in diagnosis.findings)))
    return f"{subject}: {names} (the first question that fails: {LEVELS[level]})"


def title(finding: Finding) -> str:
    cause = CAUSES[finding.name]
    where = f", in layer {one_line(finding.layer)}" if finding.layer else ""
    return f"{cause.code}, {SEVERITY_WORDS[finding.severity]}: {cause.title}{where}"


def account(finding: Finding, told: bool = False) -> list[Part]:
    """All that is said of a cause, in the order in which one reads it; only its numbers if the rest is told already."""
    cause = CAUSES[finding.name]
    numbers = Part("The numbers", tuple(map(evidence_line, finding.evidence)), "list")
    if told:
        return [numbers]
    return [
        numbers,
        Part("What it means", (cause.meaning,)),
        Part("It usually comes from", cause.likely, "list"),
        Part("What to try, the likeliest first", cause.tries, "list"),
        Part("This would speak against it", (cause.against,)),
        Part("More", (f"docs/rules/{page_name(finding.name)}",)),
    ]


def evidence_line(evidence: Evidence) -> str:
    """A number beside its bound.

    >>> evidence_line(Evidence("share of dead units", 0.75, 0.5, "above", 200, "act/a1", (0, 3)))
    'share of dead units: 0.75, above 0.5 (act/a1, step 200, units 0 and 3)'
    """
    places = [one_line(evidence.tensor)] if evidence.tensor else []
    if evidence.step is not None:
        places.append(f"step {evidence.step}")
    if evidence.units:
        shown = [str(unit) for unit in evidence.units[:MOST_UNITS]]
        more = len(evidence.units) - len(shown)
        places.append(
            f"unit{'s' if len(evidence.units) > 1 else ''} {listed(shown)}" + (f" and {more} more" if more else "")
        )
    where = f" ({', '.join(places)})" if places else ""
    return f"{one_line(evidence.statistic)}: {evidence.value:.4g}, {evidence.passes} {evidence.bound:.4g}{where}"


def in_a_line(finding: Finding) -> str:
    return f"{title(finding)}. {evidence_line(finding.evidence[0])}"


def closing_parts(diagnosis: Diagnosis) -> list[Part]:
    """What passed, and what could not be asked, by what it would have needed."""
    parts = []
    if diagnosis.passed:
        parts.append(Part("Looked for and not found", (", ".join(diagnosis.passed),)))
    reasons: dict[str, list[str]] = {}
    for name, reason in diagnosis.skipped:
        reasons.setdefault(reason, []).append(name)
    if reasons:
        lines = tuple(f"{', '.join(names)}: needs {one_line(reason)}" for reason, names in reasons.items())
        parts.append(Part("Could not be looked for", lines, "list"))
    return parts


def document(diagnosis: Diagnosis) -> dict[str, Any]:
    """For JSON: the diagnosis with codes, titles and what to try."""

    def told(finding: Finding) -> dict[str, Any]:
        cause = CAUSES[finding.name]
        words = {"meaning": cause.meaning, "likely": cause.likely, "try": cause.tries, "against": cause.against}
        return {"code": cause.code, "title": cause.title, "level": int(cause.level), **asdict(finding), **words}

    return {
        "subject": diagnosis.subject,
        "healthy": diagnosis.healthy,
        "findings": [told(each) for each in diagnosis.findings],
        "consequences": [told(each) for each in diagnosis.consequences],
        "passed": diagnosis.passed,
        "skipped": [{"name": name, "needs": reason} for name, reason in diagnosis.skipped],
    }
