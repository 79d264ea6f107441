"""How the values of arrays are distributed, a row an array: the whole range, the middle 90 and 50 %, the median."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backlight.reports.html.axes import Scale, Values, fitted
from backlight.reports.html.bands import OPACITIES
from backlight.reports.html.fragments import Table, figure_html, number
from backlight.reports.html.rows import LEFT, MOST_ROWS, RIGHT, WIDTH, middle, rows_svg

SHARES = (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1)
HEADER = ("tensor", "shape", "values", "not finite", "min", "5 %", "25 %", "50 %", "75 %", "95 %", "max")
Named = Sequence[tuple[str, NDArray[Any]]]


def quantiles_figure(title: str, named: Named) -> str:
    values = [np.asarray(array, np.float64).ravel() for _, array in named]
    finite = [each[np.isfinite(each)] for each in values]
    found = [np.quantile(each, SHARES) if len(each) else np.full(len(SHARES), np.nan) for each in finite]
    known = [each for each in found if np.isfinite(each).all()]
    low, high = (min(each[0] for each in known), max(each[-1] for each in known)) if known else (np.nan, np.nan)
    x = fitted(float(low), float(high), LEFT, WIDTH - RIGHT)
    body = "".join(row_svg(row, each, x) for row, each in enumerate(found[:MOST_ROWS]))
    labels = [f"{name} ({shape_text(array)})" for name, array in named]
    words = "; ".join(
        f"{label}: from {number(each[0])} to {number(each[-1])}, median {number(each[3])}"
        for label, each in zip(labels[:MOST_ROWS], found, strict=False)
    )
    rows = [
        (name, shape_text(array), f"{array.size:,}", f"{array.size - len(kept):,}", *map(number, each))
        for (name, array), kept, each in zip(named, finite, found, strict=True)
    ]
    caption = "Pale to strong: all values, the middle 90 %, the middle 50 %; the line is the median."
    caption += f" {MOST_ROWS} of {len(named)} tensors are drawn." if len(named) > MOST_ROWS else ""
    picture = rows_svg(title, words, labels[:MOST_ROWS], x, "value", body)
    return figure_html(picture, caption, Table(HEADER, rows), "single")


def shape_text(array: NDArray[Any]) -> str:
    return " × ".join(map(str, array.shape)) or "a number"


def row_svg(row: int, found: Values, x: Scale) -> str:
    if not np.isfinite(found).all():
        return ""
    places = x(found).tolist()
    pairs = ((places[0], places[-1]), (places[1], places[-2]), (places[2], places[-3]))
    boxes = "".join(
        f'<rect class="band" x="{low:.1f}" y="{middle(row) - 7:g}" width="{max(high - low, 1):.1f}" height="14" '
        f'fill-opacity="{opacity}"/>'
        for (low, high), opacity in zip(pairs, OPACITIES, strict=True)
    )
    return f'{boxes}<path class="thick median" d="M{places[3]:.1f} {middle(row) - 8:g}v16"/>'
