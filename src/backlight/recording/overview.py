"""All runs below a folder at a glance: what became of each, how much was recorded, what is wrong."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backlight.errors import RunError
from backlight.recording.lock import is_written
from backlight.recording.page_sums import DATABASE, SUMS
from backlight.recording.run import ENDINGS, Event, NonFinite, Run


@dataclass(frozen=True)
class Overview:
    """What there is to say about one run folder.

    Attributes:
        status: "finished", "stopped" or "diverged"; "running" while it is written, "broken off" if nobody writes it
            any more, "open" where that cannot be told; "damaged" if it cannot be read, for the reason in `error`.
        last_step: the last one of which anything is recorded.
        tensors, recorded: number of tensors, and of steps at which one was recorded.
        size: bytes on disk.
        nonfinite: the first tensor that held NaN or infinity.
        watching: time that watching took, as a share of the training's own.
        lost: what a repair could not save, in words.
    """

    folder: Path
    size: int
    status: str = "damaged"
    command: tuple[str, ...] = ()
    last_step: int | None = None
    tensors: int = 0
    recorded: int = 0
    nonfinite: NonFinite | None = None
    watching: float | None = None
    lost: tuple[str, ...] = ()
    error: str | None = None

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "folder": str(self.folder)}


def list_runs(folder: Path) -> list[Overview]:
    """What is to say about each of `run_folders`; errors are theirs."""
    return [overview(each) for each in run_folders(folder)]


def run_folders(folder: Path) -> list[Path]:
    """All run folders in and below `folder`, in order of their paths; also those whose database is gone.

    Raises:
        RunError: if there is no such folder.
    """
    if not folder.is_dir():
        raise RunError(f"{folder}: no such folder; name one with runs below it")
    found = folder.rglob("run.s*")  # a pattern, since rglob leaves out a link to nothing that is named in full
    return sorted({path.parent for path in found if path.name in (DATABASE, SUMS)})


def overview(folder: Path) -> Overview:
    """A folder that cannot be read is described as well: it must not hide the others."""
    size = size_on_disk(folder)
    try:
        run = Run.open(folder)
        events = run.events()
        return Overview(
            folder,
            size,
            status_of(run, events),
            run.command,
            run.last_step(),
            len(run.tensor_order()),
            run.recorded_steps(),
            next(iter(run.first_nonfinite()), None),
            share_of_watching(events),
            run.lost(),
        )
    except (RunError, OSError, ValueError) as error:
        return Overview(folder, size, error=str(error))


def size_on_disk(folder: Path) -> int:
    """Bytes of all files; those of a run being written may vanish meanwhile."""
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.lstat(Path(parent, name)).st_size
            except FileNotFoundError:
                continue
    return size


def status_of(run: Run, events: Sequence[Event]) -> str:
    kinds = [event.kind for event in events]
    if "resume" in kinds:  # what happened before says nothing of how it goes on
        kinds = kinds[len(kinds) - kinds[::-1].index("resume") :]
    ending = next((kind for kind in reversed(kinds) if kind in ENDINGS), None)
    if ending in ("finished", "diverged"):
        return ending
    if "repaired" in kinds:  # the event that says how it ended may be what was lost
        return ending or "open"
    written = is_written(run.folder)
    if written:
        return "running"
    if ending is not None:
        return ending
    # the loop around `watch` is the user's own: that it was closed in order is all that is known of its end
    if run.command in ((), ("watch",)) and "watched" in kinds and "exception" not in kinds:
        return "finished"
    return "open" if written is None else "broken off"


def share_of_watching(events: Sequence[Event]) -> float | None:
    details = [event.detail for event in events if event.kind == "watched"]
    return json.loads(details[-1]).get("share") if details else None


def nonfinite_text(first: NonFinite) -> str:
    kind = "NaN" if first.nan else "infinity"
    return f"{kind} in {first.name} at step {first.step} ({first.nan + first.infinite} of {first.count} values)"


def size_text(size: float) -> str:
    """
    >>> size_text(999), size_text(65_441_792)
    ('999 B', '65.44 MB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.4g} {unit}"
        size /= 1000
    return f"{size:.4g} TB"
