"""run.sums: a CRC-32 of each page of run.sqlite, so that a damaged record is never read as a right one.

SQLite notices a page that makes no sense, not a number in it that has changed. A page is what a reader sees of it: in
the file or, while there is a log (run.sqlite-wal), there. So it makes no difference when SQLite moves pages from the
log into the file, and a log that is lost is noticed.

    8 bytes    the log's salts, which change when it begins anew
    8 bytes    how many frames of it are counted in
    4 bytes    of each page

A kill between SQLite's commit and this file leaves it one commit behind. What that commit wrote stands in frames that
are not counted in yet, and SQLite has checked those by their own checksums.
"""

import os
import sqlite3
import struct
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import numpy as np

from backlight.errors import RunError
from backlight.files import file_stamp, write_atomically
from backlight.recording.lock import is_written
from backlight.recording.seals import WHAT_TO_DO, damaged, read_bytes

DATABASE, LOG, SUMS = "run.sqlite", "run.sqlite-wal", "run.sums"
HEAD = struct.Struct("<8sQ")  # salts and frames of the log up to which the sums go
BEHIND = 1 << 63  # in the frames: a commit is being made, so the sums may lack its pages
LOG_HEAD, FRAME_HEAD = 32, 24
MOVING = ((18, 20), (24, 28), (92, 100))  # bytes of page 1 that change with the journal's mode, and say nothing


class Commit(NamedTuple):
    """One commit in the log: the log's salts, frames up to its end, pages of the database after it, its own pages."""

    salts: bytes
    frames: int
    size: int
    pages: dict[int, bytes]


def page_sum(number: int, page: bytes | memoryview) -> int:
    """Pages are numbered from 1."""
    if number == 1:
        masked = bytearray(page)
        for first, last in MOVING:
            masked[first:last] = bytes(last - first)
        page = bytes(masked)
    return crc32(page)


class PageSums:
    """Writes run.sums beside a database in WAL mode; `follow` after each commit of the connection.

    Raises:
        OSError: if the folder cannot be written.
    """

    def __init__(self, connection: sqlite3.Connection, folder: Path):
        self._sums = folder / SUMS
        ((self._page,),) = connection.execute("PRAGMA page_size")
        self._log = folder / LOG
        self._salts, self._frames = bytes(8), 0
        for commit in commits(self._log, self._page, self._salts, self._frames):
            self._salts, self._frames = commit.salts, commit.frames
        sums = np.fromiter(sums_of(paged(connection.serialize(), self._page)), "<u4")
        write_atomically(self._sums, HEAD.pack(self._salts, self._frames) + sums.tobytes())

    def expect(self) -> None:
        """Says that a commit comes. Should a kill come between it and `follow`, the log tells what the sums lack; and
        if another program has meanwhile moved the log into the database, nobody can tell, and it is taken on trust.
        """
        with open(self._sums, "r+b", buffering=0) as file:
            file.write(HEAD.pack(self._salts, self._frames | BEHIND))

    def follow(self) -> None:
        """Counts in what has been committed since."""
        with open(self._sums, "r+b", buffering=0) as file:
            for commit in commits(self._log, self._page, self._salts, self._frames):
                for number, page in commit.pages.items():
                    file.seek(HEAD.size + 4 * (number - 1))
                    file.write(struct.pack("<I", page_sum(number, page)))
                file.truncate(HEAD.size + 4 * commit.size)
                self._salts, self._frames = commit.salts, commit.frames
            file.seek(0)
            file.write(HEAD.pack(self._salts, self._frames))  # last: a kill may come between

    def close(self) -> None:
        """Waits for the disk."""
        with open(self._sums, "rb") as file:
            os.fsync(file.fileno())


def commits(log: Path, page: int, salts: bytes, frames: int) -> Iterator[Commit]:
    """Those in the log that come after `frames` frames of those `salts`, in order."""
    try:
        file = log.open("rb")
    except OSError:
        return
    with file:
        present = file.read(LOG_HEAD)[16:24]
        if present != salts:
            salts, frames = present, 0
        file.seek(LOG_HEAD + frames * (FRAME_HEAD + page))
        pages: dict[int, bytes] = {}
        while len(frame := file.read(FRAME_HEAD + page)) == FRAME_HEAD + page and frame[8:16] == salts:
            number, size = struct.unpack_from(">II", frame)
            pages[number], frames = frame[FRAME_HEAD:], frames + 1
            if size:  # stands in the last frame of a commit alone
                yield Commit(salts, frames, size, pages)
                pages = {}


