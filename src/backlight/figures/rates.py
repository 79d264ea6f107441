"""Rates with their intervals, grouped: which condition works how often."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from backlight.figures.style import LINE_COLOURS, new_figure
from backlight.intervals import Interval


def rates_figure(
    groups: Sequence[str], rates: Mapping[str, Sequence[Interval]], title: str, label: str = "success rate"
) -> Figure:
    """A panel per group with one row per condition: the rate as a dot, its interval as a bar.

    Args:
        groups: names of the panels.
        rates: for each condition, an interval per group.
    """
    figure, axes = new_figure(1, len(groups), width=2.4, height=1.1 + 0.28 * len(rates), sharex=True, sharey=True)
    conditions = list(rates)
    for column, (axis, group) in enumerate(zip(axes, groups, strict=True)):
        for row, condition in enumerate(conditions):
            interval = rates[condition][column]
            colour = LINE_COLOURS[column % len(LINE_COLOURS)]
            axis.plot([interval.low, interval.high], [row, row], color=colour, linewidth=3, alpha=0.45)
            axis.plot([interval.estimate], [row], color=colour, marker="o", markersize=5)
        axis.set(title=group, xlim=(-0.03, 1.03), xlabel=label)
    axes[0].set_yticks(range(len(conditions)), conditions)
    axes[0].invert_yaxis()
    figure.suptitle(title, fontsize=10)
    return figure
