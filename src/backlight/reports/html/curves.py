"""What happened: losses, accuracies and whatever else was recorded as a number a step; several runs overlaid."""

from collections.abc import Mapping

from backlight.recording.run import Run
from backlight.reports.html.fragments import panels, paragraph
from backlight.reports.html.lines import Line, line_figure
from backlight.reports.html.topics import Topic, scalar_topics, usual_first

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
    found: dict[str, dict[str, Topic]] = {}  # by title, then by the label of the run
    for label, run in runs.items():
        for topic in scalar_topics(run):
            found.setdefault(topic.title, {})[label] = topic
    titles = usual_first(found)
    figures = [line_figure(title, lines_of(found[title], list(runs)), next(iter(found[title].values())).kind)
               for title in titles[:MOST_PICTURES]]  # fmt: skip
    return figures, max(0, len(titles) - MOST_PICTURES)


def lines_of(topics: Mapping[str, Topic], labels: list[str]) -> list[Line]:
    """Of one run a colour a scalar; of several a colour a run and a dash a scalar."""
    names = list(dict.fromkeys(name for topic in topics.values() for name in topic.curves))
    lines = []
    for label, topic in topics.items():
        for name, (steps, values) in topic.curves.items():
            at = names.index(name)
            if len(labels) == 1:
                lines.append(Line(name, steps, values, at, at))
            else:
                lines.append(Line(f"{label} {name}", steps, values, labels.index(label), at))
    return lines
