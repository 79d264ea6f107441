"""How the values of tensors are distributed, step by step: nothing is cut off, NaN and infinity are marked."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from backlight.figures.curves import LabelledRun, label_colours
from backlight.figures.style import BLUE, ORANGE, new_figure, styled
from backlight.recording.run import Run

QUANTILES = (0.05, 0.25, 0.75, 0.95)
MOST_STRETCHES = 300  # more than a panel has room for; beyond it, neighbouring steps are shown merged


@styled
def statistics_figure(run: Run, names: Sequence[str], title: str = "", columns: int = 3) -> Figure:
    """A panel per tensor: range (min to max), the middle 90 % and 50 %, mean, and mean ± standard deviation."""
    rows = -(-len(names) // columns)
    figure, axes = new_figure(rows, columns, width=3.2, height=2.2)
    for axis, name in zip(axes, names, strict=False):
        draw_statistics(axis, run, name)
    for axis in axes[len(names) :]:
        axis.set_axis_off()
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def draw_statistics(axes: Axes, run: Run, name: str) -> None:
    series = run.series(name).merged(MOST_STRETCHES)
    steps, mean, deviation = series.steps, series.mean, series.deviation
    low, quarter, three_quarters, high = series.quantiles(QUANTILES).T
    axes.fill_between(steps, series.minimum, series.maximum, color=BLUE, alpha=0.13, linewidth=0, label="min … max")
    axes.fill_between(steps, low, high, color=BLUE, alpha=0.25, linewidth=0, label="5 … 95 %")
    axes.fill_between(steps, quarter, three_quarters, color=BLUE, alpha=0.45, linewidth=0, label="25 … 75 %")
    axes.plot(steps, mean, color=ORANGE, linewidth=1.4, label="mean")
    axes.plot(steps, mean - deviation, color=ORANGE, linewidth=0.8, linestyle=":", label="mean ± std")
    axes.plot(steps, mean + deviation, color=ORANGE, linewidth=0.8, linestyle=":")
    broken = steps[series.finite < series.count]
    if len(broken):
        axes.vlines(broken, 0, 1, transform=axes.get_xaxis_transform(), color="black", linewidth=0.8)
    axes.set_title(name.split("/", 1)[1] + (" (black: NaN or ∞)" if len(broken) else ""))
    axes.set_xlabel("step")


@styled
def spread_figure(runs: Sequence[LabelledRun], names: Sequence[str], title: str = "", columns: int = 3) -> Figure:
    """A panel per tensor with each run's standard deviation over the steps: two configurations side by side."""
    rows = -(-len(names) // columns)
    figure, axes = new_figure(rows, columns, width=3.2, height=2.0)
    colours = label_colours(runs)
    for axis, name in zip(axes, names, strict=False):
        for each in runs:
            series = each.run.series(name).merged(MOST_STRETCHES)
            axis.plot(series.steps, series.deviation, color=colours[each.label], linewidth=1.2)
        axis.set(title=f"std of {name.split('/', 1)[1]}", xlabel="step")
        axis.set_ylim(bottom=0)
    for axis in axes[len(names) :]:
        axis.set_axis_off()
    handles = [axes[0].plot([], [], color=colour)[0] for colour in colours.values()]
    figure.legend(handles, list(colours), loc="outside lower center", ncols=len(colours))
    if title:
        figure.suptitle(title, fontsize=10)
    return figure
