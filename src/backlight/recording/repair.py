"""Saving what can be read of a damaged run, and saying what was lost; what was there before is kept beside it."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backlight.files import write_atomically
from backlight.recording.database import RunDatabase
from backlight.recording.page_sums import DATABASE, LOG, SUMS, has_sums
from backlight.recording.run import Run
from backlight.recording.run_writer import locked
from backlight.recording.salvage import rebuilt, salvage
from backlight.recording.seals import sealed_text, write_json
from backlight.recording.tensorboard import records
from backlight.recording.verify import BACKUP, Inspection, verify

UNKNOWN: dict[str, Any] = {"python": "unknown", "processor": "unknown", "cores": None, "versions": {}}
KEPT = ".damaged"  # behind the names of kept files: no reader takes them for those of a run


@dataclass(frozen=True)
class Repair:
    """What a repair did: where the files are kept as they were, and what of them was lost."""

    folder: Path
    kept: Path
    lost: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {"folder": str(self.folder), "kept": str(self.kept), "lost": list(self.lost)}

    def lines(self) -> list[str]:
        lost = [f"  lost: {each}" for each in self.lost] or ["  nothing was lost"]
        return [f"{self.folder}: repaired; as it was: {self.kept}", *lost]


def repair(folder: Path) -> Repair | None:
    """None if nothing is damaged.

    Raises:
        RunError: if somebody writes the run.
        OSError: if the folder cannot be written; what was there is then still there, or in the folder of kept files.
    """
    inspection = verify(folder)
    if not inspection.damage:
        return None
    lock = locked(folder)
    try:
        kept = free_folder(folder)
        lost = [words for name in files_of(inspection) for words in mended(folder, name, kept)]
        note(folder, inspection, lost)
        return Repair(folder, kept, tuple(lost))
    finally:
        lock.release()


def files_of(inspection: Inspection) -> list[str]:
    """The damaged ones, the database first: where it is gone, nothing tells whether the others need checksums."""
    names = list(dict.fromkeys(each.file for each in inspection.damage))
    return sorted(names, key=lambda name: name != DATABASE)


def free_folder(folder: Path) -> Path:
    number = 1
    while (folder / f"{BACKUP}-{number}").exists():
        number += 1
    (folder / f"{BACKUP}-{number}").mkdir()
    return folder / f"{BACKUP}-{number}"


def keep(path: Path, folder: Path, kept: Path, move: bool) -> None:
    """Puts a copy, or the thing itself, under the folder of kept files."""
    to = kept / f"{path.relative_to(folder)}{KEPT}"
    to.parent.mkdir(parents=True, exist_ok=True)
    if move or not path.is_file():
        os.replace(path, to)
    else:
        shutil.copy2(path, to)


def mended(folder: Path, name: str, kept: Path) -> list[str]:
    """Puts what can be saved in the place of a damaged file; what was lost, in words."""
    if name == DATABASE:
        return mend_database(folder, kept)
    path = folder / name
    if os.path.lexists(path):
        whole = whole_records(path) if name.startswith("tensorboard/") else None
        keep(path, folder, kept, move=True)
        if whole is not None:
            write_atomically(path, whole)
            return [f"{name}: what is no longer whole of it"]
    replacement = REPLACEMENTS.get(name)
    if replacement is not None:
        replacement(path)
    return [name]


REPLACEMENTS: dict[str, Callable[[Path], None]] = {
    "settings.toml": lambda path: write_atomically(path, sealed_text("settings", "")),
    "environment.json": lambda path: write_json(path, "environment", UNKNOWN),
}


def whole_records(path: Path) -> bytes | None:
    """The records of an event file that are as they were written; None if there is none."""
    with suppress(OSError):
        content = path.read_bytes()
        return b"".join(content[each.start : each.end] for each in records(content) if each.whole) or None
    return None


def mend_database(folder: Path, kept: Path) -> list[str]:
    """Puts all rows that can be read into a new database. The old one stays until that is there."""
    sealed = has_sums(folder)
    found = salvage(*(folder / name for name in (DATABASE, LOG, SUMS)))
    for name in (DATABASE, LOG, SUMS):
        if os.path.lexists(folder / name):
            keep(folder / name, folder, kept, move=False)
    with tempfile.TemporaryDirectory() as work:
        rebuilt(found, Path(work) / "new.sqlite")
        with suppress(FileNotFoundError):
            os.unlink(folder / SUMS)
        for suffix in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.unlink(folder / f"{DATABASE}{suffix}")
        write_atomically(folder / DATABASE, (Path(work) / "new.sqlite").read_bytes())
    RunDatabase(folder / DATABASE, sealed).close()
    return [f"{DATABASE}: {words}" for words in found.lost()]


def note(folder: Path, inspection: Inspection, lost: list[str]) -> None:
    """Says in the record itself that it is not whole; a study can train blocks of networks that were lost anew."""
    database = RunDatabase(folder / DATABASE, has_sums(folder))
    try:
        step = Run(folder).last_step() or 0
        database.event(step, "repaired", json.dumps(lost))
        if any(each.file.startswith("blocks/") for each in inspection.damage):
            database.event(step, "resume", "for the networks that were lost")
        database.commit()
    finally:
        database.close()
