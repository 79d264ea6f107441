"""Shares of a population over time."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from backlight.figures.style import LINE_COLOURS, new_figure, styled

LINES = ("-", "--", ":")


@styled
def shares_figure(
    groups: Sequence[str], passes: NDArray[np.int64], shares: Mapping[str, NDArray[np.float64]], title: str
) -> Figure:
    """A panel per group: shares (groups, T) over the passes (T,), on a logarithmic axis that includes 0."""
    figure, axes = new_figure(1, len(groups), width=2.5, height=2.5, sharex=True, sharey=True)
    for number, (axis, group) in enumerate(zip(axes, groups, strict=True)):
        for (words, values), colour, line in zip(shares.items(), LINE_COLOURS, LINES, strict=False):
            axis.plot(passes, values[number], color=colour, linestyle=line, linewidth=1.8, label=words)
        axis.set(title=group, xlabel="passes", ylim=(-0.03, 1.03))
        axis.set_xscale("symlog", linthresh=1)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    figure.suptitle(title, fontsize=10)
    return figure
