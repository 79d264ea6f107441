"""Inside the network: dead and saturated units, how far updates go, every tensor's values over the steps."""

from collections.abc import Mapping
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from backlight.diagnosis.record import MissingError, Record
from backlight.recording.run import Run, in_order_of_training
from backlight.recording.series import SummarySeries
from backlight.reports.html.axes import Kind, Values
from backlight.reports.html.bands import band_figure, limits_of
from backlight.reports.html.fragments import Section, panels, paragraph
from backlight.reports.html.heat import heat_figure
from backlight.reports.html.lines import Line, line_figure

KINDS = {"act": "Activations", "param": "Parameters", "grad": "Gradients", "update": "Updates"}
MOST_LINES = 8  # in one picture; more become rows of shades
BUDGET = 4000  # stretches of all pictures together: the page stays small however long the run was
FEWEST, MOST = 16, 120  # stretches of one picture
Curves = dict[str, tuple[NDArray[np.int64], Values]]


def inside_sections(runs: Mapping[str, Run]) -> list[Section]:
    """Two parts: what to look at first, and all distributions."""
    several = len(runs) > 1
    health = "".join(health_html(run, f"{label}: " if several else "") for label, run in runs.items())
    return [
        Section("inside", "Inside the network", health),
        Section("distributions", "Distributions over the steps", distributions_html(runs)),
    ]


def health_html(run: Run, prefix: str) -> str:
    record = Record(run)
    acts = {name: record.series(name) for name in record.names if name.startswith("act/")}
    gated = {name: series for name, series in acts.items() if series.live.shape[1]}
    shares: dict[str, Curves] = {
        "share of dead units": {name: (each.steps, each.dead_share) for name, each in gated.items()},
        "share of saturated values": {name: (each.steps, each.saturated_share) for name, each in gated.items()},
    }
    sizes = {"‖update‖ / ‖weights‖ (0.001 is usual)": ratios(record), "‖gradient‖": norms(record)}
    figures = [over_steps(prefix + title, each, "linear", (0, 1)) for title, each in shares.items() if each]
    figures += [over_steps(prefix + title, each, "log", None) for title, each in sizes.items() if each]
    missing = [] if gated else [paragraph(f"{prefix}No layer with units that can be dead or saturated is recorded.")]
    return "".join(missing) + panels(figures)


def ratios(record: Record) -> Curves:
    try:
        return dict(record.update_ratios())
    except MissingError:
        return {}


def norms(record: Record) -> Curves:
    """Of every step where they are known, or else of the recorded ones."""
    found: Curves = {}
    for name in record.names:
        if name.startswith("grad/"):
            steps, values = record.run.norms(name)
            series = record.series(name)
            found[name] = (steps, values.astype(np.float64)) if len(steps) else (series.steps, unhidden(series))
    return found


def unhidden(series: SummarySeries) -> Values:
    """Norms, NaN where a value is not finite: of the others alone they would look healthy."""
    return np.where(series.finite < series.count, np.nan, series.norm)


def over_steps(title: str, curves: Curves, kind: Kind, limits: tuple[float, float] | None) -> str:
    """Few curves as lines, many as rows of shades."""
    if len(curves) > MOST_LINES:
        return heat_figure(title, curves, kind, limits)
    lines = [Line(name, *curve, at, at // 4) for at, (name, curve) in enumerate(curves.items())]
    return line_figure(title, lines, kind, limits)


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
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(KINDS.get(name.split("/", 1)[0], "Others"), []).append(name)
    for title in [*KINDS.values(), "Others"]:
        figures = [figures_of(name, runs, orders, most) for name in groups.get(title, [])]
        if figures:
            side_by_side = figures if len(runs) > 1 else [chain(*figures)]  # of several runs a row a tensor
            parts.append(f"<h3>{title}</h3>{''.join(map(panels, side_by_side))}")
    return "".join(parts)


def figures_of(name: str, runs: Mapping[str, Run], orders: Mapping[str, list[str]], most: int) -> list[str]:
    series = {label: run.series(name) for label, run in runs.items() if name in orders[label]}
    limits = limits_of(*(each.merged(most) for each in series.values()))
    return [
        band_figure(name, each, most, limits, f"{name} · {label}" if len(runs) > 1 else name)
        for label, each in series.items()
    ]
