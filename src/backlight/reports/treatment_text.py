"""A Treatment on a terminal, and as a document for JSON."""

from dataclasses import asdict
from typing import Any

from rich.console import Console

from backlight.diagnosis.catalogue import CAUSES
from backlight.diagnosis.treatment import Arm, Outcome, Treatment
from backlight.reports.check_text import Paper
from backlight.reports.check_words import Part

SAID: dict[Outcome, str] = {
    "cured": "cured: with this change clearly more networks learn",
    "not cured": "not cured: no more networks learn with it than without",
    "cannot tell": "cannot tell: the intervals overlap; more seeds (--seeds) may tell",
    "only the seed": "it was only the seed: the same settings learn with other seeds, and the change adds nothing",
    "healthy": "nothing to treat: no rule found anything wrong",
    "not tried": "not tried: what helps is no setting that can be changed here",
}


def print_treatment(treatment: Treatment, console: Console) -> None:
    """Prints the answer, what was changed, and the arms beside each other."""
    paper = Paper(console)
    good = treatment.outcome in ("cured", "healthy")
    paper.line(f"{treatment.diagnosis.subject}: {SAID[treatment.outcome]}", "bold green" if good else "bold yellow")
    if treatment.finding:
        cause = CAUSES[treatment.finding]
        paper.gap()
        paper.part(Part("The cause", (f"{cause.code} {treatment.finding}: {cause.title}",)), 0)
    if treatment.change is not None:
        paper.part(Part("The change", (str(treatment.change),)), 0)
    if treatment.instruction:
        paper.part(Part("What to try", (treatment.instruction,)), 0)
    if treatment.arms:
        paper.gap()
        n = treatment.arms[0].success.n
        label = f"Trained anew, each with the same {n} seeds that the run did not have"
        paper.part(Part(label, tuple(in_a_line(each) for each in treatment.arms), "list"), 0)
        paper.part(Part("Learnt", (f"held-out accuracy of at least {treatment.needed:.3f}",)), 0)


def in_a_line(arm: Arm) -> str:
    rate = arm.success
    share = f"{rate.estimate:.0%} learnt [{rate.low:.0%}, {rate.high:.0%}]"
    return f"{arm.label}: {share}, mean accuracy {arm.accuracy:.3f}"


def document(treatment: Treatment) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "run": treatment.diagnosis.subject,
        "outcome": treatment.outcome,
        "finding": treatment.finding,
        "change": None if treatment.change is None else asdict(treatment.change),
        "instruction": treatment.instruction,
        "needed": treatment.needed if treatment.arms else None,
        "arms": [asdict(arm) for arm in treatment.arms],
    }
