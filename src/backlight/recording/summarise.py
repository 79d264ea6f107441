"""Summaries of many arrays or tensors in one call of the kernels."""

import ctypes
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import le
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backlight.recording.histogram import CELLS
from backlight.recording.kernels import layout as k
from backlight.recording.tensor_summary import PackedSummary, TensorSummary

Task = Literal["read", "copy", "minus"]
TASKS = {"read": 0, "copy": 1, "minus": 2}  # the kernels' numbers
MOST_THREADS = 256
SMALL = 1 << 16  # values below which waking other threads costs more than they save
DTYPES = (
    "float32", "float64", "float16", "bfloat16", "bool",
    "uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
)  # fmt: skip
DTYPE_CODES = {name: code for code, name in enumerate(DTYPES)}
INFINITY = float("inf")


class Units(NamedTuple):
    """How the values of a tensor belong to units: it is (outer, number, inner) in memory.

    A value passes a gradient through its activation function if it lies between `low` and `high`.
    """

    number: int
    inner: int
    low: float = 0.0
    high: float = INFINITY


NO_UNITS = Units(0, 1)


class Job(NamedTuple):
    """One tensor to be read; its memory must stay as it is until the call returns.

    Attributes:
        address, size: where its values lie, without gaps, and how many there are.
        dtype: one of DTYPES.
        task: "read"; "copy" also copies the values to `other`; "minus" reads the difference to what lies at `other`.
        other: address of memory of the same size and type.
        units: for what an activation function gave; "none" otherwise.
        rectified: also the summary of max(x, 0), which follows without a second read; needs units between 0 and ∞.
    """

    address: int
    size: int
    dtype: str
    task: Task = "read"
    other: int = 0
    units: Units | None = None
    rectified: bool = False


@cache
def callable_at(function: int) -> Callable[[int], None]:
    """Calls compiled code at an address, without the interpreter's lock."""
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p)(function)


@dataclass(frozen=True)
class Threads:
    """`run(function, argument)` calls the compiled function at an address on `count` threads, at most 256."""

    count: int
    run: Callable[[int, int], None]


ALONE = Threads(1, lambda function, argument: callable_at(function)(argument))


@cache
def kernels() -> Any:
    """The compiled part; it takes some seconds when it is made for the first time on a machine."""
    from backlight.compilation import announced

    with announced():
        from backlight.recording.kernels import work

    return work


class Workspace:
    """Memory that the kernels work in, kept from call to call; for one call at a time."""

    def __init__(self) -> None:
        self._sizes: tuple[int, ...] = (0, 0, 0, 0, 0, 0)

    def reserve(self, jobs: int, results: int, chunks: int, live: int, chunk_live: int, threads: int) -> None:
        """Makes room for that much, where there is not enough yet."""
        sizes: tuple[int, ...] = (jobs, results, chunks, live, chunk_live, threads)
        if all(map(le, sizes, self._sizes)):
            return
        self._sizes = sizes = tuple(max(2 * size, there) for size, there in zip(sizes, self._sizes, strict=True))
        jobs, results, chunks, live, chunk_live, threads = sizes
        self.jobs, self.limits = np.zeros((jobs, k.JOB_COLUMNS), np.int64), np.zeros((jobs, 2))
        self.whole, self.real = np.zeros((results, k.WHOLE_COLUMNS), np.int64), np.zeros((results, k.REAL_COLUMNS))
        self.live, self.offsets = np.zeros(live, np.uint8), np.zeros((results, 2), np.int64)
        self.histograms = np.zeros(results * k.MOST_BYTES, np.uint8)
        self.used, self.counters = np.zeros(threads * jobs, np.uint8), np.zeros(MOST_THREADS * k.LINE, np.int64)
        self.scratch = np.zeros(threads * k.SCRATCH_BYTES, np.uint8)
        self._parts = (
            np.zeros((chunks, k.WHOLE_COLUMNS), np.int64), np.zeros((chunks, k.REAL_COLUMNS)),
            np.zeros(chunk_live, np.uint8), np.zeros((threads * jobs, CELLS), np.int64),
        )  # fmt: skip
        arrays = (
            self.jobs, self.limits, *self._parts, self.used, self.scratch,
            self.whole, self.real, self.live, self.histograms, self.offsets,
        )  # fmt: skip
        addresses = [array.ctypes.data for array in arrays]
        self.header = np.array([0, 0, self.counters.ctypes.data, 0, 0, *addresses], np.int64)
        self.header_address = self.header.ctypes.data

    def fill(self, rows: Sequence[int], limits: Sequence[float], threads: int, chunks: int, jobs: int) -> None:
        """Writes the tables of a call."""
        struct.pack_into(f"{len(rows)}q", self.jobs.data, 0, *rows)
        struct.pack_into(f"{len(limits)}d", self.limits.data, 0, *limits)
        struct.pack_into("2q", self.header.data, 8 * k.ARRIVED, 0, threads)
        struct.pack_into("2q", self.header.data, 8 * k.CHUNKS, chunks, jobs)
        self.counters[: threads * k.LINE] = 0
        self.used[: threads * jobs] = 0


