"""Asking a run every question, in order: what fails first is the cause, what fails later its consequence."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from backlight.diagnosis.catalogue import CAUSES
from backlight.diagnosis.finding import Diagnosis, Finding
from backlight.diagnosis.record import MissingError, Record
from backlight.diagnosis.rules.activity import dead_units
from backlight.recording.run import Run

Rule = Callable[[Record], Iterator[Finding]]
RULES: dict[str, Rule] = {"dead-units": dead_units}
SEVERITIES = ("prevents", "slows", "note")


def diagnose(run: Run | Path | str, mute: Iterable[str] = ()) -> Diagnosis:
    """Every rule over one run folder, during training or afterwards.

    Args:
        run: a run, or its folder.
        mute: codes or names of rules that are not asked.

    Raises:
        RunError: if there is no run in the folder.
    """
    opened = run if isinstance(run, Run) else Run.open(run)
    muted = set(mute)
    record = Record(opened)
    findings: list[Finding] = []
    passed, skipped = [], []
    for name, rule in RULES.items():
        if name in muted or CAUSES[name].code in muted:
            continue
        try:
            found = list(rule(record))
        except MissingError as error:
            skipped.append((name, str(error)))
            continue
        findings += found
        if not found:
            passed.append(name)
    first, later = in_order(findings)
    return Diagnosis(str(opened.folder), first, later, tuple(passed), tuple(skipped))


def in_order(findings: Sequence[Finding]) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """(findings of the first level that fails, those of later levels); notes fail no level."""
    ordered = sorted(findings, key=lambda each: (SEVERITIES.index(each.severity) == 2, CAUSES[each.name].level))
    failing = [each for each in ordered if each.severity != "note"]
    first = min((CAUSES[each.name].level for each in failing), default=None)
    causes = tuple(each for each in failing if CAUSES[each.name].level == first)
    return causes, tuple(each for each in ordered if each not in causes)
