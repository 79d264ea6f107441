"""Reading everything in a run folder, to say what of it is damaged."""

import importlib.util
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from backlight.errors import RunError
from backlight.recording.checkpoint import load_checkpoint
from backlight.recording.page_sums import DATABASE, being_written, has_sums
from backlight.recording.run import Run
from backlight.recording.seals import read_bytes, read_json
from backlight.recording.tensorboard import records

BACKUP = "damaged"  # folders of this name and a number hold what was there before a repair


@dataclass(frozen=True)
class Damage:
    """A file, by its path in the run folder, and what is wrong with it."""

    file: str
    what: str


@dataclass(frozen=True)
class Inspection:
    """What became of reading everything in a run folder.

    Attributes:
        sealed: whether the files have checksums. Of a run that was recorded before there were any, a number that was
            changed and still makes sense is not noticed.
        written: whether somebody writes the run, so that its database was not held against its checksums.
        files: number of files that were read.
    """

    folder: Path
    sealed: bool
    written: bool
    files: int
    damage: tuple[Damage, ...]

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "folder": str(self.folder)}

    def lines(self) -> list[str]:
        if self.damage:
            return [f"{self.folder}: damaged", *(f"  {each.file}: {each.what}" for each in self.damage)]
        remarks = [
            *([] if self.sealed else ["it carries no checksums, so only what makes no sense would be noticed"]),
            *(["it is being written, so its database was not held against its checksums"] if self.written else []),
        ]
        return ["; ".join([f"{self.folder}: {self.files} files, nothing damaged", *remarks])]


def verify(folder: Path) -> Inspection:
    """Never raises for what is in the folder."""
    found, files = [], 0
    for path, read in readings(folder):
        files += 1
        try:
            read(path)
        except (RunError, OSError, ValueError) as error:
            found.append(Damage(str(path.relative_to(folder)), words_without(str(error), path)))
    return Inspection(folder, has_sums(folder), being_written(folder), files, tuple(found))


def words_without(message: str, path: Path) -> str:
    """What is wrong, without the name of the file and without the advice to look for what is wrong."""
    what = message.removeprefix(f"{path}: ").removeprefix("cannot be read: ").partition("; `backlight runs")[0]
    return what.removeprefix("damaged checkpoint: ")


def readings(folder: Path) -> Iterator[tuple[Path, Callable[[Path], object]]]:
    """Each file, and what reads all of it and raises RunError where it cannot."""
    run = Run(folder)
    yield folder / DATABASE, read_database
    yield folder / "settings.toml", lambda path: run.settings
    yield folder / "environment.json", lambda path: run.environment
    if os.path.lexists(folder / "facts.json"):
        yield folder / "facts.json", lambda path: run.facts()
    if os.path.lexists(folder / "data.json"):
        yield folder / "data.json", lambda path: read_json(path, "data", False)
    for path in sorted(folder.glob("snapshots/*.npy")):
        yield path, lambda path: run.snapshot(path.stem)
    for name in ("checkpoints", "blocks"):
        for path in sorted(folder.glob(f"{name}/*.safetensors")):
            yield path, load_checkpoint
    readable = importlib.util.find_spec("google_crc32c") is not None
    for path in sorted(folder.glob("tensorboard/*tfevents*")) if readable else []:
        yield path, lambda path: read_events(path, cut_is_fine=not ended(run))


def ended(run: Run) -> bool:
    """False where that cannot be told."""
    try:
        return run.ending() is not None
    except RunError:
        return False


def read_database(path: Path) -> None:
    """Raises RunError for pages that are not what was recorded, for what SQLite notices, and for senseless rows."""
    folder = path.parent
    run = Run.open(folder)
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            found = [words for (words,) in connection.execute("PRAGMA integrity_check(3)")]
        except sqlite3.OperationalError:  # it has a log, in a folder that cannot be written
            found = ["ok"]
        except sqlite3.DatabaseError as error:
            found = [str(error)]
    if found != ["ok"]:
        raise RunError(f"{path}: SQLite finds: {'; '.join(found)}")
    for name in run.tensor_names():
        run.tensor(name)
        run.norms(name)
    for name in run.scalar_names():
        run.scalar(name)
    run.costs(), run.events(), run.first_nonfinite(), run.last_step(), run.recorded_steps()


def read_events(path: Path, cut_is_fine: bool) -> None:
    """Raises RunError for an event file with a record that is not what was written.

    The last record of a run that was killed may be half there.
    """
    bad = [record for record in records(read_bytes(path)) if not record.whole]
    if bad and not (cut_is_fine and bad == [bad[-1]] and bad[0].cut):
        raise RunError(
            f"{path}: record at byte {bad[0].start} is {'cut off' if bad[0].cut else 'not what was written'}"
        )