def summarise_jobs(
    jobs: Sequence[Job], threads: Threads = ALONE, workspace: Workspace | None = None
) -> list[PackedSummary]:
    """A summary per job, and behind them one per rectified job, in their order."""
    if not jobs:
        return []
    compiled, work = kernels(), workspace or Workspace()
    rows: list[int] = []  # of the kernels' table, one behind the other
    limits: list[float] = []
    owners = [(number, 0) for number in range(len(jobs))]  # of each result: its job, and where its live units begin
    values = chunks = live = chunk_live = 0
    for number, (address, size, dtype, task, other, units, rectified) in enumerate(jobs):
        own_units, inner, low, high = units or NO_UNITS
        own_chunks = -(-size // k.CHUNK)
        rows += (address, other, size, DTYPE_CODES[dtype], TASKS[task], own_units, inner, rectified)
        rows += (chunks, live, chunk_live)
        limits += (low, high)
        owners[number] = (number, live)
        if rectified:
            owners.append(owners[number])
        values, chunks = values + size, chunks + own_chunks
        live, chunk_live = live + own_units, chunk_live + own_units * own_chunks
    chosen = threads if values > SMALL else ALONE
    work.reserve(len(jobs), len(owners), chunks, live, chunk_live, chosen.count)
    work.fill(rows, limits, chosen.count, chunks, len(jobs))
    chosen.run(compiled.work_entry.address, work.header_address)
    ALONE.run(compiled.finish_entry.address, work.header_address)
    results = (array[: len(owners)].tolist() for array in (work.whole, work.real, work.offsets))
    return [
        packed_result(jobs[number], whole, real, work.histograms[first:last].tobytes(), work.live[live_at:])
        for (number, live_at), whole, real, (first, last) in zip(owners, *results, strict=True)
    ]


def packed_result(
    job: Job, whole: list[int], real: list[float], histogram: bytes, live: NDArray[np.uint8]
) -> PackedSummary:
    _, nan, positive, negative, zeros, passing = whole
    minimum, maximum, mean, variance = real[:4]
    mean = min(max(mean, minimum), maximum)  # of values near the largest float64, parts may round up to infinity
    units = 0 if job.units is None else job.units.number
    marks = np.packbits(live[:units]).tobytes() if units else b""
    return PackedSummary(
        job.size, nan, positive, negative, zeros, passing,
        minimum, maximum, mean, variance, histogram, units, marks,
    )  # fmt: skip


def job_of(array: NDArray[Any], units: Units | None = None) -> tuple[Job, NDArray[Any]]:
    """A job to read an array, and the array that has to be kept alive for it: itself where its memory has no gaps.

    Raises:
        TypeError: for an array that does not hold real numbers.
    """
    if array.dtype.kind not in "fiub":
        raise TypeError(f"a summary is of real numbers, not of {array.dtype}")
    if array.dtype.name not in DTYPE_CODES:  # longdouble
        array = array.astype(np.float64)
    elif not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    flat = np.ascontiguousarray(array) if units else array.ravel(order="K")
    return Job(flat.ctypes.data, flat.size, flat.dtype.name, units=units), flat


def summarise_arrays(
    arrays: Mapping[str, NDArray[Any]], units: Mapping[str, Units] | None = None
) -> dict[str, PackedSummary]:
    """The summaries of all arrays, read in one call; `units` by name, where there are some."""
    jobs, kept = zip(*(job_of(array, (units or {}).get(name)) for name, array in arrays.items()), strict=True)
    summaries = summarise_jobs(jobs)
    del kept
    return dict(zip(arrays, summaries, strict=True))


def summarise(values: ArrayLike) -> TensorSummary:
    """The summary of all values of an array of any shape and real dtype, in one read of it.

    Raises:
        TypeError: for an array that does not hold real numbers.

    >>> summary = summarise([0.0, 1.0, 3.0, np.nan])
    >>> summary.count, summary.nan, summary.zeros, summary.maximum, summary.mean
    (4, 1, 1, 3.0, 1.3333333333333333)
    """
    job, kept = job_of(np.asarray(values))
    (packed,) = summarise_jobs([job])
    del kept
    return TensorSummary.unpacked(packed)
