"""How the values of a tensor are distributed, step by step: bands of quantiles that cut nothing off."""

from dataclasses import dataclass

import numpy as np

from backlight.recording.series import SummarySeries
from backlight.reports.html.axes import Frame, Kind, Values, fitted, path, svg
from backlight.reports.html.fragments import Table, figure_html, number, text
from backlight.reports.html.lines import bars

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 360, 180, 52, 20, 32
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
OPACITIES = (0.13, 0.25, 0.45)
SQUASHED = 8.0  # extremes so many times further out than the middle 90 % are shown on a logarithmic scale
HEADER = ("step", "values", "NaN", "∞", "zeros", "min", "5 %", "25 %", "50 %", "75 %", "95 %", "max", "mean", "std")


@dataclass(frozen=True)
class Limits:
    """The smallest and the largest finite value, and from where on the scale is logarithmic; 0 if nowhere."""

    low: float
    high: float
    unit: float = 0.0

    @classmethod
    def of(cls, low: float, high: float, typical: float) -> "Limits":
        """Logarithmic where extremes lie far beyond `typical`, how far the middle of the values reaches."""
        return cls(low, high, typical if 0 < SQUASHED * typical < max(abs(low), abs(high)) else 0.0)


def limits_of(*many: SummarySeries) -> Limits:
    """Of several series together, so that their pictures can be compared."""
    filled = [each for each in many if (each.finite > 0).any()]
    if not filled:
        return Limits(np.nan, np.nan)
    low = min(float(np.nanmin(each.minimum)) for each in filled)
    high = max(float(np.nanmax(each.maximum)) for each in filled)
    middle = np.concatenate([np.abs(each.quantiles((0.05, 0.95))).max(axis=1) for each in filled])
    return Limits.of(low, high, float(np.nanmedian(middle)))


def band_figure(name: str, whole: SummarySeries, most: int, limits: Limits | None = None, title: str = "") -> str:
    """Range, middle 90 %, middle 50 % and median over at most `most` stretches; black bars at what is not finite."""
    series = whole.merged(most)
    title = title or name
    if not len(series):
        return figure_html(svg(WIDTH, 20, title, "nothing recorded", headed(title)), f"{title}: nothing recorded", None)
    quantiles = series.quantiles(SHARES)
    limits = limits or limits_of(series)
    kind: Kind = "symlog" if limits.unit else "linear"
    scale = fitted(limits.low, limits.high, HEIGHT - BOTTOM, TOP, kind, limits.unit or 1.0)
    frame = Frame(fitted(int(series.steps[0]), series.last_step, LEFT, WIDTH - 18), scale)
    x = frame.x(series.steps)
    pairs = ((series.minimum, series.maximum), (quantiles[:, 0], quantiles[:, 4]), (quantiles[:, 1], quantiles[:, 3]))
    body = "".join(
        f'<path class="band" fill-opacity="{opacity}" d="{band(x, scale(low), scale(high))}"/>'
        for (low, high), opacity in zip(pairs, OPACITIES, strict=True)
    )
    body += f'<path class="thick median" d="{path(x, scale(quantiles[:, 2]))}"/>'
    body += bars(series.steps[series.finite < series.count], frame)
    words = said(whole, limits)
    picture = svg(WIDTH, HEIGHT, title, words, headed(title) + frame.drawn() + body)
    return figure_html(picture, words, band_table(series, quantiles, len(whole)))


def headed(title: str) -> str:
    shown = title if len(title) <= 48 else f"…{title[-47:]}"
    return f'<text class="head" x="{LEFT}" y="13">{text(shown)}</text>'


def band(x: Values, low: Values, high: Values) -> str:
    """The area between two curves, in as many pieces as NaN cuts it into."""
    finite = np.isfinite(low) & np.isfinite(high)
    cuts = np.flatnonzero(np.diff(finite.astype(np.int8))) + 1
    pieces = []
    for part in np.split(np.arange(len(x)), cuts):
        if not len(part) or not finite[part[0]]:
            continue
        there = [f"{left:.1f} {top:.1f}" for left, top in zip(x[part].tolist(), high[part].tolist(), strict=True)]
        back = [f"{left:.1f} {top:.1f}" for left, top in zip(x[part].tolist(), low[part].tolist(), strict=True)]
        pieces.append("M" + "L".join(there + back[::-1]) + "Z")
    return "".join(pieces)


def said(series: SummarySeries, limits: Limits) -> str:
    """The distribution in words: where the extremes are, and what is not finite."""
    parts = []
    if (series.finite > 0).any():
        smallest, largest = int(np.nanargmin(series.minimum)), int(np.nanargmax(series.maximum))
        parts.append(
            f"from {number(series.minimum[smallest])} (step {series.steps[smallest]:,}) "
            f"to {number(series.maximum[largest])} (step {series.steps[largest]:,})"
        )
    broken = np.flatnonzero(series.finite < series.count)
    if len(broken):
        nan = int(series.nan.sum())
        infinite = int((series.count - series.finite).sum()) - nan
        first = int(series.steps[broken[0]])
        kinds = " and ".join(f"{n:,} {word}" for n, word in ((nan, "NaN"), (infinite, "infinite")) if n)
        parts.append(f"{kinds} of {int(series.count.sum()):,} values, first at step {first:,}")
    if limits.unit:
        parts.append(f"logarithmic beyond ±{number(limits.unit)}")
    return "; ".join(parts)


def band_table(series: SummarySeries, quantiles: Values, recorded: int) -> Table:
    infinite = series.count - series.finite - series.nan
    counts = zip(series.steps, series.count, series.nan, infinite, series.zeros, strict=True)
    columns = (series.minimum, *quantiles.T, series.maximum, series.mean, series.deviation)
    values = zip(*columns, strict=True)
    rows = [
        [*map(str, whole), *(f"{value:.3g}".replace("nan", "NaN") for value in row)]
        for whole, row in zip(counts, values, strict=True)
    ]
    merged = f"{recorded:,} recorded steps, merged into {len(rows)} stretches: no extreme and no NaN is lost"
    return Table(HEADER, rows, merged if recorded > len(rows) else "")
