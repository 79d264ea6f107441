"""The tables of run.sqlite, and what goes into them and comes out.

step          a row per scalar
tensor        a row per summary, of the tensor whose name stands in `tensor_name`
norm          a row per step: the Euclidean norms of gradients, of every step, and of parameters, of recorded ones
event         what happened: finished, stopped, diverged, first NaN of a tensor, cost of watching
tensors       a view for people: `SELECT step, name FROM tensors WHERE nan > 0`
"""

import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backlight.recording.histogram import Counts
from backlight.recording.page_sums import PageSums
from backlight.recording.tensor_summary import PackedSummary

VERSION = 2
COLUMNS = PackedSummary._fields
SCHEMA = f"""
CREATE TABLE step (
    step INTEGER NOT NULL, name TEXT NOT NULL, value REAL, PRIMARY KEY (step, name)) WITHOUT ROWID;
CREATE TABLE tensor_name (tensor INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE tensor (
    tensor INTEGER NOT NULL, step INTEGER NOT NULL,
    size INTEGER, nan INTEGER, positive_infinity INTEGER, negative_infinity INTEGER, zeros INTEGER, passing INTEGER,
    minimum REAL, maximum REAL, mean REAL, variance REAL, histogram BLOB, units INTEGER, live BLOB,
    PRIMARY KEY (tensor, step)) WITHOUT ROWID;
CREATE TABLE norm (step INTEGER PRIMARY KEY, packed BLOB NOT NULL);
CREATE TABLE cost (step INTEGER PRIMARY KEY, watching REAL NOT NULL, training REAL);
CREATE TABLE event (time REAL NOT NULL, step INTEGER NOT NULL, kind TEXT NOT NULL, detail TEXT NOT NULL);
CREATE VIEW tensors AS SELECT name, tensor.* FROM tensor JOIN tensor_name USING (tensor);
PRAGMA user_version = {VERSION};
"""
NORM = np.dtype([("tensor", "<u4"), ("norm", "<f4")])


class RunDatabase:
    """Inserts into run.sqlite, and keeps the sums of its pages; for one thread at a time.

    Args:
        path: of the file, made if absent.
        sums: whether to keep them; a run that was begun without has none.

    Raises:
        sqlite3.Error, OSError: if the file cannot be written.
    """

    def __init__(self, path: Path, sums: bool = True):
        if not path.exists():
            make_database(path)
        self._connection = sqlite3.connect(path, check_same_thread=False)
        # FULL: a commit waits for the disk, as the checkpoint after it does, which counts on what was committed
        self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
        self._rows: list[tuple[Any, ...]] = []
        self._numbers = {name: number for number, name in self._connection.execute("SELECT * FROM tensor_name")}
        self._sums = PageSums(self._connection, path.parent) if sums else None

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        rows = [(step, name, float(value)) for name, value in values.items()]
        self._connection.executemany("INSERT OR REPLACE INTO step VALUES (?, ?, ?)", rows)

    def tensors(self, step: int, summaries: Mapping[str, PackedSummary]) -> None:
        numbers = self._numbers_of(summaries)
        self._rows += [(number, step, *summary) for number, summary in zip(numbers, summaries.values(), strict=True)]

    def norms(self, step: int, names: Sequence[str], values: NDArray[np.float32]) -> None:
        packed = np.empty(len(names), NORM)
        packed["tensor"], packed["norm"] = self._numbers_of(names), values
        self._connection.execute("INSERT OR REPLACE INTO norm VALUES (?, ?)", (step, packed.tobytes()))

    def cost(self, step: int, watching: float, training: float | None) -> None:
        self._connection.execute("INSERT OR REPLACE INTO cost VALUES (?, ?, ?)", (step, watching, training))

    def event(self, step: int, kind: str, detail: str) -> None:
        self._connection.execute("INSERT INTO event VALUES (?, ?, ?, ?)", (time.time(), step, kind, detail))

    def rewind(self, step: int) -> None:
        self._insert_rows()
        for table in ("step", "tensor", "norm", "cost"):
            self._connection.execute(f"DELETE FROM {table} WHERE step > ?", (step,))
        self.event(step, "resume", "")

    def commit(self) -> None:
        self._insert_rows()
        if self._sums is not None:
            self._sums.expect()
        self._connection.commit()
        if self._sums is not None:
            self._sums.follow()

    def close(self) -> None:
        try:
            with suppress(sqlite3.OperationalError):  # somebody reads just now
                self._connection.execute("PRAGMA journal_mode=DELETE")  # or else every reader would leave a log behind
            self._connection.close()
        finally:
            if self._sums is not None:
                self._sums.close()

    def _insert_rows(self) -> None:
        """Summaries by tensor, as the table is ordered: neighbours go into the same page."""
        rows, self._rows = self._rows, []
        rows.sort(key=lambda row: row[:2])
        places = ", ".join("?" * (2 + len(COLUMNS)))
        self._connection.executemany(f"INSERT OR REPLACE INTO tensor VALUES ({places})", rows)

    def _numbers_of(self, names: Iterable[str]) -> list[int]:
        for name in names:
            if name not in self._numbers:
                self._numbers[name] = len(self._numbers)
                row = (self._numbers[name], name)
                self._connection.execute("INSERT INTO tensor_name VALUES (?, ?)", row)
        return [self._numbers[name] for name in names]


def make_database(path: Path) -> None:
    """The empty tables, all at once: a kill leaves no file, or one that opens."""
    partial = path.parent / f".{path.name}.partial"
    partial.unlink(missing_ok=True)
    with closing(sqlite3.connect(partial)) as connection:
        connection.executescript(f"PRAGMA journal_mode=MEMORY; BEGIN; {SCHEMA} COMMIT;")
    partial.replace(path)


def norms_of(rows: Sequence[tuple[int, bytes]], tensor: int) -> tuple[Counts, NDArray[np.float32]]:
    """(steps, norms) of one tensor from rows of `norm`; steps without it are left out."""
    lengths = [len(packed) // NORM.itemsize for _, packed in rows]
    everything = np.frombuffer(b"".join(packed for _, packed in rows), NORM)
    steps = np.repeat(np.array([step for step, _ in rows], np.int64), lengths)
    wanted = everything["tensor"] == tensor
    return steps[wanted], everything["norm"][wanted].copy()
