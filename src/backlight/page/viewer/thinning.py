"""Fewer points of a curve, for a picture that has no room for more."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backlight.smoothing import running_mean

SMOOTHED = 100  # curves with more points than this have their running mean drawn over them
FEWEST = 4  # points kept of each stretch: the smallest, the largest, the first that is not finite, and the ends


@dataclass(frozen=True)
class Curve:
    """A thinned curve, and its running mean at the same steps; None for a curve of few points."""

    steps: list[int]
    values: list[float]
    mean: list[float] | None


def thinned(steps: NDArray[np.int64], values: NDArray[np.float64], most: int) -> Curve:
    """About `most` points: of each stretch its extremes and the first that is not finite, so that none is lost."""
    places = kept(values, most)
    mean = None
    if len(values) > SMOOTHED:
        mean = running_mean(np.where(np.isfinite(values), values, np.nan), places=places).tolist()
    return Curve(steps[places].tolist(), values[places].tolist(), mean)


def kept(values: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """Ascending places of what is to be drawn, the first and the last among them."""
    count = len(values)
    if count <= most:
        return np.arange(count)
    stretches = max(most // FEWEST, 1)
    starts = np.arange(stretches) * count // stretches
    stretch = np.repeat(np.arange(stretches), np.diff(np.append(starts, count)))
    broken = np.flatnonzero(~np.isfinite(values))
    _, first_broken = np.unique(stretch[broken], return_index=True)
    finite = np.flatnonzero(np.isfinite(values))
    order = finite[np.lexsort((values[finite], stretch[finite]))]  # by stretch, then by value
    edges = np.flatnonzero(np.diff(stretch[order], prepend=-1, append=stretches))
    extremes = np.concatenate([order[edges[:-1]], order[edges[1:] - 1]])
    return np.unique(np.concatenate([[0, count - 1], extremes, broken[first_broken]])).astype(np.int64)
