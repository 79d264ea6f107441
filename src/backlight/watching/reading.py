"""Reading tensors: by the kernels where they lie in the machine's memory, by PyTorch on the device where they do not.

Both take the same requests and give the same summaries. What is read on a device stays there until `fetch`, which
copies all of a step at once: nothing else waits for the device.
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from backlight.recording.gates import GATES
from backlight.recording.histogram import CELLS, SHIFT, encode
from backlight.recording.openmp import shared_threads
from backlight.recording.summarise import Job, Task, Threads, Units, Workspace, summarise_jobs
from backlight.recording.tensor_summary import PackedSummary
from backlight.watching.tensors import DTYPE_NAMES, units_last, without_gaps

FLOAT32_MAX = float(np.finfo(np.float32).max)
NAN = float("nan")
EMPTY = PackedSummary(0, 0, 0, 0, 0, 0, NAN, NAN, NAN, NAN, b"", 0, b"")


class Request(NamedTuple):
    """A tensor to be read; it comes from `tensors.plain`.

    Attributes:
        task: "read"; "copy" also keeps its values in `other`; "minus" reads the difference to `other`.
        other: a tensor of the same size, type and layout in memory.
        gate: name in GATES of the activation function that gave it, to look at its units along `axis`.
        rectified: also the summary of max(x, 0); then only that one has the units.
    """

    tensor: Tensor
    task: Task = "read"
    other: Tensor | None = None
    gate: str | None = None
    axis: int = 1
    rectified: bool = False


@dataclass(frozen=True, slots=True)
class OnDevice:
    """A summary that still lies on a device, as one vector."""

    vector: Tensor
    count: int
    units: int


Summary: TypeAlias = PackedSummary | OnDevice


class Reading(ABC):
    """Reads tensors of one kind of device."""

    @abstractmethod
    def read(self, requests: Sequence[Request]) -> list[Summary]:
        """A summary per request, and behind them one per rectified request, in their order."""


class HostReading(Reading):
    """By the kernels, on PyTorch's own threads."""

    def __init__(self) -> None:
        self._workspace = Workspace()
        self._threads: dict[int, Threads] = {}

    def read(self, requests: Sequence[Request]) -> list[Summary]:
        jobs, kept = [], []
        for request in requests:
            job, tensor = host_job(request)
            jobs.append(job)
            kept.append(tensor)  # until the call has returned
        summaries = list(summarise_jobs(jobs, self._all_threads(), self._workspace))
        for place, request in enumerate(requests):
            if request.rectified:
                summaries[place] = summaries[place]._replace(passing=0, units=0, live=b"")
        return [*summaries]

    def _all_threads(self) -> Threads:
        count = torch.get_num_threads()
        if count not in self._threads:
            self._threads[count] = shared_threads(str(Path(torch.__file__).parent.parent), count)
        return self._threads[count]


def host_job(request: Request) -> tuple[Job, Tensor]:
    """The kernels' job, and the tensor that has to be kept alive for it."""
    tensor, units = request.tensor, None
    if request.gate is None:
        tensor = without_gaps(tensor)
    else:
        number = tensor.shape[request.axis]
        tensor, inner = units_last(tensor, request.axis)
        units = Units(number, inner, *GATES[request.gate])
    other = 0 if request.other is None else request.other.data_ptr()
    job = Job(
        tensor.data_ptr(), tensor.numel(), DTYPE_NAMES[tensor.dtype], request.task, other, units, request.rectified
    )
    return job, tensor


class DeviceReading(Reading):
    """By PyTorch's operations, without waiting for the device."""

    @torch.no_grad()
    def read(self, requests: Sequence[Request]) -> list[Summary]:
        summaries = [self._summary(request) for request in requests]
        rectified = [
            device_summary(request.tensor.relu(), request.gate, request.axis)
            for request in requests
            if request.rectified
        ]
        return [*summaries, *rectified]

    def _summary(self, request: Request) -> Summary:
        tensor = request.tensor
        if request.task == "copy" and request.other is not None:
            request.other.copy_(tensor)
        elif request.task == "minus" and request.other is not None:
            tensor = tensor - request.other
        return device_summary(tensor, None if request.rectified else request.gate, request.axis)


