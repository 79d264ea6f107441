"""Inside the network: dead and saturated units, how far updates go, every tensor's values over the steps."""

from collections.abc import Mapping, Sequence
from itertools import chain

from backlight.diagnosis.record import Record
from backlight.recording.run import Run, in_order_of_training
from backlight.reports.html.bands import band_figure, limits_of
from backlight.reports.html.fragments import Section, panels, paragraph
from backlight.reports.html.heat import heat_figure
from backlight.reports.html.lines import Line, line_figure
from backlight.reports.html.topics import DEAD, Topic, health_topics

KINDS = {"act": "Activations", "param": "Parameters", "grad": "Gradients", "update": "Updates"}
OTHERS = "Others"
MOST_LINES = 8  # in one picture; more become rows of shades
BUDGET = 4000  # stretches of all pictures together: the page stays small however long the run was
FEWEST, MOST = 16, 120  # stretches of one picture


def inside_sections(runs: Mapping[str, Run]) -> list[Section]:
    """Two parts: what to look at first, and all distributions."""
    several = len(runs) > 1
    health = "".join(health_html(run, f"{label}: " if several else "") for label, run in runs.items())
    return [
        Section("inside", "Inside the network", health),
        Section("distributions", "Distributions over the steps", distributions_html(runs)),
    ]


def health_html(run: Run, prefix: str) -> str:
    topics = health_topics(Record(run))
    missing = paragraph(f"{prefix}No layer with units that can be dead or saturated is recorded.")
    figures = [over_steps(f"{prefix}{each.title}", each) for each in topics]
    return ("" if any(each.title == DEAD for each in topics) else missing) + panels(figures)


def over_steps(title: str, topic: Topic) -> str:
    """Few curves as lines, many as rows of shades."""
    if len(topic.curves) > MOST_LINES:
        return heat_figure(title, topic.curves, topic.kind, topic.limits)
    lines = [Line(name, *curve, at, at // 4) for at, (name, curve) in enumerate(topic.curves.items())]
    return line_figure(title, lines, topic.kind, topic.limits)


def distributions_html(runs: Mapping[str, Run]) -> str:
    """A picture a tensor; of several runs beside each other, to the same scale."""
    orders = {label: run.tensor_order() for label, run in runs.items()}
    names = in_order_of_training(list(dict.fromkeys(name for order in orders.values() for name in order)))
    if not names:
        return paragraph("No tensor is recorded.")
    most = max(FEWEST, min(MOST, BUDGET // sum(map(len, orders.values()))))
    key = (
        "Pale to strong: all values, the middle 90 %, the middle 50 %; orange: the median; black bars: NaN or infinity."
    )
    parts = [paragraph(key, "small")]
    for title, tensors in by_kind(names).items():
        figures = [figures_of(name, runs, orders, most) for name in tensors]
        side_by_side = figures if len(runs) > 1 else [chain(*figures)]  # of several runs a row a tensor
        parts.append(f"<h3>{title}</h3>{''.join(map(panels, side_by_side))}")
    return "".join(parts)


def by_kind(names: Sequence[str]) -> dict[str, list[str]]:
    """Tensors under the titles of their kinds, which come in this order: activations, parameters, gradients, …"""
    found: dict[str, list[str]] = {title: [] for title in (*KINDS.values(), OTHERS)}
    for name in names:
        found[KINDS.get(name.split("/", 1)[0], OTHERS)].append(name)
    return {title: tensors for title, tensors in found.items() if tensors}


def figures_of(name: str, runs: Mapping[str, Run], orders: Mapping[str, list[str]], most: int) -> list[str]:
    series = {label: run.series(name) for label, run in runs.items() if name in orders[label]}
    limits = limits_of(*(each.merged(most) for each in series.values()))
    return [
        band_figure(name, each, most, limits, f"{name} · {label}" if len(runs) > 1 else name)
        for label, each in series.items()
    ]
