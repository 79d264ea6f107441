"""The statistics of one tensor at one step, with a histogram over bins that never move (`recording.histogram`)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backlight.recording.histogram import Counts, Edges, cell_edges, decode, encode, in_order_of_value

Live: TypeAlias = NDArray[np.bool_]
NO_UNITS: Live = np.zeros(0, np.bool_)


class PackedSummary(NamedTuple):
    """A summary as it is stored: the columns of a row, the histogram and the live units as bytes."""

    size: int  # the number of values; `count` is what every tuple can do
    nan: int
    positive_infinity: int
    negative_infinity: int
    zeros: int
    passing: int
    minimum: float
    maximum: float
    mean: float
    variance: float
    histogram: bytes
    units: int
    live: bytes


@dataclass(frozen=True)
class TensorSummary:
    """Statistics of the values of one tensor.

    Attributes:
        count: number of values.
        nan, positive_infinity, negative_infinity, zeros: number of those that are NaN, +∞, −∞ and exactly zero.
        minimum, maximum, mean: of the finite values; NaN where there are none.
        variance: second central moment of the finite values (divided by their number).
        cells, cell_counts: the non-empty histogram cells of finite values in rising order of cell number.
        live: for what an activation function gave, by unit (U,): did it pass a gradient for any value? For ReLU that
            is: did it fire. Empty for tensors without such units.
        passing: number of values at which the activation function passes a gradient.
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
    live: Live = field(default_factory=lambda: NO_UNITS)
    passing: int = 0

    @property
    def finite(self) -> int:
        """Number of finite values."""
        return self.count - self.nan - self.positive_infinity - self.negative_infinity

    @property
    def deviation(self) -> float:
        """Standard deviation of the finite values (divided by their number)."""
        return float(np.sqrt(self.variance))

    @property
    def norm(self) -> float:
        """Euclidean norm of the finite values, √Σx²."""
        return float(np.sqrt(self.square_sum))

    @property
    def square_sum(self) -> float:
        """Σx² of the finite values; infinite where float64 cannot hold it."""
        return square_sum(self.finite, self.mean, self.variance)

    @property
    def dead_share(self) -> float:
        """Share of the units that passed no gradient for any value, 0…1; NaN for a tensor without units."""
        return float(1 - self.live.mean()) if len(self.live) else float("nan")

    @property
    def saturated_share(self) -> float:
        """Share of the values at which the activation passes no gradient, 0…1; NaN for a tensor without units."""
        return 1 - self.passing / self.count if len(self.live) and self.count else float("nan")

    def histogram(self) -> tuple[Edges, Edges, Counts]:
        """(left, right, counts) of the non-empty cells, in rising order of value."""
        left, right = cell_edges(self.cells)
        order = np.argsort(in_order_of_value(self.cells))
        return left[order], right[order], self.cell_counts[order]

    def quantiles(self, shares: ArrayLike) -> Edges:
        """Values below which these shares (0…1) of the finite values lie, right to within a cell; 0 and 1 are exact.

        A cell is a quarter of a power of two wide, so the relative error is below 1/4. NaN where nothing is finite.

        >>> from backlight.recording.summarise import summarise
        >>> summarise(range(101)).quantiles([0, 1]).tolist()
        [0.0, 100.0]
        """
        shares = np.asarray(shares, dtype=np.float64)
        if self.finite == 0:
            return np.full(shares.shape, np.nan)
        left, right, counts = self.histogram()
        reached = np.cumsum(counts)
        rank = shares * self.finite
        index = np.searchsorted(reached, rank)
        within = 1 - (reached[index] - rank) / counts[index]
        found: Edges = np.clip(left[index] + within * (right[index] - left[index]), self.minimum, self.maximum)
        return found

    def packed(self) -> PackedSummary:
        """As it is stored: plain numbers and bytes."""
        live = np.packbits(self.live).tobytes()
        return PackedSummary(
            self.count, self.nan, self.positive_infinity, self.negative_infinity, self.zeros, self.passing,
            self.minimum, self.maximum, self.mean, self.variance,
            encode(self.cells, self.cell_counts), len(self.live), live,
        )  # fmt: skip

    @classmethod
    def unpacked(cls, packed: PackedSummary) -> "TensorSummary":
        """The inverse of `packed`.

        Raises:
            ValueError: if the histogram's bytes are damaged.
        """
        cells, counts = decode(packed.histogram)
        return cls(
            packed.size, packed.nan, packed.positive_infinity, packed.negative_infinity, packed.zeros,
            packed.minimum, packed.maximum, packed.mean, packed.variance,
            cells, counts, unpack_live(packed.live, packed.units), packed.passing,
        )  # fmt: skip


def square_sum(finite: int, mean: float, variance: float) -> float:
    """Σx² of that many values of this mean and variance."""
    return finite * (variance + mean * mean) if finite else 0.0  # mean**2 would raise where this is infinite


def unpack_live(live: bytes, units: int) -> Live:
    return np.unpackbits(np.frombuffer(live, np.uint8), count=units).astype(np.bool_)


def merge(summaries: Sequence[TensorSummary]) -> TensorSummary:
    """The summary of all values of several tensors: counts exactly, moments to rounding (Chan, Golub & LeVeque 1979).

    A unit is live if it is in any of them; so they must have the same units, or else the merged one has none.

    >>> from backlight.recording.summarise import summarise
    >>> both = merge([summarise([1.0, 2.0]), summarise([3.0, np.nan])])
    >>> both.count, both.nan, both.mean, both.maximum
    (4, 1, 2.0, 3.0)
    """
    cells, place = np.unique(np.concatenate([each.cells for each in summaries]), return_inverse=True)
    counts = np.zeros(len(cells), np.int64)
    np.add.at(counts, place, np.concatenate([each.cell_counts for each in summaries]))
    filled = [each for each in summaries if each.finite]
    moments = np.array([(each.finite, each.mean, each.variance) for each in filled])
    mean, variance = pooled_moments(moments.reshape(-1, 3))
    same_units = len({len(each.live) for each in summaries}) == 1
    return TensorSummary(
        count=sum(each.count for each in summaries),
        nan=sum(each.nan for each in summaries),
        positive_infinity=sum(each.positive_infinity for each in summaries),
        negative_infinity=sum(each.negative_infinity for each in summaries),
        zeros=sum(each.zeros for each in summaries),
        minimum=min((each.minimum for each in filled), default=float("nan")),
        maximum=max((each.maximum for each in filled), default=float("nan")),
        mean=mean,
        variance=variance,
        cells=cells,
        cell_counts=counts,
        live=np.logical_or.reduce([each.live for each in summaries]) if same_units else NO_UNITS,
        passing=sum(each.passing for each in summaries) if same_units else 0,
    )


def pooled_moments(moments: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and variance of all values from rows (count, mean, variance) of parts (Chan, Golub & LeVeque 1979)."""
    if len(moments) == 0:
        return float("nan"), float("nan")
    counts, means, variances = moments.T
    weights = counts / counts.sum()
    mean = float(weights @ means)
    with np.errstate(over="ignore"):
        return mean, float(weights @ (variances + (means - mean) ** 2))


def merge_packed(packed: Sequence[PackedSummary]) -> PackedSummary:
    """`merge` of what is stored; a single one is handed back as it is."""
    return packed[0] if len(packed) == 1 else merge([TensorSummary.unpacked(each) for each in packed]).packed()
