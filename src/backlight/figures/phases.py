"""A phase diagram: a rate over two swept settings."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from backlight.figures.style import new_figure, styled


@styled
def phases_figure(
    rates: NDArray, rows: tuple[str, Sequence[str]], columns: tuple[str, Sequence[str]], title: str
) -> Figure:
    """Rates (R, C) in 0..1 as shades with the figure in each cell; rows and columns are (name, values)."""
    figure, (axes,) = new_figure(1, 1, width=2.2 + 0.62 * len(columns[1]), height=1.5 + 0.42 * len(rows[1]))
    image = axes.imshow(rates, vmin=0, vmax=1, cmap="cividis", aspect="auto")
    for (row, column), rate in np.ndenumerate(rates):
        colour = "white" if rate < 0.5 else "black"
        axes.text(column, row, f"{rate:.2f}", ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(len(columns[1])), list(columns[1]))
    axes.set_yticks(range(len(rows[1])), list(rows[1]))
    axes.set(xlabel=columns[0], ylabel=rows[0], title=title)
    axes.grid(False)
    figure.colorbar(image, ax=axes, label="success rate")
    return figure
