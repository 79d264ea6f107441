"""The statistics of one tensor at one step, with a histogram over bins that never move.

The cell of a value is the top 11 bits of its float32 form: sign, 8 bits of exponent, 2 of mantissa. So
histograms of any two steps, layers or runs can be compared and added, and nothing is clipped or sampled;
infinities and NaN are counted beside them. Cell widths are a quarter of a power of two: a value is known
to within a quarter of itself.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Counts: TypeAlias = NDArray[np.int64]
Edges: TypeAlias = NDArray[np.float64]

CELLS = 2048  # 2^11
SHIFT = 21  # 32 − 11
SIGN_CELL = 1024  # cells from here on hold negative values
FLOAT32_MAX = np.finfo(np.float32).max
BLOCK = 1 << 15  # values of a block stay in the L2 cache while several reductions pass over them


@dataclass(frozen=True)
class TensorSummary:
    """Statistics of the values of one tensor.

    Attributes:
        count: number of values; the next four count those that are NaN, +∞, −∞ and exactly zero.
        minimum, maximum, mean: of the finite values; NaN where there are none.
        variance: second central moment of the finite values (divided by their number).
        cells, cell_counts: the non-empty histogram cells of finite values in rising order of cell number.
    """

    count: int
    nan: int
    positive_infinity: int
    negative_infinity: int
    zeros: int
    minimum: float
    maximum: float
    mean: float
    variance: float
    cells: Counts
    cell_counts: Counts

    @property
    def finite(self) -> int:
        return self.count - self.nan - self.positive_infinity - self.negative_infinity

    @property
    def deviation(self) -> float:
        """Standard deviation of the finite values (divided by their number)."""
        return float(np.sqrt(self.variance))

    def histogram(self) -> tuple[Edges, Edges, Counts]:
        """(left, right, counts) of the non-empty cells, in rising order of value."""
        left, right = cell_edges(self.cells)
        order = np.argsort(left, kind="stable")
        return left[order], right[order], self.cell_counts[order]

    def quantiles(self, shares: ArrayLike) -> Edges:
        """Values below which these shares (0…1) of the finite values lie, right to within a cell; 0 and 1 are exact."""
        shares = np.asarray(shares, dtype=np.float64)
        if self.finite == 0:
            return np.full(shares.shape, np.nan)
        left, right, counts = self.histogram()
        reached = np.cumsum(counts)
        rank = shares * self.finite
        index = np.searchsorted(reached, rank)
        within = 1 - (reached[index] - rank) / counts[index]
        return np.clip(left[index] + within * (right[index] - left[index]), self.minimum, self.maximum)


def summarise(values: ArrayLike) -> TensorSummary:
    """The summary of all values of an array of any shape and real dtype.

    >>> summary = summarise([0.0, 1.0, 3.0, np.nan])
    >>> summary.count, summary.nan, summary.zeros, summary.maximum, summary.mean
    (4, 1, 1, 3.0, 1.3333333333333333)
    """
    flat = as_float(np.asarray(values)).ravel(order="K")
    cells = np.zeros(CELLS, np.int64)
    nan = positive_infinity = negative_infinity = nonzeros = 0
    minimum, maximum = np.inf, -np.inf
    moments = []  # (count, mean, variance) of each block's finite values
    for start in range(0, flat.size, BLOCK):
        block = flat[start : start + BLOCK]
        if not (np.isfinite(block.min()) and np.isfinite(block.max())):
            nan += int(np.isnan(block).sum())
            positive_infinity += int((block == np.inf).sum())
            negative_infinity += int((block == -np.inf).sum())
            block = block[np.isfinite(block)]
        if block.size == 0:
            continue
        minimum, maximum = min(minimum, block.min()), max(maximum, block.max())
        nonzeros += int(np.count_nonzero(block))
        cells += np.bincount(cell_numbers(block), minlength=CELLS)
        moments.append((block.size, *mean_and_variance(block)))
    mean, variance = pooled_moments(np.array(moments).reshape(-1, 3))
    filled = np.flatnonzero(cells)
    finite = int(cells.sum())
    return TensorSummary(
        count=flat.size,
        nan=nan,
        positive_infinity=positive_infinity,
        negative_infinity=negative_infinity,
        zeros=finite - nonzeros,
        minimum=float(minimum) + 0.0 if finite else float("nan"),  # + 0.0: never −0
        maximum=float(maximum) + 0.0 if finite else float("nan"),
        mean=mean,
        variance=variance,
        cells=filled,
        cell_counts=cells[filled],
    )


def as_float(array: NDArray) -> NDArray:
    """float32 and float64 as they are; narrower types widened exactly, integers to float64."""
    if array.dtype in (np.float32, np.float64):
        return array
    return array.astype(np.float32 if array.dtype in (np.float16, np.bool_) else np.float64)


def cell_numbers(finite: NDArray) -> NDArray[np.uint32]:
    """Cells of finite values; a float64 beyond the float32 range counts in the outermost cell."""
    if finite.dtype == np.float64:
        finite = np.clip(finite, -FLOAT32_MAX, FLOAT32_MAX).astype(np.float32)
    return np.ascontiguousarray(finite).view(np.uint32) >> np.uint32(SHIFT)


def cell_edges(cells: Counts) -> tuple[Edges, Edges]:
    """Left and right edges (float64) of histogram cells."""
    magnitude = (cells % SIGN_CELL).astype(np.uint32)
    inner = (magnitude << np.uint32(SHIFT)).view(np.float32).astype(np.float64)
    following = ((magnitude + np.uint32(1)) << np.uint32(SHIFT)).view(np.float32).astype(np.float64)
    outer = np.minimum(following, 2.0**128)  # the cell after the last finite one begins at infinity
    negative = cells >= SIGN_CELL
    return np.where(negative, -outer, inner), np.where(negative, -inner, outer)


def mean_and_variance(block: NDArray) -> tuple[float, float]:
    """Two passes in float64, so that a mean far from zero costs no digits; the variance of huge values may be ∞."""
    values = block.astype(np.float64)
    mean = values.mean()
    values -= mean
    with np.errstate(over="ignore"):
        return mean, np.dot(values, values) / values.size


def pooled_moments(moments: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and variance of all values from rows (count, mean, variance) of parts (Chan, Golub & LeVeque 1979)."""
    if len(moments) == 0:
        return float("nan"), float("nan")
    counts, means, variances = moments.T
    weights = counts / counts.sum()
    mean = float(weights @ means)
    return mean, float(weights @ (variances + (means - mean) ** 2))
