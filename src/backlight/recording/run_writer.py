"""Writing a run folder, from a thread of its own so that training does not wait for the disk.

What is handed over is put into a queue that nothing is ever dropped from; how far the disk fell behind is measured.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from backlight.errors import RunError
from backlight.files import write_atomically
from backlight.recording.database import RunDatabase
from backlight.recording.environment import describe_environment
from backlight.recording.page_sums import has_sums
from backlight.recording.run import Run
from backlight.recording.seals import sealed_bytes, sealed_text, write_json
from backlight.recording.settings_file import same_settings, settings_toml
from backlight.recording.tensor_summary import PackedSummary

if TYPE_CHECKING:
    from filelock import FileLock

    from backlight.recording.tensorboard import EventFile

GATHER_SECONDS = 1.0  # what a kill costs at most; rows that are written together are cheaper, and disturb less
Work = Callable[[], None]


class RunWriter:
    """Writes a run folder; a context manager.

    Args:
        folder: made if absent; must not hold a run unless `resume`.
        command: the words of the command line that ran, such as ("train", "cnn"); settings.toml puts the
            settings under them.
        settings: resolved settings; values that TOML can hold, None is left out.
        resume: go on writing an existing run.

    Raises:
        RunError: if another process writes the folder, a run is there that should not be (or the reverse), or the
            disk refuses; then at the next call.
    """

    def __init__(
        self,
        folder: Path,
        command: tuple[str, ...] = (),
        settings: Mapping[str, Any] | None = None,
        resume: bool = False,
    ):
        if resume and not (folder / "run.sqlite").is_file():
            raise RunError(f"{folder}: there is no run to resume; begin it without --resume")
        self.folder = folder
        self.most_waiting: int = 0  # records that waited to be written at once
        self.longest_write: float = 0.0  # seconds that it took to write what had gathered in GATHER_SECONDS
        self.busy_seconds: float = 0.0  # processor time of the writing thread
        self._lock = locked(folder)
        try:
            if resume:
                check_resumable(folder, settings)
            else:
                begin(folder, command, settings or {})
            self._database = opened(folder, sums=not resume or has_sums(folder))
        except BaseException:
            self._lock.release()
            raise
        self._events: EventFile | None = None
        self._prefix = ""
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self._wake = threading.Event()
        self._error: Exception | None = None
        self._closed = False
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._write, name="backlight writer", daemon=True)
        self._thread.start()

    def __enter__(self) -> "RunWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def add_event_file(self, prefix: str = "", resume_step: int | None = None) -> None:
        """From now on also writes TensorBoard event files; tags of tensors begin with `prefix`."""
        from backlight.recording.tensorboard import EventFile

        self._events = EventFile(self.subfolder("tensorboard"), resume_step)
        self._prefix = prefix

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        def write() -> None:
            self._database.scalars(step, values)
            if self._events is not None:
                self._events.scalars(step, values)

        self._hand_over(write)

    def tensors(self, step: int, summaries: Mapping[str, PackedSummary]) -> None:
        def write() -> None:
            self._database.tensors(step, summaries)
            if self._events is not None:
                self._events.tensors(step, {self._prefix + name: each for name, each in summaries.items()})

        self._hand_over(write)

    def norms(self, step: int, names: Sequence[str], values: NDArray[np.float32]) -> None:
        self._hand_over(lambda: self._database.norms(step, names, values))

    def cost(self, step: int, watching: float, training: float | None) -> None:
        """Seconds that watching a step took, and those of the training itself where they are known."""
        self._hand_over(lambda: self._database.cost(step, watching, training))

    def event(self, step: int, kind: str, detail: str = "") -> None:
        self._hand_over(lambda: self._database.event(step, kind, detail))
        self._wake.set()

    def snapshot(self, name: str, array: NDArray[Any]) -> None:
        buffer = BytesIO()
        np.save(buffer, array, allow_pickle=False)
        path = self.subfolder("snapshots") / f"{name}.npy"
        try:
            write_atomically(path, sealed_bytes(f"snapshots/{name}", buffer.getvalue()))
        except OSError as error:
            raise RunError(f"{path}: cannot be written: {error.strerror}") from None

    def rewind(self, step: int) -> None:
        """Forgets what was recorded after `step`: it is about to be recorded again.

        Of `step` itself an evaluation may stand there already, which is not repeated; the rest is overwritten.
        """
        self._hand_over(lambda: self._database.rewind(step))
        self.commit()

    def subfolder(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir(exist_ok=True)
        return path

    @property
    def forked(self) -> bool:
        """In a process forked from the one that writes, a DataLoader's worker say: it leaves the record alone."""
        return os.getpid() != self._process

    def commit(self) -> None:
        """Returns when all that was handed over is in the file."""
        if self.forked:  # which has no thread that would write
            return
        written = threading.Event()

        def commit() -> None:
            self._commit()
            written.set()

        self._hand_over(commit)
        self._wake.set()
        while not written.wait(GATHER_SECONDS):
            self._check()
        self._check()

    def close(self) -> None:
        """Writes what is left and gives the folder free; a second call does nothing."""
        if self._closed or self.forked:
            return
        self._closed = True
        self._queue.put(None)
        self._wake.set()
        self._thread.join()
        try:
            self._database.close()
            if self._events is not None:
                self._events.close()
        except (OSError, sqlite3.Error) as error:  # the first one says more
            self._error = self._error or error
        finally:
            self._lock.release()
        self._check()

    def _hand_over(self, work: Work) -> None:
        if self.forked:
            return
        self._check()
        self._queue.put(work)
        self.most_waiting = max(self.most_waiting, self._queue.qsize())

    def _check(self) -> None:
        if self._error is not None:
            raise RunError(f"{self.folder}: cannot be written: {self._error}") from self._error

    def _write(self) -> None:
        """The thread: writes what has gathered in a second, or sooner when somebody waits for it."""
        try:
            going_on = True
            while going_on:
                self._wake.wait(GATHER_SECONDS)
                self._wake.clear()
                began, processor = time.monotonic(), time.thread_time()
                going_on = self._write_gathered()
                self.busy_seconds += time.thread_time() - processor
                self.longest_write = max(self.longest_write, time.monotonic() - began)
        except Exception as error:  # handed to whoever calls next: nothing may be lost in silence
            self._error = error

    def _write_gathered(self) -> bool:
        """Works off the queue, in one transaction; False at its end."""
        work: Work | None = None
        with suppress(Empty):
            while (work := self._queue.get_nowait()) is not None:
                work()
            self._commit()
            return False
        if work is not None:
            self._commit()
        return True

    def _commit(self) -> None:
        self._database.commit()
        if self._events is not None:
            self._events.flush()


