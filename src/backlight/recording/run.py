"""The run folder: what training leaves behind, and all that any picture or report reads.

    settings.toml      what to hand to the command line to do it again
    environment.json   machine and versions
    run.sqlite         step (scalars), tensor (a row per summary), event
    snapshots/         arrays (.npy): training points in the plane, confusion matrix
    checkpoints/       weights and optimiser state (safetensors)
    tensorboard/       event files, for who prefers TensorBoard
    figures/           pictures

One process writes (a second one gets an error), any number read while it does.
"""

import json
import sqlite3
import time
import tomllib
import zlib
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from backlight.errors import RunError
from backlight.files import write_atomically
from backlight.recording.environment import describe_environment
from backlight.recording.tensor_summary import Counts, TensorSummary

if TYPE_CHECKING:
    from filelock import FileLock

SCHEMA = """
CREATE TABLE IF NOT EXISTS step (
    step INTEGER NOT NULL, name TEXT NOT NULL, value REAL, PRIMARY KEY (step, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tensor (
    step INTEGER NOT NULL, name TEXT NOT NULL,
    count INTEGER, nan INTEGER, positive_infinity INTEGER, negative_infinity INTEGER, zeros INTEGER,
    minimum REAL, maximum REAL, mean REAL, variance REAL, histogram BLOB, PRIMARY KEY (name, step)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (time REAL NOT NULL, step INTEGER NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL);
"""
STATISTICS = "count, nan, positive_infinity, negative_infinity, zeros, minimum, maximum, mean, variance"
COMMIT_SECONDS = 1.0  # scalars are committed this often, tensors at once


