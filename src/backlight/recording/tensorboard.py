"""TensorBoard event files, written from the summaries' own buckets, several values an event.

The messages are TensorBoard's own. The frame around each is written here, with a checksum in machine code: that of
TensorBoard's writer is computed in Python and takes longer than all the rest.
"""

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from backlight.errors import missing_extra
from backlight.recording.tensor_summary import PackedSummary, TensorSummary

MOST_GATHERED = 1 << 20  # bytes; a writer flushes far oftener, an export does not


class EventFile:
    """One event file in `folder`; a context manager. TensorBoard can show it while it is being written.

    Args:
        folder: where; a new file each time, beside what is there.
        resume_step: tells TensorBoard to forget what earlier files say of this step and later.
    """

    def __init__(self, folder: Path, resume_step: int | None = None):
        try:
            from tensorboard.compat.proto import event_pb2, summary_pb2
        except ModuleNotFoundError as error:
            raise missing_extra("an event file", error) from None
        self._checksum = crc32c()
        self._events, self._summaries = event_pb2, summary_pb2
        folder.mkdir(parents=True, exist_ok=True)
        self.path: Path = folder / f"events.out.tfevents.{later_than(folder)}.{socket.gethostname()}.{os.getpid()}"
        # Gathered here and not by Python's file object, whose buffer a forked process would write a second time.
        self._gathered = bytearray()
        self._file = open(self.path, "wb", buffering=0)  # noqa: SIM115  # closed by __exit__
        self._write(event_pb2.Event(wall_time=time.time(), file_version="brain.Event:2"))
        if resume_step is not None:
            restart = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            self._write(event_pb2.Event(wall_time=time.time(), step=resume_step, session_log=restart))

    def __enter__(self) -> "EventFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        try:
            self.flush()
        finally:
            self._file.close()

    def flush(self) -> None:
        """Makes what was written so far visible to TensorBoard."""
        while self._gathered:
            written = self._file.write(self._gathered)
            del self._gathered[:written]

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        Value = self._summaries.Summary.Value
        self._write_summary(step, [Value(tag=tag, simple_value=value) for tag, value in values.items()])

    def tensors(self, step: int, summaries: Mapping[str, PackedSummary]) -> None:
        """tag/{hist,min,max,mean,std} of each summary, as one event; no histogram where no value is finite."""
        Value = self._summaries.Summary.Value
        values = []
        for tag, packed in summaries.items():
            summary = TensorSummary.unpacked(packed)
            if summary.finite:
                values.append(Value(tag=f"{tag}/hist", histo=self._histogram(summary)))
            statistics = {
                "min": summary.minimum,
                "max": summary.maximum,
                "mean": summary.mean,
                "std": summary.deviation,
            }
            values += [Value(tag=f"{tag}/{name}", simple_value=value) for name, value in statistics.items()]
        self._write_summary(step, values)

    def _histogram(self, summary: TensorSummary) -> Any:
        """A bucket reaches from the previous limit to its own; empty ones bridge the gaps between filled cells."""
        left, right, counts = summary.histogram()
        limits = np.column_stack([left, right]).ravel()
        buckets = np.column_stack([np.zeros_like(counts), counts]).ravel()
        kept = np.ones(len(limits), bool)
        kept[2::2] = left[1:] > right[:-1]  # a cell that begins where the last one ends needs no bridge
        return self._summaries.HistogramProto(
            min=summary.minimum,
            max=summary.maximum,
            num=summary.finite,
            sum=summary.finite * summary.mean,
            sum_squares=summary.square_sum,
            bucket_limit=limits[kept],
            bucket=buckets[kept],
        )

    def _write_summary(self, step: int, values: list[Any]) -> None:
        summary = self._summaries.Summary(value=values)
        self._write(self._events.Event(wall_time=time.time(), step=step, summary=summary))

    def _write(self, event: Any) -> None:
        data = event.SerializeToString()
        length = struct.pack("<Q", len(data))
        checked = (struct.pack("<I", masked(self._checksum(part))) for part in (length, data))
        record = (length, next(checked), data, next(checked))
        self._gathered += b"".join(record)
        if len(self._gathered) > MOST_GATHERED:
            self.flush()


def later_than(folder: Path) -> int:
    """The time in ns, or one after the latest file's: TensorBoard reads files by name, and clocks are set back."""
    stamps = [path.name.split(".")[3] for path in folder.glob("events.out.tfevents.*.*")]
    return max([time.time_ns(), *(int(stamp) + 1 for stamp in stamps if stamp.isdecimal())])


class Record(NamedTuple):
    """A record of an event file: where it begins and ends, whether it is what was written, or cut off by the end."""

    start: int
    end: int
    whole: bool
    cut: bool = False


def records(content: bytes) -> Iterator[Record]:
    """Those of an event file, as far as their lengths can be trusted.

    Raises:
        MissingExtraError: if the package that computes their checksums is not installed.
    """
    checksum = crc32c()
    start = 0
    while start < len(content):
        head = content[start : start + 12]
        if len(head) < 12:
            yield Record(start, len(content), False, cut=True)
            return
        (length, stored) = struct.unpack("<QI", head)
        if stored != masked(checksum(head[:8])):
            yield Record(start, len(content), False)  # nobody knows where the next one begins
            return
        end = start + 16 + length
        if end > len(content):
            yield Record(start, len(content), False, cut=True)
            return
        (stored,) = struct.unpack("<I", content[end - 4 : end])
        yield Record(start, end, stored == masked(checksum(content[start + 12 : end - 4])))
        start = end


def crc32c() -> Callable[[bytes], int]:
    """In machine code.

    Raises:
        MissingExtraError: if its package is not installed.
    """
    try:
        import google_crc32c
    except ModuleNotFoundError as error:
        raise missing_extra("an event file", error) from None
    value: Callable[[bytes], int] = google_crc32c.value
    return value


def masked(crc: int) -> int:
    """Rotated and shifted as TFRecord asks, lest a file that holds checksums be checked by its own."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