def locked(folder: Path) -> "FileLock":
    """The writer's lock, held; the folder is made if absent."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock", thread_local=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(f"{folder}: another process is writing this run") from None
    except OSError as error:
        raise RunError(f"{folder}: cannot be written: {error.strerror}") from None
    return lock


def begin(folder: Path, command: tuple[str, ...], settings: Mapping[str, Any]) -> None:
    """Says what the run is of, before there is a run. Raises RunError if there is one already."""
    if (folder / "run.sqlite").exists():
        raise RunError(f"{folder}: a run is already there; go on with --resume or name another folder")
    try:
        write_atomically(folder / "settings.toml", sealed_text("settings", settings_toml(command, settings)))
        write_json(folder / "environment.json", "environment", describe_environment())
    except OSError as error:
        raise RunError(f"{error.filename}: cannot be written: {error.strerror}") from None


def opened(folder: Path, sums: bool) -> RunDatabase:
    """The tables, made if absent; what a kill in the middle of a write has left is cleared away."""
    try:
        for partial in folder.rglob(".*.partial"):
            partial.unlink()
        return RunDatabase(folder / "run.sqlite", sums)
    except (OSError, sqlite3.Error) as error:
        raise RunError(f"{folder / 'run.sqlite'}: {error}") from None


def check_resumable(folder: Path, settings: Mapping[str, Any] | None) -> None:
    """Raises RunError unless `folder` holds an unfinished run of these settings (wherever its data lie)."""
    run = Run.open(folder)
    if run.is_finished:
        raise RunError(f"{folder}: this run is finished, nothing is left to resume")
    if settings is not None and not same_settings(run.settings, settings):
        raise RunError(f"{folder}: a resumed run keeps its settings; these differ from its settings.toml")


def next_free_folder(stem: str) -> Path:
    """runs/<stem>-1, or with the first number that is free."""
    number = 1
    while (Path("runs") / f"{stem}-{number}").exists():
        number += 1
    return Path("runs") / f"{stem}-{number}"
