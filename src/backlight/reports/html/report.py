"""One self-contained page of one run or of several: what happened, what went wrong and what to do, what was inside."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from backlight.diagnosis.diagnose import diagnose
from backlight.errors import SettingsError
from backlight.recording.run import Run
from backlight.reports.html.boundary import boundary_html
from backlight.reports.html.cost import cost_html
from backlight.reports.html.curves import curves_html
from backlight.reports.html.fragments import Section, panels, text
from backlight.reports.html.inside import inside_sections
from backlight.reports.html.page import document, write_page
from backlight.reports.html.predictions import predictions_html
from backlight.reports.html.settings import settings_html
from backlight.reports.html.several import differences_html, labels, verdicts_html
from backlight.reports.html.study import study_page
from backlight.reports.html.verdict import verdict_html
from backlight.training.study import Study

NAME = "report.html"


def report(*runs: Run | Study | Path | str, out: Path | str | None = None) -> Path:
    """Writes the page of a run, of several, or of a study, and says where: `out`, or report.html in the first folder.

    Args:
        runs: runs, studies, or their folders; a study alone.
        out: the file to write.

    Raises:
        SettingsError: if no run is given, or no folder is there to write into.
        RunError: if one of the folders cannot be read.
        OSError: if the page cannot be written.
    """
    folders = [run.folder if isinstance(run, Study) else run for run in runs]
    opened = [each if isinstance(each, Run) else Run.open(each) for each in folders]
    if not opened:
        raise SettingsError("a report needs at least one run folder, such as runs/mine")
    return write_page(Path(out) if out is not None else opened[0].folder / NAME, page(opened))


def page(runs: Sequence[Run]) -> str:
    """The whole file.

    Raises:
        SettingsError: if a study is not alone: its networks have no records to set beside those of a run.
    """
    studies = [run for run in runs if run.command == ("study",)]
    if len(runs) == 1 and studies:
        return study_page(Study.open(runs[0].folder))
    if studies:
        raise SettingsError(f"{studies[0].folder}: is a study, which has a report of its own; name it alone")
    named = labels(runs) if len(runs) > 1 else {"": runs[0]}
    diagnoses = {label: diagnose(run) for label, run in named.items()}
    if len(runs) > 1:
        title = f"Backlight report: {', '.join(named)}"
        first = [
            Section("verdict", "Did they learn?", verdicts_html(named, diagnoses)),
            Section("differences", "What sets them apart", differences_html(named)),
        ]
    else:
        title = f"Backlight report: {runs[0].folder.resolve().name}"
        first = [Section("verdict", "Did it learn?", verdict_html(runs[0], diagnoses[""]))]
    return document(title, [*first, *sections(named)])


def sections(runs: Mapping[str, Run]) -> list[Section]:
    """What follows the answer, of one run or of several."""
    several = len(runs) > 1
    settings = [heading(label) + settings_html(run) for label, run in runs.items()]
    drawn = [boundary_html(run, f"{label}: decision boundary" if several else "Decision boundary")
             for label, run in runs.items()]  # fmt: skip
    answers = [(label, predictions_html(run)) for label, run in runs.items()]
    found = [
        Section("settings", "What was trained", "".join(settings)),
        Section("curves", "What happened", curves_html(runs)),
        Section("boundary", "Decision boundary", panels(filter(None, drawn)) if several else "".join(drawn)),
        Section(
            "answers", "Right and wrong answers", "".join(heading(label) + body for label, body in answers if body)
        ),
        *inside_sections(runs),
        Section("cost", "What watching cost", cost_html(runs)),
    ]
    shown = {"boundary": any(drawn), "answers": any(body for _, body in answers)}
    return [each for each in found if shown.get(each.anchor, True)]


def heading(label: str) -> str:
    return f"<h3>{text(label)}</h3>" if label else ""
