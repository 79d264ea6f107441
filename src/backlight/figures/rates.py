"""Rates with their intervals, grouped: which condition works how often."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from backlight.figures.style import LINE_COLOURS, new_figure, styled
from backlight.intervals import Interval


@styled
def rates_figure(
    groups: Sequence[str], rates: Mapping[str, Sequence[Interval]], title: str, label: str = "success rate"
) -> Figure:
    """A panel per group with one row per condition: the rate as a dot, its interval as a bar.

    Args:
        groups: names of the panels.
        rates: for each condition, an interval per group.
    """
    width = 2.4 if len(groups) > 1 else 6.0  # a single panel has to hold the conditions' names as well
    figure, axes = new_figure(1, len(groups), width=width, height=1.2 + 0.28 * len(rates), sharex=True, sharey=True)
    conditions = list(rates)
    for column, (axis, group) in enumerate(zip(axes, groups, strict=True)):
        for row, condition in enumerate(conditions):
            interval = rates[condition][column]
            colour = LINE_COLOURS[column % len(LINE_COLOURS)]
            axis.plot([interval.low, interval.high], [row, row], color=colour, linewidth=3, alpha=0.45)
            axis.plot([interval.estimate], [row], color=colour, marker="o", markersize=5)
        axis.set(title=group, xlim=(-0.05, 1.05), xticks=[0, 0.5, 1], xlabel=label)
    axes[0].set_yticks(range(len(conditions)), conditions)
    axes[0].set_ylim(len(conditions) - 0.4, -0.6)
    figure.suptitle(title, fontsize=10)
    return figure
