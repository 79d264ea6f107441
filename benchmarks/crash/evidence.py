"""What a run folder holds: seen from outside while it is written, after a kill, and at the end."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backlight.errors import BacklightError
from backlight.recording.checkpoint import load_checkpoint
from backlight.recording.run import Run

SCALARS = "SELECT name, step, value FROM step ORDER BY name, step"
TENSORS = """
SELECT name, step, size, nan, zeros, passing, minimum, maximum, mean, variance, histogram, units, live
FROM tensors ORDER BY name, step
"""
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Seen:
    """What a reader saw on disk at one instant: nothing of it may be lost.

    Attributes:
        rows: of scalars, tensors and norms, as long as they were not rewound to be recorded again.
        blocks: of a study: file name → (inode, time of its last change).
        resumed: how often the run has been gone on with.
    """

    rows: frozenset[Row]
    blocks: dict[str, tuple[int, int]]
    resumed: int


def seen(folder: Path) -> Seen:
    """What is committed; nothing where there is no database yet."""
    found = {path.name: path.stat() for path in sorted((folder / "blocks").glob("[!.]*.safetensors"))}
    blocks = {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found.items()}
    path = folder / "run.sqlite"
    if not path.exists():
        return Seen(frozenset(), blocks, 0)
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30)) as database:
        database.execute("BEGIN")  # one instant for all
        rows = database.execute(SCALARS).fetchall() + database.execute(TENSORS).fetchall()
        rows += database.execute("SELECT 'norm', step, packed FROM norm").fetchall()
        ((resumed,),) = database.execute("SELECT COUNT(*) FROM event WHERE kind = 'resume'").fetchall()
    return Seen(frozenset(rows), blocks, resumed)


def last_step(folder: Path) -> int:
    """−1 while nothing is recorded; cheap enough to be asked all the time."""
    path = folder / "run.sqlite"
    if not path.exists():
        return -1
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30)) as database:
        ((last,),) = database.execute("SELECT MAX(step) FROM step").fetchall()
    return -1 if last is None else int(last)


def lost(before: Seen, folder: Path) -> list[str]:
    """What was on disk before a kill and is not there, or is another, after it."""
    after = seen(folder)
    faults = []
    if gone := before.rows - after.rows:
        name, step, *_ = min(gone, key=str)
        faults.append(f"{len(gone)} committed rows are lost, such as {name} at step {step}")
    if before.blocks.items() - after.blocks.items():
        faults.append("a finished block of a study is lost")
    return faults


def unreadable(folder: Path) -> list[str]:
    """What of a killed run cannot be read, by the means that a user has."""
    if not (folder / "run.sqlite").exists():
        return []  # it never began: the command says so
    try:
        run = Run.open(folder)
        _ = run.settings, run.environment, run.facts(), run.events(), run.costs(), run.command
        for name in run.scalar_names():
            run.scalar(name)
        for name in run.tensor_names():
            run.tensor(name)
            run.norms(name)
        for path in folder.rglob("[!.]*.safetensors"):
            load_checkpoint(path)
        with closing(sqlite3.connect(folder / "run.sqlite")) as database:
            ((verdict,),) = database.execute("PRAGMA integrity_check").fetchall()
    except (BacklightError, OSError, sqlite3.Error, ValueError) as error:
        return [f"it does not open: {type(error).__name__}: {error}"]
    return [] if verdict == "ok" else [f"SQLite finds the table damaged: {verdict}"]


def record_of(folder: Path) -> dict[str, Any]:
    """All that has to be the same in an uninterrupted run: weights, scalars, summaries, norms."""
    run = Run.open(folder)
    with closing(sqlite3.connect(folder / "run.sqlite")) as database:
        scalars, tensors = database.execute(SCALARS).fetchall(), database.execute(TENSORS).fetchall()
    norms = {name: [part.tobytes() for part in run.norms(name)] for name in run.tensor_names()}
    return {"scalars": scalars, "tensors": tensors, "norms": norms, "weights": weights_of(folder)}


def weights_of(folder: Path) -> dict[str, dict[str, bytes]]:
    """The arrays of every checkpoint and block, bit for bit."""
    found = {}
    for path in sorted(folder.rglob("[!.]*.safetensors")):
        arrays, _ = load_checkpoint(path)
        found[path.name] = {name: np.ascontiguousarray(array).tobytes() for name, array in arrays.items()}
    return found


def differences(folder: Path, reference: dict[str, Any], killed: bool = True) -> list[str]:
    """The parts in which a finished run differs from an uninterrupted one.

    One that was asked to stop has looked at itself once more where it stopped: there the reference may say less.
    """
    own = record_of(folder)
    different = [part for part in reference if own[part] != reference[part]]
    if not killed:
        different = [part for part in different if part == "weights" or not contains(own[part], reference[part])]
    return [f"other {part} than uninterrupted" for part in different]


def contains(own: Any, reference: Any) -> bool:
    """Whether all rows of the reference are there; norms, which are of the steps of summaries, follow from those."""
    return isinstance(own, dict) or set(reference) <= set(own)
