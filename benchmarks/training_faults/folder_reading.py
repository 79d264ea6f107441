"""What both baselines read of a run folder."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backlight.recording.run import Run
from backlight.recording.series import SummarySeries

Curve = NDArray[np.float64]
WINDOWS = 20  # a curve of single batches is averaged into so many stretches, in place of epochs
LONG = 45  # points of a curve that is taken to be one of epochs as it is


def open_run(folder: Path) -> Run:
    return Run.open(folder)


def epochs(values: Curve) -> Curve:
    if len(values) <= LONG:
        return values
    return np.array([part.mean() for part in np.array_split(values, WINDOWS)])


def weights(run: Run, kind: str) -> list[SummarySeries]:
    """Of weight matrices, from the input on: "W1" by hand, "conv1.weight" in PyTorch."""
    names = [name for name in run.tensor_order() if name.startswith(f"{kind}/")]
    found = [name for name in names if "weight" in name or name.split("/")[1][:1] == "W"]
    return [run.series(name) for name in sorted(found, key=lambda name: names.index(name))]


def activations(run: Run) -> list[SummarySeries]:
    return [run.series(name) for name in run.tensor_order() if name.startswith("act/")]


def mean_absolute(series: SummarySeries, run: Run) -> Curve:
    """(T,) mean of |x|, to within a cell of the histograms."""
    _, summaries = run.tensor(series.name)
    found = []
    for summary in summaries:
        left, right, counts = summary.histogram()
        found.append(float((np.abs(left + right) / 2 * counts).sum() / max(1, counts.sum())))
    return np.array(found)


def beyond(series: SummarySeries, run: Run, low: float, high: float) -> Curve:
    """(T,) share of the values below `low` or above `high`, to within a cell."""
    _, summaries = run.tensor(series.name)
    found = []
    for summary in summaries:
        left, right, counts = summary.histogram()
        middle = (left + right) / 2
        found.append(float(counts[(middle < low) | (middle > high)].sum() / max(1, counts.sum())))
    return np.array(found)
