"""All tensors of a run at a glance: a strip each, in which every step's distribution is a column of colour.

A strip is painted as an image, value by value, instead of being drawn as polygons: forty of them take a moment where
forty sets of axes take seconds.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from backlight.figures.style import BLUE, ORANGE, new_figure, styled
from backlight.recording.run import Run
from backlight.recording.series import SummarySeries

HEIGHT, WIDTH = 64, 220  # of a strip, in pixels
GAP, HEAD = 14, 26  # between strips, and above each for its name
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
WHITE, BLACK = (1.0, 1.0, 1.0), (0.0, 0.0, 0.0)
Image = NDArray[np.float64]


@styled
def overview_figure(run: Run, names: Sequence[str] | None = None, title: str = "", columns: int = 6) -> Figure:
    """A strip per tensor over the steps: range, middle 90 % and 50 %, median; black where there is NaN or infinity.

    Each strip has its own scale; below the name stand the smallest and the largest value.
    """
    names = run.tensor_order() if names is None else names
    columns = min(columns, max(len(names), 1))
    rows = -(-len(names) // columns)
    tall, wide = HEAD + HEIGHT + GAP, WIDTH + GAP
    canvas = np.ones((max(rows, 1) * tall, columns * wide, 3))
    figure, (axes,) = new_figure(1, 1, width=canvas.shape[1] / 110, height=canvas.shape[0] / 110 + 0.4 * bool(title))
    for number, name in enumerate(names):
        top, left = number // columns * tall + HEAD, number % columns * wide
        series = run.series(name).merged(WIDTH)
        canvas[top : top + HEIGHT, left : left + WIDTH] = strip(series)
        axes.text(left, top - 15, name, fontsize=6.5, va="bottom")
        axes.text(left, top - 3, scale_text(series), fontsize=5.5, va="bottom", color="#555555")
    figure.set_layout_engine("none")  # which would draw everything once more, to find out what is known
    axes.set_position((0.01, 0.01, 0.98, 0.94 if title else 0.98))
    axes.imshow(canvas, interpolation="nearest")
    axes.set_axis_off()
    if title:
        figure.suptitle(
            f"{title} (colour: range, middle 90 %, middle 50 %; orange: median; black: NaN or ∞)", fontsize=8
        )
    return figure


def strip(series: SummarySeries) -> Image:
    """(HEIGHT, WIDTH, 3) colours, the largest value on top."""
    image = np.ones((HEIGHT, WIDTH, 3))
    if len(series) == 0:
        return image
    low, high = limits(series)
    place = np.arange(WIDTH) * len(series) // WIDTH  # which stretch of steps a column shows
    values = np.linspace(high, low, HEIGHT)[:, None]  # (HEIGHT, 1)
    half = 0.5 * (high - low) / (HEIGHT - 1)  # a value is as thick as a pixel, lest a thin band vanish
    quantiles = series.quantiles(QUANTILES).T[:, place]  # (Q, WIDTH)
    lower = (series.minimum[place], quantiles[0], quantiles[1])
    upper = (series.maximum[place], quantiles[4], quantiles[3])
    for below, above, opacity in zip(lower, upper, (0.2, 0.45, 0.75), strict=True):
        image[(values >= below - half) & (values <= above + half)] = mixed(BLUE, opacity)
    image[np.abs(values - quantiles[2]) <= half] = to_rgb(ORANGE)
    image[:, (series.finite < series.count)[place]] = BLACK
    return image


def limits(series: SummarySeries) -> tuple[float, float]:
    """Smallest and largest finite value of all steps; (0, 1) where there is none."""
    finite = series.finite > 0
    if not finite.any():
        return 0.0, 1.0
    low, high = float(series.minimum[finite].min()), float(series.maximum[finite].max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def scale_text(series: SummarySeries) -> str:
    """From what to what the strip reaches, and over which steps."""
    if len(series) == 0:
        return "nothing recorded"
    if not (series.finite > 0).any():
        return "never a finite value"
    low, high = np.nanmin(series.minimum), np.nanmax(series.maximum)
    return f"{low:.3g} … {high:.3g}, steps {series.steps[0]:,} to {series.last_step:,}".replace("-", "−")


def mixed(colour: str, opacity: float) -> tuple[float, ...]:
    """The colour over white."""
    return tuple(opacity * part + (1 - opacity) * white for part, white in zip(to_rgb(colour), WHITE, strict=True))
