"""A phase diagram: a rate over two swept settings, as shades with the number in each cell."""

from collections.abc import Sequence

import numpy as np

from backlight.reports.html.axes import Values, svg
from backlight.reports.html.fragments import Table, figure_html, text
from backlight.reports.html.heat import shaded

CELL, ROW, LEFT, TOP = 52, 26, 110, 34
DARK = 0.585  # shares from which numbers are white
Named = tuple[str, Sequence[str]]


def phases_figure(rates: Values, rows: Named, columns: Named, caption: str) -> str:
    """Rates (R, C) in 0 … 1; rows and columns are (name, values)."""
    colours = shaded(rates, rates)
    parts = [f'<text x="{LEFT}" y="11">{text(columns[0])} →</text><text x="0" y="{TOP - 6}">{text(rows[0])} ↓</text>']
    for column, name in enumerate(columns[1]):
        x = LEFT + CELL * column + CELL / 2
        parts.append(f'<text class="head" x="{x:g}" y="{TOP - 6}" text-anchor="middle">{text(clipped(name, 8))}</text>')
    for row, name in enumerate(rows[1]):
        y = TOP + ROW * row + ROW / 2 + 4
        parts.append(f'<text class="head" x="{LEFT - 8}" y="{y:g}" text-anchor="end">{text(clipped(name, 15))}</text>')
    for (row, column), rate in np.ndenumerate(rates):
        x, y = LEFT + CELL * column, TOP + ROW * row
        red, green, blue, _ = colours[row, column].tolist()
        ink = "#fff" if rate > DARK else "#000"
        parts.append(f'<rect x="{x}" y="{y}" width="{CELL - 1}" height="{ROW - 1}" fill="rgb({red},{green},{blue})"/>')
        place = f'x="{x + CELL / 2:g}" y="{y + ROW / 2 + 4:g}" text-anchor="middle"'
        parts.append(f'<text {place} style="fill:{ink}">{rate:.2f}</text>')
    width, height = max(LEFT + CELL * len(columns[1]), 360), TOP + ROW * len(rows[1])
    words = "; ".join(
        f"{rows[0]} {row}: "
        + ", ".join(f"{rate:.2f} at {columns[0]} {name}" for name, rate in zip(columns[1], line, strict=True))
        for row, line in zip(rows[1], rates, strict=True)
    )
    table = Table(
        (f"{rows[0]} and {columns[0]}", *columns[1]),
        [(name, *(f"{rate:.3g}" for rate in line)) for name, line in zip(rows[1], rates, strict=True)],
    )
    return figure_html(
        svg(width, height, "Success rate over two settings", words, "".join(parts)), caption, table, "single"
    )


def clipped(name: str, longest: int) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
