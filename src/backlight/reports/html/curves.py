"""What happened: losses, accuracies and whatever else was recorded as a number a step; several runs overlaid."""

from collections.abc import Mapping, Sequence

from backlight.recording.run import Run
from backlight.reports.html.axes import Kind
from backlight.reports.html.fragments import panels, paragraph
from backlight.reports.html.lines import Line, line_figure

TOGETHER: dict[str, tuple[str, Kind]] = {  # scalars whose names have the word share a picture
    "loss": ("loss", "log"),
    "acc": ("accuracy", "linear"),
    "error": ("error", "linear"),
}
MOST_PICTURES = 24


def curves_html(runs: Mapping[str, Run]) -> str:
    """`runs` by the labels that tell them apart."""
    figures, left_out = curve_figures(runs)
    if not figures:
        return paragraph("No scalar is recorded.")
    left = f" {left_out} more scalars are not drawn." if left_out else ""
    return paragraph(f"Faint: as recorded; bold: mean over 3 % of the steps.{left}", "small") + panels(figures)


def curve_figures(runs: Mapping[str, Run]) -> tuple[list[str], int]:
    """A picture a kind of number, and how many kinds are left out."""
    names = list(dict.fromkeys(name for run in runs.values() for name in run.scalar_names()))
    groups: dict[tuple[str, Kind], list[str]] = {}
    for name in names:
        word = next((word for word in TOGETHER if word in name.lower()), "")
        groups.setdefault(TOGETHER.get(word, (name, "linear")), []).append(name)
    order = [*(group for group in TOGETHER.values() if group in groups), *groups]
    shown = list(dict.fromkeys(order))
    figures = [line_figure(title, lines_of(runs, groups[title, kind]), kind) for title, kind in shown[:MOST_PICTURES]]
    return figures, max(0, len(shown) - MOST_PICTURES)


def lines_of(runs: Mapping[str, Run], names: Sequence[str]) -> list[Line]:
    """Of one run a colour a scalar; of several a colour a run and a dash a scalar."""
    lines = []
    for number, (label, run) in enumerate(runs.items()):
        for at, name in enumerate(names):
            steps, values = run.scalar(name)
            if not len(steps):
                continue
            if len(runs) == 1:
                lines.append(Line(name, steps, values, at, at))
            else:
                lines.append(Line(f"{label} {name}", steps, values, number, at))
    return lines
