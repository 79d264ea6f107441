"""Curves over the steps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backlight.reports.html.axes import Frame, Kind, Values, fitted, path, svg
from backlight.reports.html.fragments import Table, figure_html, number, text, thinned
from backlight.reports.html.page import COLOURS
from backlight.smoothing import running_mean

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 400, 230, 52, 22, 34
MOST_POINTS = 300  # a picture has no room for more; of each stretch the smallest and the largest value are kept
SMOOTHED = 100  # curves with more points than this are drawn faint, below their running mean
DASHES = ("", "6 3", "2 3", "8 3 2 3")


@dataclass(frozen=True)
class Line:
    """A curve: what the legend calls it, its steps and values, and its colour and dash by number."""

    label: str
    steps: NDArray[np.int64]
    values: Values
    colour: int = 0
    dash: int = 0


def line_figure(
    title: str, lines: Sequence[Line], kind: Kind = "linear", limits: tuple[float, float] | None = None
) -> str:
    """Curves with a legend in words; where a value is NaN or infinite stands a bar, over the whole height."""
    finite = [line.values[usable(line.values, kind)] for line in lines]
    values = np.concatenate([*finite, np.zeros(0)])
    low, high = limits or ((values.min(), values.max()) if len(values) else (np.nan, np.nan))
    last = max((int(line.steps[-1]) for line in lines if len(line.steps)), default=1)
    first = min((int(line.steps[0]) for line in lines if len(line.steps)), default=0)
    frame = Frame(fitted(first, last, LEFT, WIDTH - 18), fitted(low, high, HEIGHT - BOTTOM, TOP, kind))
    body = frame.drawn() + "".join(line_svg(line, frame) for line in lines) + legend(lines)
    words = [said(line) for line in lines]
    height = HEIGHT + 15 * (len(lines) > 1) * -(-len(lines) // 2)
    head = f'<text class="head" x="{LEFT}" y="13">{text(title)}</text>'
    picture = svg(WIDTH, height, title, "; ".join(words), head + body)
    caption = "; ".join(words) if len(lines) <= 4 else f"{title}: {len(lines)} curves"
    return figure_html(picture, caption, lines_table(lines))


def usable(values: Values, kind: Kind) -> NDArray[np.bool_]:
    return np.isfinite(values) & ((values > 0) | (kind != "log"))


def line_svg(line: Line, frame: Frame) -> str:
    steps, values = spread(line.steps, np.where(usable(line.values, frame.y.kind), line.values, np.nan))
    dash = f' stroke-dasharray="{DASHES[line.dash % len(DASHES)]}"' if line.dash else ""
    colour = line.colour % COLOURS
    many = len(line.values) > SMOOTHED
    parts = [
        f'<path class="{"thin" if many else "thick"} s{colour}"{dash} d="{path(frame.x(steps), frame.y(values))}"/>'
    ]
    if many:
        chosen = np.unique(np.linspace(0, len(line.values) - 1, MOST_POINTS).astype(np.int64))
        mean = running_mean(np.where(np.isfinite(line.values), line.values, np.nan), places=chosen)
        smooth = np.where(usable(mean, frame.y.kind), mean, np.nan)
        parts.append(f'<path class="thick s{colour}"{dash} d="{path(frame.x(line.steps[chosen]), frame.y(smooth))}"/>')
    broken = line.steps[~np.isfinite(line.values)]
    return "".join(parts) + bars(broken, frame)


def bars(steps: NDArray[np.int64], frame: Frame) -> str:
    """A bar at each step that something is not finite at; those that would lie on each other are one."""
    places = np.unique(np.round(frame.x(steps))).tolist()
    d = "".join(f"M{place:.0f} {frame.y.end:.0f}V{frame.y.start:.0f}" for place in places)
    return f'<path class="broken" d="{d}"/>' if d else ""


def spread(steps: NDArray[np.int64], values: Values) -> tuple[NDArray[np.int64], Values]:
    """At most 2 · MOST_POINTS points, among them the extremes of each stretch and its first NaN."""
    if len(values) <= 2 * MOST_POINTS:
        return steps, values
    kept = {0, len(values) - 1}
    for part in np.array_split(np.arange(len(values)), MOST_POINTS):
        inside = values[part]
        if np.isnan(inside).any():
            kept.add(int(part[np.isnan(inside).argmax()]))
        if not np.isnan(inside).all():
            kept |= {int(part[np.nanargmin(inside)]), int(part[np.nanargmax(inside)])}
    places = np.array(sorted(kept))
    return steps[places], values[places]


def legend(lines: Sequence[Line]) -> str:
    if len(lines) < 2:
        return ""
    parts = []
    for at, line in enumerate(lines):
        left, top = LEFT + (at % 2) * (WIDTH - LEFT) / 2, HEIGHT + 12 + 15 * (at // 2)
        dash = f' stroke-dasharray="{DASHES[line.dash % len(DASHES)]}"' if line.dash else ""
        label = line.label if len(line.label) <= 26 else f"…{line.label[-25:]}"
        parts.append(f'<path class="thick s{line.colour % COLOURS}"{dash} d="M{left:.0f} {top - 4}h22"/>')
        parts.append(f'<text class="head" x="{left + 27:.0f}" y="{top}">{text(label)}</text>')
    return "".join(parts)


def said(line: Line) -> str:
    """A curve in words."""
    finite = np.isfinite(line.values)
    if not finite.any():
        return f"{line.label}: no finite value"
    kept, steps = line.values[finite], line.steps[finite]
    broken = (
        f", not finite at {(~finite).sum():,} steps, first at {line.steps[~finite][0]:,}" if not finite.all() else ""
    )
    return (
        f"{line.label}: from {number(kept[0])} to {number(kept[-1])} at step {steps[-1]:,}, "
        f"between {number(kept.min())} and {number(kept.max())}{broken}"
    )


def lines_table(lines: Sequence[Line]) -> Table:
    """A row a step that any of the curves has."""
    known = [dict(zip(line.steps.tolist(), line.values.tolist(), strict=True)) for line in lines]
    steps = sorted({step for each in known for step in each})
    return thinned(
        ["step", *(line.label for line in lines)],
        steps,
        lambda step: [str(step), *(number(each[step]) if step in each else "" for each in known)],
    )