def device_summary(tensor: Tensor, gate: str | None, axis: int) -> Summary:
    """Statistics (10), all cells (2048) and units of a tensor in one float64 vector on its device."""
    if tensor.numel() == 0:
        return EMPTY
    exact = tensor.dtype in (torch.float64, torch.int32, torch.int64) or tensor.dtype in UNSIGNED
    wide = tensor.double() if exact else tensor.float()
    finite = torch.isfinite(wide)
    safe = torch.where(finite, wide, 0)
    number = finite.sum()
    mean = safe.sum(dtype=torch.float64) / number
    squares = torch.where(finite, (wide.double() - mean).square_(), 0).sum()
    zeros = (wide == 0).sum()
    counts = [wide.isnan().sum(), (wide == torch.inf).sum(), (wide == -torch.inf).sum(), zeros]
    lowest, highest = torch.where(finite, wide, torch.inf).amin(), torch.where(finite, wide, -torch.inf).amax()
    narrow = safe.clamp(-FLOAT32_MAX, FLOAT32_MAX).float() + 0.0  # −0 becomes 0
    cells = (narrow.reshape(-1).view(torch.int32) >> SHIFT) & (CELLS - 1)
    histogram = torch.zeros(CELLS, dtype=torch.int64, device=tensor.device)
    histogram.scatter_add_(0, cells.long(), finite.reshape(-1).long())
    passing, live, units = torch.zeros_like(number), histogram[:0], 0
    if gate is not None:
        low, high = GATES[gate]
        if not exact:  # as the kernels compare
            low, high = (float(np.float32(limit)) for limit in (low, high))
        inside = (wide > low) & (wide < high)
        passing, units = inside.sum(), tensor.shape[axis]
        live = inside.movedim(axis, 0).flatten(1).any(1)
    whole = torch.stack([number, *counts, passing])
    real = torch.stack([lowest.double(), highest.double(), mean, squares / number])
    vector = torch.cat([whole.double(), real, histogram.double(), live.double()])
    return OnDevice(vector, tensor.numel(), units)


UNSIGNED = (torch.uint32, torch.uint64)


def fetch(summaries: Sequence[Summary]) -> list[PackedSummary]:
    """All summaries, those on a device after one copy from it."""
    waiting: dict[torch.device, list[OnDevice]] = defaultdict(list)
    for summary in summaries:
        if isinstance(summary, OnDevice):
            waiting[summary.vector.device].append(summary)
    arrived: dict[int, PackedSummary] = {}
    for group in waiting.values():
        together = torch.cat([each.vector for each in group]).cpu().numpy()
        ends = np.cumsum([len(each.vector) for each in group])
        for each, vector in zip(group, np.split(together, ends[:-1]), strict=True):
            arrived[id(each)] = packed_vector(each, vector)
    return [arrived[id(each)] if isinstance(each, OnDevice) else each for each in summaries]


def packed_vector(summary: OnDevice, vector: NDArray[np.float64]) -> PackedSummary:
    number, nan, positive, negative, zeros, passing = vector[:6].astype(np.int64).tolist()
    minimum, maximum, mean, variance = (value + 0.0 if number else NAN for value in vector[6:10].tolist())
    counts = vector[10 : 10 + CELLS].astype(np.int64)
    filled = np.flatnonzero(counts)
    histogram, live = encode(filled, counts[filled]), np.packbits(vector[10 + CELLS :] > 0).tobytes()
    return PackedSummary(
        summary.count, nan, positive, negative, zeros, passing,
        minimum, maximum, mean, variance, histogram, summary.units, live,
    )  # fmt: skip
