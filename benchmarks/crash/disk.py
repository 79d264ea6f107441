"""A disk that fills while training writes to it; then there is room again. Needs to mount a tmpfs, so: root."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

from .attack import BY_COMMAND, LOOK_SECONDS, Reference, completed, finished, launched
from .children import Child
from .evidence import Seen, lost, seen, unreadable
from .kinds import Kind

SIZE = 256 * 2**20  # bytes of the disk
LEAST = 0.02  # of the room that an undisturbed run needs
ROOM_WORDS = ("No space left", "disk is full", "disk I/O error")
NOTHING = Seen(frozenset(), {}, 0)


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """Raises CalledProcessError where nothing may be mounted."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", place], check=True, capture_output=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def room_needed(kind: Kind, disk: Path) -> int:
    """The most that an undisturbed run takes up at once, in bytes."""
    child, free = launched(kind, disk / "undisturbed"), [free_bytes(disk)]
    while (code := child.over()) is None:
        free.append(free_bytes(disk))
        time.sleep(LOOK_SECONDS)
    if code:
        raise RuntimeError(f"{kind.name} fails on an empty disk of {SIZE} bytes: {child.words()}")
    return free[0] - min(free)


def free_bytes(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


def filled(kind: Kind, disk: Path, need: int, reference: Reference, rng: Random) -> dict[str, Any]:
    """Too little room, at random; what the program says, what is left, and how it goes on once there is room."""
    folder, ballast = disk / "run", disk / "ballast"
    share = rng.uniform(LEAST, 1.0)
    with open(ballast, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(free_bytes(disk) - int(share * need), 1))
    child = launched(kind, folder)
    code, before = watched_to_its_end(child, folder)
    words = child.words()
    faults = complaint(kind, code, words)
    if before is not NOTHING:
        faults += [f"while the disk is full, {fault}" for fault in unreadable(folder)]
    ballast.unlink()
    faults += unreadable(folder) + lost(before, folder)
    full = any(word in words for word in ROOM_WORDS)
    ending = "room enough"
    if full and not finished(folder):
        ending, more = completed(kind, folder, reference)
        faults += more
    return {
        "kind": kind.name, "share of the room": share, "full": full, "rows": len(before.rows),
        "ending": ending, "faults": faults,
    }  # fmt: skip


def watched_to_its_end(child: Child, folder: Path) -> tuple[int, Seen]:
    """(exit code, what was last seen to be committed)"""
    before, code = NOTHING, None
    while code is None:
        with suppress(Exception):  # the reader too may find the disk full for an instant; then it looks again
            before = seen(folder) if (folder / "run.sqlite").exists() else before
        time.sleep(10 * LOOK_SECONDS)
        code = child.over()
    return code, before


def complaint(kind: Kind, code: int, words: str) -> list[str]:
    """A full disk is an error in one line that says so; a loop that is only watched goes on."""
    full = any(word in words for word in ROOM_WORDS)
    expected = 1 if full and kind.name != "watched" else 0
    faults = [] if code == expected else [f"full disk: it ended with {code}: {words[-400:]}"]
    if kind.name in (*BY_COMMAND, "watched") and "Traceback" in words:
        faults.append(f"full disk: a traceback: {words[-400:]}")
    return faults
