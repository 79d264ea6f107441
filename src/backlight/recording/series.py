"""All summaries of one tensor as arrays over steps, and fewer of them that still say everything that happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backlight.recording.histogram import CELLS, Counts, Edges, cell_edges, in_order_of_value
from backlight.recording.tensor_summary import PackedSummary, unpack_live

NUMBERS = ("count", *PackedSummary._fields[1:10])
HISTOGRAM, UNITS, LIVE = (1 + PackedSummary._fields.index(name) for name in ("histogram", "units", "live"))
ALL_CELLS = np.arange(CELLS)


@dataclass(frozen=True)
class SummarySeries:
    """The summaries of a tensor over T steps or, merged, over T stretches of steps.

    Attributes:
        name: of the tensor.
        steps: (T,) the step, or the first one of the stretch.
        count, nan, positive_infinity, negative_infinity, zeros, passing, minimum, maximum, mean, variance: (T,), as in
            TensorSummary.
        live: (T, U) units that passed a gradient; U is 0 for a tensor without units, or of changing ones.
        histograms: the histograms' bytes, one per recorded step.
        stretch: (steps recorded,) of which of the T it is a part.
        last_step: the last step recorded; −1 if there is none.
    """

    name: str
    steps: Counts
    count: Counts
    nan: Counts
    positive_infinity: Counts
    negative_infinity: Counts
    zeros: Counts
    passing: Counts
    minimum: Edges
    maximum: Edges
    mean: Edges
    variance: Edges
    live: NDArray[np.bool_]
    histograms: Sequence[bytes]
    stretch: Counts
    last_step: int

    @classmethod
    def from_rows(cls, name: str, rows: Sequence[tuple[Any, ...]]) -> "SummarySeries":
        """From rows (step, then the fields of PackedSummary) in order of step."""
        table = numbers_of(rows).T
        columns = {
            field: column if field in ("minimum", "maximum", "mean", "variance") else column.astype(np.int64)
            for field, column in zip(NUMBERS, table[1:], strict=True)
        }
        units = {row[UNITS] for row in rows}
        width = units.pop() if len(units) == 1 else 0
        marks = unpack_live(b"".join(row[LIVE] for row in rows), 8 * -(-width // 8) * len(rows)) if width else None
        live = np.zeros((len(rows), 0), np.bool_) if marks is None else marks.reshape(len(rows), -1)[:, :width]
        steps = table[0].astype(np.int64)
        histograms = [row[HISTOGRAM] for row in rows]
        return cls(
            name,
            steps,
            **columns,
            live=live,
            histograms=histograms,
            stretch=np.arange(len(rows)),
            last_step=int(steps[-1]) if rows else -1,
        )

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def finite(self) -> Counts:
        """(T,) number of finite values."""
        return self.count - self.nan - self.positive_infinity - self.negative_infinity

    @property
    def deviation(self) -> Edges:
        """(T,) standard deviation of the finite values (divided by their number)."""
        return np.sqrt(self.variance)

    @property
    def norm(self) -> Edges:
        """Euclidean norm of the finite values of a step; of a stretch, that of all its values together."""
        with np.errstate(over="ignore"):
            squares = np.where(self.finite > 0, self.variance + self.mean**2, 0.0)
        return np.sqrt(self.finite * squares)

    @property
    def dead_share(self) -> Edges:
        """(T,) share of the units that passed no gradient; NaN for a tensor without units."""
        return 1 - self.live.mean(axis=1) if self.live.shape[1] else np.full(len(self), np.nan)

    @property
    def saturated_share(self) -> Edges:
        """(T,) share of the values at which the activation passes no gradient; NaN for a tensor without units."""
        none = np.full(len(self), np.nan)
        passing: Edges = np.divide(
            self.passing, self.count, out=none, where=(self.count > 0) & (self.live.shape[1] > 0)
        )
        return 1 - passing

    def quantiles(self, shares: ArrayLike) -> Edges:
        """(T, Q): as TensorSummary.quantiles, for every step or stretch.

        Raises:
            ValueError: for shares (Q,) that do not ascend or lie outside 0…1.
        """
        kernels = series_kernels()
        wanted = np.sort(np.atleast_1d(np.asarray(shares, np.float64)))
        if not np.array_equal(wanted, np.atleast_1d(shares)) or wanted[0] < 0 or wanted[-1] > 1:
            raise ValueError("shares must ascend and lie in 0…1")
        data, ends = self._bytes
        left, right = cell_edges(ALL_CELLS)
        places = in_order_of_value(ALL_CELLS)
        order = np.argsort(places)
        found: Edges = kernels.quantiles(
            data, ends, self.stretch, len(self), places, left[order], right[order], wanted, self.minimum, self.maximum
        )
        return found

    def cell_counts(self) -> Counts:
        """(T, 2048) counts of all histogram cells."""
        data, ends = self._bytes
        counts: Counts = series_kernels().cell_counts(data, ends, self.stretch, len(self))
        return counts

    def merged(self, most: int) -> "SummarySeries":
        """At most `most` stretches of steps, each with the summary of all its values: no extreme, no NaN is lost."""
        if len(self) <= most:
            return self
        stretch = np.arange(len(self)) * most // len(self)
        starts = np.searchsorted(stretch, np.arange(most))
        finite, filled = self.finite, np.nan_to_num(self.mean)
        total = np.add.reduceat(finite, starts)
        weight = np.divide(finite, total[stretch], out=np.zeros(len(self)), where=total[stretch] > 0)
        mean = np.add.reduceat(weight * filled, starts)
        spread = np.nan_to_num(self.variance, posinf=np.inf) + (filled - mean[stretch]) ** 2
        variance = np.add.reduceat(np.where(weight > 0, weight * spread, 0), starts)
        empty = np.where(total > 0, 0.0, np.nan)
        sums = {name: np.add.reduceat(getattr(self, name), starts) for name in NUMBERS[:6]}
        return SummarySeries(
            self.name,
            self.steps[starts],
            **sums,
            minimum=np.fmin.reduceat(self.minimum, starts),
            maximum=np.fmax.reduceat(self.maximum, starts),
            mean=mean + empty,
            variance=variance + empty,
            live=np.logical_or.reduceat(self.live, starts, axis=0) if self.live.shape[1] else self.live[starts],
            histograms=self.histograms,
            stretch=stretch[self.stretch],
            last_step=self.last_step,
        )

    @cached_property
    def _bytes(self) -> tuple[NDArray[np.uint8], Counts]:
        """The histograms one behind the other, and where each ends."""
        ends = np.cumsum(np.fromiter(map(len, self.histograms), np.int64, len(self.histograms)))
        return np.frombuffer(b"".join(self.histograms), np.uint8), ends


def numbers_of(rows: Sequence[tuple[Any, ...]]) -> Edges:
    """(T, 11): step and numbers of each row; NaN where SQLite has NULL."""
    size = 1 + len(NUMBERS)
    numbers = chain.from_iterable(row[:size] for row in rows)
    try:
        return np.fromiter(numbers, np.float64, size * len(rows)).reshape(-1, size)
    except TypeError:  # a NULL among them
        return np.array([row[:size] for row in rows], np.float64)


def series_kernels() -> Any:
    from backlight.compilation import announced

    with announced():
        from backlight.recording.kernels import stretches as kernels

    return kernels