def paged(image: bytes, page: int) -> Iterator[memoryview]:
    view = memoryview(image)
    return (view[start : start + page] for start in range(0, len(image), page))


def sums_of(pages: Iterable[bytes | memoryview]) -> Iterator[int]:
    return (page_sum(number, page) for number, page in enumerate(pages, start=1))


# --- reading ---------------------------------------------------------------------------------------------------------


def has_sums(folder: Path) -> bool:
    """False for a run that was recorded before there were any."""
    return os.path.lexists(folder / SUMS)


def check_pages(folder: Path) -> None:
    """A run that is being written is taken on trust, and so is one without run.sums.

    Raises:
        RunError: unless run.sqlite is, page by page, what was recorded.
    """
    if not has_sums(folder) or being_written(folder):
        return
    bad = damaged_pages(folder.resolve(), tuple(file_stamp(folder / name) for name in (DATABASE, LOG, SUMS)))
    if bad and not being_written(folder):  # somebody may have begun meanwhile
        raise RunError(f"{folder / DATABASE}: {page_words(bad)}; {WHAT_TO_DO}")


def being_written(folder: Path) -> bool:
    return os.path.lexists(folder / LOG) and is_written(folder) is not False


def page_words(bad: tuple[int, ...]) -> str:
    return f"{len(bad)} of its pages are not what was recorded (the first is number {bad[0]})"


@lru_cache(maxsize=1024)
def damaged_pages(folder: Path, stamps: tuple[tuple[int, int] | None, ...]) -> tuple[int, ...]:
    """Numbers of the pages whose sums differ, or of which only one is there; `stamps` tell when to look again.

    Raises:
        RunError: if the database or its sums cannot be read at all.
    """
    sums = read_bytes(folder / SUMS)
    if len(sums) < HEAD.size or (len(sums) - HEAD.size) % 4:
        raise damaged(folder / SUMS, f"{len(sums)} bytes are no list of checksums")
    stored = np.frombuffer(sums, "<u4", offset=HEAD.size)
    page = page_size(folder / DATABASE)
    found = np.fromiter(sums_of(pages_of(folder, page)), np.uint32)
    both = min(len(found), len(stored))
    differs = np.ones(max(len(found), len(stored)), np.bool_)
    differs[:both] = found[:both] != stored[:both]
    salts, frames = HEAD.unpack_from(sums)
    if frames & BEHIND and not (file_stamp(folder / LOG) or (0, 0))[1]:  # who only reads may leave an empty one
        return ()
    for commit in commits(folder / LOG, page, salts, frames & ~BEHIND):
        differs = differs[: max(commit.size, len(found))]
        for number, content in commit.pages.items():
            if number <= len(found):
                differs[number - 1] = page_sum(number, content) != found[number - 1]
    return tuple((np.flatnonzero(differs) + 1).tolist())


def page_size(path: Path) -> int:
    """As the file's own head has it.

    Raises:
        RunError: if it is none.
    """
    try:
        with path.open("rb") as file:
            size = int.from_bytes(file.read(18)[16:], "big")
    except OSError as error:
        raise damaged(path, error.strerror) from None
    size = 65536 if size == 1 else size
    if size < 512 or size & (size - 1):
        raise damaged(path, "it does not begin as a database does")
    return size


def pages_of(folder: Path, page: int) -> Iterator[bytes | memoryview]:
    """The database as readers see it.

    Raises:
        RunError: if it cannot be read.
    """
    path = folder / DATABASE
    if os.path.lexists(folder / LOG):
        yield from paged(image_with_log(path), page)
        return
    with path.open("rb", buffering=1 << 20) as file:
        while content := file.read(page):
            yield content


def image_with_log(path: Path) -> bytes:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()  # so that it looks at the log
            return connection.serialize()
    except sqlite3.Error as error:
        if not os.access(path.parent, os.W_OK):
            raise RunError(
                f"{path}: {error}; it has a log, which can only be read in a folder that can be written: copy the run"
            ) from None
        raise damaged(path, error) from None