class RunWriter:
    """Writes a run folder; a context manager.

    Args:
        folder: made if absent; must not hold a run unless `resume`.
        command: the words of the command line that ran, such as ("train", "cnn"); settings.toml puts the
            settings under them.
        settings: resolved settings; values that TOML can hold, None is left out.
        resume: go on writing an existing run.

    Raises:
        RunError: if another process writes the folder, or a run is there that should not be (or the reverse).
    """

    def __init__(
        self,
        folder: Path,
        command: tuple[str, ...] = (),
        settings: Mapping[str, Any] | None = None,
        resume: bool = False,
    ):
        if resume:
            check_resumable(folder, settings)
        elif (folder / "run.sqlite").exists():
            raise RunError(f"{folder}: a run is already there; go on with --resume or name another folder")
        self.folder = folder
        self._lock = locked(folder)
        for partial in folder.rglob(".*.partial"):  # left by a kill in the middle of a write
            partial.unlink()
        if not resume:
            write_atomically(folder / "settings.toml", settings_toml(command, settings or {}))
            write_atomically(folder / "environment.json", json.dumps(describe_environment(), indent=2))
        self._database = sqlite3.connect(folder / "run.sqlite")
        self._database.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; {SCHEMA}")
        self._committed = time.monotonic()

    def __enter__(self) -> "RunWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.commit()
        self._database.close()
        self._lock.release()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        rows = [(step, name, float(value)) for name, value in values.items()]
        self._database.executemany("INSERT OR REPLACE INTO step VALUES (?, ?, ?)", rows)
        self._commit_when_due()

    def tensors(self, step: int, summaries: Mapping[str, TensorSummary]) -> None:
        rows = [(step, name, *summary_row(summary)) for name, summary in summaries.items()]
        self._database.executemany(f"INSERT OR REPLACE INTO tensor VALUES ({', '.join('?' * 12)})", rows)
        self.commit()

    def event(self, step: int, kind: str, detail: str = "") -> None:
        self._database.execute("INSERT INTO event VALUES (?, ?, ?, ?)", (time.time(), step, kind, detail))
        self.commit()

    def snapshot(self, name: str, array: NDArray) -> None:
        buffer = BytesIO()
        np.save(buffer, array, allow_pickle=False)
        write_atomically(self.subfolder("snapshots") / f"{name}.npy", buffer.getvalue())

    def rewind(self, step: int) -> None:
        """Forgets what was recorded after `step`: it is about to be recorded again.

        Of `step` itself an evaluation may stand there already, which is not repeated; the rest is overwritten.
        """
        for table in ("step", "tensor"):
            self._database.execute(f"DELETE FROM {table} WHERE step > ?", (step,))
        self.event(step, "resume")

    def subfolder(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir(exist_ok=True)
        return path

    def commit(self) -> None:
        self._database.commit()
        self._committed = time.monotonic()

    def _commit_when_due(self) -> None:
        if time.monotonic() - self._committed > COMMIT_SECONDS:
            self.commit()


@dataclass(frozen=True)
class Event:
    """Something that happened: `time` in seconds since 1970, at `step`."""

    time: float
    step: int
    kind: str
    detail: str


@dataclass(frozen=True)
class Run:
    """Reads a run folder; safe while it is being written."""

    folder: Path

    @classmethod
    def open(cls, folder: Path | str) -> "Run":
        """Raises RunError if there is no run in `folder`."""
        folder = Path(folder)
        if not (folder / "run.sqlite").is_file():
            raise RunError(f"{folder}: no run there (run.sqlite is missing)")
        return cls(folder)

    @property
    def command(self) -> tuple[str, ...]:
        """The words of the command line that made it, such as ("train", "cnn")."""
        return split_command(self._settings_document())[0]

    @property
    def settings(self) -> dict[str, Any]:
        return split_command(self._settings_document())[1]

    @property
    def environment(self) -> dict[str, Any]:
        return json.loads((self.folder / "environment.json").read_text(encoding="utf-8"))

    def scalar_names(self) -> list[str]:
        return [name for (name,) in self._query("SELECT DISTINCT name FROM step ORDER BY name")]

    def scalar(self, name: str) -> tuple[Counts, NDArray[np.float64]]:
        """(steps, values) in order of step; NaN where NaN was recorded."""
        rows = self._query("SELECT step, value FROM step WHERE name = ? ORDER BY step", (name,))
        return np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.float64)

    def tensor_names(self) -> list[str]:
        return [name for (name,) in self._query("SELECT DISTINCT name FROM tensor ORDER BY name")]

    def tensor(self, name: str) -> tuple[Counts, list[TensorSummary]]:
        """(steps, summaries) in order of step."""
        rows = self._query(f"SELECT step, {STATISTICS}, histogram FROM tensor WHERE name = ? ORDER BY step", (name,))
        return np.array([row[0] for row in rows], np.int64), [summary_from_row(row[1:]) for row in rows]

    def events(self) -> list[Event]:
        return [Event(*row) for row in self._query("SELECT time, step, kind, detail FROM event ORDER BY rowid")]

    def snapshot(self, name: str) -> NDArray:
        return np.load(self.folder / "snapshots" / f"{name}.npy", allow_pickle=False)

    def _query(self, query: str, arguments: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._fetch("mode=ro", query, arguments)
        except sqlite3.OperationalError:  # in a read-only folder SQLite cannot keep its index of the log
            try:
                return self._fetch("immutable=1", query, arguments)
            except sqlite3.DatabaseError as error:
                raise RunError(f"{self.folder / 'run.sqlite'}: {error}") from None
        except sqlite3.DatabaseError as error:
            raise RunError(f"{self.folder / 'run.sqlite'}: {error}") from None

    def _fetch(self, mode: str, query: str, arguments: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        address = f"{(self.folder / 'run.sqlite').resolve().as_uri()}?{mode}"
        with closing(sqlite3.connect(address, uri=True)) as database:
            return database.execute(query, arguments).fetchall()

    def _settings_document(self) -> dict[str, Any]:
        path = self.folder / "settings.toml"
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise RunError(f"{path}: {error}") from None


def locked(folder: Path) -> "FileLock":
    """The writer's lock, held; the folder is made if absent."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(f"{folder}: another process is writing this run") from None
    except OSError as error:
        raise RunError(f"{folder}: cannot be written: {error.strerror}") from None
    return lock


def check_resumable(folder: Path, settings: Mapping[str, Any] | None) -> None:
    """Raises RunError unless `folder` holds an unfinished run of these settings (wherever its data lie)."""
    if not (folder / "run.sqlite").is_file():
        raise RunError(f"{folder}: there is no run to resume")
    run = Run.open(folder)
    if any(event.kind == "finished" for event in run.events()):
        raise RunError(f"{folder}: this run is finished, nothing is left to resume")
    if settings is not None and not same_settings(run.settings, settings):
        raise RunError(f"{folder}: a resumed run keeps its settings; these differ from its settings.toml")


def same_settings(stored: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    def comparable(settings: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in settings.items() if value is not None and name != "data_dir"}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}

    return comparable(stored) == comparable(given)


def next_free_folder(stem: str) -> Path:
    """runs/<stem>-1, or with the first number that is free."""
    number = 1
    while (Path("runs") / f"{stem}-{number}").exists():
        number += 1
    return Path("runs") / f"{stem}-{number}"


def summary_row(summary: TensorSummary) -> tuple[Any, ...]:
    """The columns of a summary; SQLite stores NaN as NULL."""
    statistics = [getattr(summary, name) for name in STATISTICS.split(", ")]
    packed = summary.cells.astype("<u2").tobytes() + summary.cell_counts.astype("<i8").tobytes()
    return (*statistics, zlib.compress(packed))


def summary_from_row(row: tuple[Any, ...]) -> TensorSummary:
    *statistics, blob = row
    packed = zlib.decompress(blob)
    filled = len(packed) // 10  # two bytes for the cell's number, eight for its count
    cells = np.frombuffer(packed, "<u2", filled).astype(np.int64)
    counts = np.frombuffer(packed, "<i8", filled, offset=2 * filled).astype(np.int64)
    fields = dict(zip(STATISTICS.split(", "), (nan_if_null(value) for value in statistics), strict=True))
    return TensorSummary(**fields, cells=cells, cell_counts=counts)


def nan_if_null(value: float | None) -> Any:
    return float("nan") if value is None else value


def settings_toml(command: tuple[str, ...], settings: Mapping[str, Any]) -> str:
    import tomli_w

    table: dict[str, Any] = {name: value for name, value in settings.items() if value is not None}
    for word in reversed(command):
        table = {word: table}
    return tomli_w.dumps(table)


def split_command(document: dict[str, Any]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The inverse of `settings_toml`: tables that hold nothing but one table are words of the command."""
    words: list[str] = []
    while len(document) == 1 and isinstance(next(iter(document.values())), dict):
        word, document = next(iter(document.items()))
        words.append(word)
    return tuple(words), document
