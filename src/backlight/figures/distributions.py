"""Distributions over seeds: how a condition fares, not only on average."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from backlight.figures.style import BLACK, BLUE, GREY, ORANGE, new_figure, styled


@styled
def distributions_figure(values: Mapping[str, NDArray], threshold: float, title: str, label: str) -> Figure:
    """A row per condition: a dot per network, the median as a bar, and the threshold as a line.

    Dots of one condition are spread over the row in the order of their seeds, so that equal ones can be counted.
    """
    height = 0.9 + 0.34 * len(values)
    figure, (axes,) = new_figure(1, 1, width=6.4, height=max(height, 1.8))
    for row, sample in enumerate(values.values()):
        finite = sample[np.isfinite(sample)]
        above = finite > threshold
        place = row + 0.3 * (2 * ((np.arange(len(finite)) * 0.618034) % 1) - 1)  # golden ratio: even, not random
        size = 60 / np.sqrt(max(len(finite), 25))
        for chosen, colour in ((above, BLUE), (~above, ORANGE)):
            axes.scatter(finite[chosen], place[chosen], s=size, color=colour, alpha=0.45, linewidths=0)
        if len(finite):
            median = np.median(finite)
            axes.plot([median, median], [row - 0.36, row + 0.36], color=BLACK, linewidth=1.8)
    axes.axvline(threshold, color=GREY, linewidth=1, linestyle="--")
    axes.set_yticks(range(len(values)), list(values))
    axes.set(xlabel=label, ylim=(len(values) - 0.45, -0.55), title=title)
    return figure
