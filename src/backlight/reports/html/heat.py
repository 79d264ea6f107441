"""Many curves at once: a row each, the steps from left to right, the value as a shade of blue."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from backlight.reports.html.axes import Kind, Values, fitted, svg, tick_text
from backlight.reports.html.fragments import Table, figure_html, number, text
from backlight.reports.html.png import data_uri

WIDTH, LEFT, ROW, TOP, BOTTOM = 400, 128, 15, 22, 34
MOST_COLUMNS = 100
# ColorBrewer's Blues, pale to dark: a scale of lightness, which every eye can read
SHADES = np.array([(222, 235, 247), (158, 202, 225), (66, 146, 198), (8, 81, 156), (8, 35, 83)], np.float64)
BROKEN = (213, 94, 0)  # vermilion: what is not finite
Curves = Mapping[str, tuple[NDArray[np.int64], Values]]


def heat_figure(title: str, rows: Curves, kind: Kind = "linear", limits: tuple[float, float] | None = None) -> str:
    """A row per curve. Of steps that share a column the largest value is shown, and a NaN before any."""
    steps = np.unique(np.concatenate([steps for steps, _ in rows.values()]))
    columns = steps[np.unique(np.linspace(0, len(steps) - 1, MOST_COLUMNS).astype(np.int64))]
    cells = np.array([in_columns(each, columns) for each in rows.values()])  # (R, C); −∞ where nothing is recorded
    finite = cells[np.isfinite(cells) & ((cells > 0) | (kind != "log"))]
    low, high = limits or ((finite.min(), finite.max()) if len(finite) else (np.nan, np.nan))
    scale = fitted(low, high, 0.0, 1.0, kind)
    height = TOP + ROW * len(rows) + BOTTOM
    body = f'<text class="head" x="0" y="13">{text(title)}</text>' + names(rows) + key(scale.low, scale.high, height)
    image = f'preserveAspectRatio="none" class="pixels" href="{data_uri(shaded(cells, scale(cells)))}"'
    body += f'<image x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT}" height="{ROW * len(rows)}" {image}/>'
    body += f'<text x="{LEFT}" y="{height - 20}">step {steps[0]:,}</text>'
    body += f'<text x="{WIDTH}" y="{height - 20}" text-anchor="end">step {steps[-1]:,}</text>'
    words = [f"{name}: {said(cell)}" for name, cell in zip(rows, cells, strict=True)]
    caption = f"a row each, darker for more, from {number(scale.low)} to {number(scale.high)}"
    if np.isnan(cells).any():
        caption += "; orange: not finite"
    table = Table(("step", *rows), [table_row(at, cell) for at, cell in zip(columns, cells.T, strict=True)])
    return figure_html(svg(WIDTH, height, title, "; ".join(words), body), f"{title}: {caption}", table)


def in_columns(curve: tuple[NDArray[np.int64], Values], columns: NDArray[np.int64]) -> Values:
    steps, values = curve
    cells = np.full(len(columns), -np.inf)
    broken = np.where(np.isfinite(values), values, np.nan)
    with np.errstate(invalid="ignore"):
        np.maximum.at(cells, np.searchsorted(columns, steps, "right") - 1, broken)  # NaN wins in `maximum`
    return cells


def shaded(cells: Values, shares: Values) -> NDArray[np.uint8]:
    """(R, C, 4): transparent where nothing is recorded."""
    places = np.linspace(0, 1, len(SHADES))
    known = np.clip(np.nan_to_num(shares, nan=0, neginf=0), 0, 1)
    pixels = np.full((*cells.shape, 4), 255.0)
    for channel in range(3):
        pixels[..., channel] = np.interp(known, places, SHADES[:, channel])
    pixels[np.isnan(cells), :3] = BROKEN
    pixels[np.isneginf(cells), 3] = 0
    return pixels.astype(np.uint8)


def names(rows: Curves) -> str:
    shown = [name if len(name) <= 19 else f"…{name[-18:]}" for name in rows]
    return "".join(
        f'<text x="{LEFT - 6}" y="{TOP + ROW * at + 11}" text-anchor="end">{text(name)}</text>'
        for at, name in enumerate(shown)
    )


def key(low: float, high: float, height: float) -> str:
    """The shades and what they stand for."""
    width = 24
    boxes = "".join(
        f'<rect x="{LEFT + 60 + width * at}" y="{height - 11}" width="{width}" height="10" '
        f'fill="rgb({", ".join(f"{part:.0f}" for part in shade)})"/>'
        for at, shade in enumerate(SHADES)
    )
    right = LEFT + 66 + width * len(SHADES)
    low_text = f'<text x="{LEFT + 54}" y="{height - 2}" text-anchor="end">{tick_text(low)}</text>'
    return f'{low_text}{boxes}<text x="{right}" y="{height - 2}">{tick_text(high)}</text>'


def said(cells: Values) -> str:
    recorded = cells[~np.isneginf(cells)]
    finite = recorded[np.isfinite(recorded)]
    if not len(finite):
        return "no finite value"
    broken = "" if len(finite) == len(recorded) else f", not finite in {len(recorded) - len(finite)} columns"
    return f"{number(finite[0])} at first, {number(finite[-1])} at last, at most {number(finite.max())}{broken}"


def table_row(step: int, cells: Values) -> list[str]:
    return [str(step), *("" if np.isneginf(cell) else number(cell) for cell in cells)]
