"""Did it learn, and if not, why: what the rules find, while a run is trained and afterwards, asked seldom enough."""

import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from backlight.diagnosis.catalogue import CAUSES
from backlight.diagnosis.diagnose import diagnose
from backlight.diagnosis.finding import Diagnosis, Finding
from backlight.diagnosis.live import AT_ANY_TIME
from backlight.diagnosis.retraining import RETRAINING
from backlight.page.viewer.window import Version
from backlight.recording.overview import status_of
from backlight.recording.run import Run
from backlight.reports.diagnosis_text import account, closing_parts, evidence_line, title
from backlight.reports.html.cure import likeliest
from backlight.reports.html.verdict import accuracy_lines, answer, reason

SECONDS, SHARE = 3.0, 0.05  # between two diagnoses of one run at least; of the time that diagnosing may take
MOST = 32  # runs whose verdicts are kept


@dataclass
class Verdicts:
    """The last verdict on each run; a new one only if something was written and the last one is paid off."""

    _known: dict[Path, tuple[str, float, dict[str, Any]]] = field(default_factory=dict)
    _asking: threading.Lock = field(default_factory=threading.Lock)

    def of(self, version: Version) -> dict[str, Any]:
        with self._asking:  # one after the other: training needs the processor more
            mark, due, known = self._known.get(version.folder, ("", 0.0, {}))
            if mark == version.stamp or time.monotonic() < due:
                return known
            began = time.monotonic()
            found = verdict(version.run)
            took = time.monotonic() - began
            self._known.pop(version.folder, None)
            self._known[version.folder] = (version.stamp, began + max(SECONDS, took / SHARE), found)
            while len(self._known) > MOST:
                del self._known[next(iter(self._known))]
            return found


def verdict(run: Run) -> dict[str, Any]:
    """While it is trained only rules that need not wait for the end are asked."""
    status, step = status_of(run, run.events()), run.last_step()
    running = status == "running"
    found = diagnose(run, set(CAUSES) - AT_ANY_TIME if running else ())
    said = answer(run, found)
    sentence = said.sentence
    if running and not said.sentence.startswith("No: its loss"):
        sentence = f"It is being trained. {reason(found) or 'Nothing wrong was found so far.'}"
    return {
        "step": step,
        "status": status,
        "sentence": sentence,
        "good": said.good or (running and found.healthy),
        "figures": accuracy_lines(run) if running else said.figures,
        **findings(found),
        **cures(run, found),
    }


def findings(found: Diagnosis) -> dict[str, Any]:
    """Causes with evidence, meaning and cures; what may follow from them; notes; what was asked without an answer."""
    told: set[str] = set()
    causes = []
    for each in found.findings:
        causes.append(in_words(each, each.name in told))
        told.add(each.name)
    return {
        "causes": causes,
        "later": [in_words(each) for each in found.consequences if each.severity != "note"],
        "notes": [in_words(each) for each in found.consequences if each.severity == "note"],
        "asked": [asdict(part) for part in closing_parts(found)],
    }


def in_words(finding: Finding, told: bool = False) -> dict[str, Any]:
    parts = [asdict(part) for part in account(finding, told) if part.label != "More"]
    return {
        "title": title(finding),
        "severity": finding.severity,
        "evidence": evidence_line(finding.evidence[0]),
        "parts": parts,
    }


def cures(run: Run, found: Diagnosis) -> dict[str, Any]:
    """Whether there is something to try, and the first change as a command."""
    treatable = run.command in RETRAINING and not found.healthy
    first = likeliest(run, found) if treatable else None
    return {"treatable": treatable, "change": str(first[0]) if first else "", "command": first[1] if first else ""}
