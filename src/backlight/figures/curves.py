"""Scalars over steps: each run's own values faint, their running mean on top."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from backlight.figures.style import LINE_COLOURS, new_figure, styled
from backlight.recording.run import Run
from backlight.smoothing import running_mean

CURVES = {
    "train/acc": "training accuracy",
    "train/loss": "training loss (nats)",
    "train/error": "training error",
}
HELD_OUT = {"validation/accuracy": ("o", "-"), "test/accuracy": ("s", "--")}


@dataclass(frozen=True)
class LabelledRun:
    """A run and what the legend calls it; runs of the same label share a colour."""

    label: str
    run: Run


@styled
def curves_figure(runs: Sequence[LabelledRun], title: str = "") -> Figure:
    """Accuracy, loss and error of the training batches, and the accuracies on held-out data: four panels."""
    figure, axes = new_figure(2, 2, width=4.4, height=2.8)
    colours = label_colours(runs)
    for axis, (name, words) in zip(axes, CURVES.items(), strict=False):
        for each in runs:
            steps, values = each.run.scalar(name)
            draw_curve(axis, steps, values, colours[each.label], faint=0.25 / len(runs))
        axis.set(xlabel="step", title=words)
    axes[1].set_yscale("log")
    draw_held_out(axes[3], runs, colours)
    for label, colour in colours.items():
        axes[0].plot([], [], color=colour, label=label)
    axes[0].legend(loc="lower right")
    figure.suptitle(f"{title} (lines: running mean over 3 % of the steps)", fontsize=10)
    return figure


def draw_curve(axes: Axes, steps: NDArray[np.int64], values: NDArray[np.float64], colour: str, faint: float) -> None:
    """The values as they are, `faint` (opacity), below their running mean."""
    axes.plot(steps, values, color=colour, alpha=faint, linewidth=0.7, zorder=1)
    axes.plot(steps, running_mean(values), color=colour, linewidth=1.4, zorder=3)


def draw_held_out(axes: Axes, runs: Sequence[LabelledRun], colours: Mapping[str, str]) -> None:
    shown = set()
    for each in runs:
        for name, (marker, line) in HELD_OUT.items():
            steps, values = each.run.scalar(name)
            if len(steps):
                dots = marker if len(steps) <= 30 else ""
                axes.plot(steps, values, color=colours[each.label], marker=dots, linestyle=line, markersize=4)
                shown.add(name)
    for name in sorted(shown, reverse=True):
        marker, line = HELD_OUT[name]
        axes.plot([], [], color="black", marker=marker, linestyle=line, markersize=4, label=name.split("/")[0])
    axes.set(xlabel="step", title="accuracy on held-out data")
    axes.legend(loc="lower right")


def label_colours(runs: Sequence[LabelledRun]) -> dict[str, str]:
    labels = list(dict.fromkeys(each.label for each in runs))
    return {label: LINE_COLOURS[number % len(LINE_COLOURS)] for number, label in enumerate(labels)}
