"""How a value is distributed over networks: a dot a network, a row a condition."""

from collections.abc import Mapping

import numpy as np

from backlight.reports.html.axes import Scale, Values
from backlight.reports.html.fragments import Table, figure_html, number
from backlight.reports.html.rows import MOST_ROWS, middle, rows_svg, scale

MOST_DOTS = 250  # of a row
HEADER = ("condition", "networks", "min", "5 %", "25 %", "median", "75 %", "95 %", "max")
GOLDEN = 0.618034  # spreads dots evenly, not at random


def dots_figure(title: str, samples: Mapping[str, Values], threshold: float, caption: str) -> str:
    """Shares in 0 … 1; those above the threshold are blue, the others orange; a bar is the median."""
    x = scale(0, 1)
    drawn = dict(list(samples.items())[:MOST_ROWS])
    body = f'<path class="guide" d="M{float(x(threshold)):.1f} 4V{middle(len(drawn) - 1) + 16:g}"/>'
    body += "".join(row_svg(row, sample, threshold, x) for row, sample in enumerate(drawn.values()))
    words = "; ".join(
        f"{label}: median {number(float(np.median(sample)))}, {int((sample > threshold).sum())} of {len(sample)} above "
        f"{threshold:g}"
        for label, sample in drawn.items()
    )
    rows = [(label, f"{len(sample)}", *map(number, quantiles(sample))) for label, sample in samples.items()]
    longest = max(map(len, samples.values()))
    more = f" Of {longest:,} networks {MOST_DOTS} are drawn, evenly spread by rank." if longest > MOST_DOTS else ""
    more += f" {len(drawn)} of {len(samples)} rows are drawn." if len(drawn) < len(samples) else ""
    picture = rows_svg(title, words, list(drawn), x, title, body)
    return figure_html(picture, f"{caption}{more}", Table(HEADER, rows), "single")


def quantiles(sample: Values) -> list[float]:
    return [float(value) for value in np.quantile(sample, (0, 0.05, 0.25, 0.5, 0.75, 0.95, 1))]


def row_svg(row: int, sample: Values, threshold: float, x: Scale) -> str:
    """The least and the greatest are always among the dots."""
    ranks = np.unique(np.linspace(0, len(sample) - 1, MOST_DOTS).round().astype(int))
    shown = np.sort(sample)[ranks]
    heights = middle(row) + 7 * (2 * ((np.arange(len(shown)) * GOLDEN) % 1) - 1)
    parts = []
    for colour, chosen in (("s0", shown > threshold), ("s1", shown <= threshold)):
        places = zip(x(shown[chosen]).tolist(), heights[chosen].tolist(), strict=True)
        d = "".join(f"M{left:.1f} {top:.1f}h0" for left, top in places)
        parts.append(f'<path class="dots {colour}" d="{d}"/>' if d else "")
    place = float(x(float(np.median(sample))))
    return "".join(parts) + f'<path class="broken" d="M{place:.1f} {middle(row) - 9:g}v18"/>'
