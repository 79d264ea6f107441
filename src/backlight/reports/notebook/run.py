"""A run in a notebook: did it learn, and if not, why; its curves; what was trained."""

from collections.abc import Iterator

from backlight.diagnosis.diagnose import diagnose
from backlight.recording.run import Run
from backlight.reports.html.curves import curve_figures
from backlight.reports.html.fragments import folded, panels
from backlight.reports.html.settings import settings_html
from backlight.reports.html.verdict import verdict_pieces
from backlight.reports.notebook import study
from backlight.reports.notebook.element import element
from backlight.training.study import Study


def html(run: Run) -> str:
    if run.command == ("study",):
        return study.html(Study.open(run.folder))
    return element(str(run.folder), pieces(run), f"backlight report {run.folder}")


def pieces(run: Run) -> Iterator[str]:
    yield from verdict_pieces(run, diagnose(run))
    figures, _ = curve_figures({"": run})
    for pair in zip(figures[::2], [*figures[1::2], ""], strict=False):
        yield panels(pair)
    yield folded("What was trained", settings_html(run))
