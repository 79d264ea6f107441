"""Estimates with their 95 % intervals, a row each: the estimate is a dot, its interval a bar."""

from collections.abc import Sequence

from backlight.intervals import Interval
from backlight.reports.html.fragments import Table, figure_html
from backlight.reports.html.rows import MOST_ROWS, middle, rows_svg, scale

Rates = Sequence[tuple[str, Interval]]


def intervals_figure(
    title: str,
    rates: Rates,
    caption: str,
    table: Table,
    limits: tuple[float, float] = (0, 1),
    guide: float | None = None,
) -> str:
    """`table` holds the numbers of all rows; `guide` is a value that the intervals are held against."""
    x = scale(*limits)
    drawn = rates[:MOST_ROWS]
    parts = []
    if guide is not None:
        place = float(x(guide))
        parts.append(f'<path class="guide" d="M{place:.1f} 4V{middle(len(drawn) - 1) + 16:g}"/>')
    for row, (_, rate) in enumerate(drawn):
        low, estimate, high = x([rate.low, rate.estimate, rate.high]).tolist()
        parts.append(f'<path class="interval" d="M{low:.1f} {middle(row):g}H{high:.1f}"/>')
        parts.append(f'<circle class="f0" cx="{estimate:.1f}" cy="{middle(row):g}" r="4.5"/>')
    words = "; ".join(f"{label}: {rate}" for label, rate in drawn)
    more = f" {len(drawn)} of {len(rates)} rows are drawn." if len(drawn) < len(rates) else ""
    picture = rows_svg(title, words, [label for label, _ in drawn], x, title, "".join(parts))
    return figure_html(picture, f"{caption}{more}", table, "single")
