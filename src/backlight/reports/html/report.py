"""One self-contained page of one run or of several: what happened, what went wrong and what to do, what was inside."""

from collections.abc import Sequence
from pathlib import Path

from backlight.diagnosis.diagnose import diagnose
from backlight.errors import SettingsError
from backlight.files import write_atomically
from backlight.recording.run import Run
from backlight.reports.html.cost import cost_html
from backlight.reports.html.curves import curves_html
from backlight.reports.html.fragments import Section
from backlight.reports.html.inside import inside_sections
from backlight.reports.html.page import document
from backlight.reports.html.settings import settings_html
from backlight.reports.html.verdict import verdict_html

NAME = "report.html"


def report(*runs: Run | Path | str, out: Path | str | None = None) -> Path:
    """Writes the page and says where: `out`, or report.html in the folder of the first run.

    Raises:
        SettingsError: if no run is given.
        RunError: if one of the folders cannot be read.
        OSError: if the page cannot be written.
    """
    opened = [run if isinstance(run, Run) else Run.open(run) for run in runs]
    if not opened:
        raise SettingsError("a report needs at least one run folder, such as runs/mine")
    target = Path(out) if out is not None else opened[0].folder / NAME
    write_atomically(target, page(opened))
    return target


def page(runs: Sequence[Run]) -> str:
    return page_of_one(runs[0])


def page_of_one(run: Run) -> str:
    sections = [
        Section("verdict", "Did it learn?", verdict_html(run, diagnose(run))),
        Section("settings", "What was trained", settings_html(run)),
        Section("curves", "What happened", curves_html({"": run})),
        *inside_sections({"": run}),
        Section("cost", "What watching cost", cost_html({"": run})),
    ]
    return document(f"Backlight report: {run.folder.resolve().name}", sections)
