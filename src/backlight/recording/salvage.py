"""What can be read of a damaged run.sqlite: every row on a page that is what was recorded.

Each page is taken from wherever its checksum fits, the file or the log. Rows are read from the pages themselves, since
the way to them, through other pages, may be gone. (The format: SQLite, "Database File Format", sections 1.6 and 2.1.)
"""

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from backlight.errors import RunError
from backlight.recording.comparison import steps_text
from backlight.recording.database import SCHEMA
from backlight.recording.page_sums import HEAD, commits, image_with_log, page_sum, paged

Row = tuple[Any, ...]
PAGE = 4096  # bytes, as SQLite makes them
INDEX_INTERIOR, INDEX_LEAF, TABLE_LEAF = 0x02, 0x0A, 0x0D  # kinds of pages that hold rows
# Of a row, by the kind of its page and its columns, the table; those of an index stand in order of their key.
TABLES = {(INDEX_LEAF, 3): "step", (INDEX_LEAF, 15): "tensor", (INDEX_LEAF, 2): "index of tensor_name",
          (TABLE_LEAF, 3): "cost", (TABLE_LEAF, 4): "event"}  # fmt: skip
INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # bytes of a whole number, by its code


@dataclass
class Salvage:
    """Rows by table; how many pages there were, how many of them are lost, and how many are known from before alone."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    pages: int = 0
    bad: int = 0
    older: int = 0

    def lost(self) -> list[str]:
        """In words."""
        if not any(self.rows.values()):
            return ["everything"]
        pages = [f"{self.bad} of its {self.pages} pages, with what stood there"] if self.bad else []
        last = ["what was recorded last, which stood in its log"] if self.older else []
        return pages + last + self.holes()

    def holes(self) -> list[str]:
        """Of each tensor the steps that are missing, where others of its kind have them."""
        names = {number: str(name) for number, name in self.rows.get("tensor_name", [])}
        steps: dict[str, set[int]] = {name: set() for name in names.values()}
        for number, step, *_ in self.rows.get("tensor", []):
            if number in names:
                steps[names[number]].add(step)
        kinds: dict[str, set[int]] = {}
        for name, own in steps.items():
            kinds.setdefault(name.partition("/")[0], set()).update(own)
        missing = {name: sorted(kinds[name.partition("/")[0]] - own) for name, own in steps.items()}
        return [f"{name} at {steps_text(lack[0], lack[-1])}" for name, lack in missing.items() if lack]


def salvage(database: Path, log: Path, sums: Path) -> Salvage:
    """All rows on good pages; none of the files is touched."""
    pages, older = best_pages(database, log, sums)
    found = Salvage({}, len(pages), pages.count(None), older)
    free = free_pages(pages) if pages else set()
    for number, page in enumerate(pages, start=1):
        if page is not None and number > 1 and number not in free:
            for table, row in rows_of(page, pages):
                found.rows.setdefault(table, []).append(row)
    names = {(number, name) for name, number in found.rows.pop("index of tensor_name", [])}
    found.rows["tensor_name"] = sorted({*found.rows.get("tensor_name", []), *names}, key=str)
    return found


def rebuilt(found: Salvage, path: Path) -> None:
    """Writes a new database from rows."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
        for table, rows in found.rows.items():
            into = "event (rowid, time, step, kind, detail)" if table == "event" else table
            for row in rows:
                with suppress(sqlite3.Error):  # of a run without checksums: what its own table would not take
                    connection.execute(f"INSERT OR IGNORE INTO {into} VALUES ({', '.join('?' * len(row))})", row)
        connection.commit()


# --- pages -----------------------------------------------------------------------------------------------------------


def best_pages(database: Path, log: Path, sums: Path) -> tuple[list[bytes | None], int]:
    """(pages, how many are older ones); None for a page that is not what was recorded, without checksums what is there.

    A page of which the newest is lost may stand in the log as it was before. SQLite has then checked it.
    """
    content, listed = content_of(database), content_of(sums)
    in_file = list(enumerate(map(bytes, paged(content, PAGE)), start=1))
    in_log = [pair for commit in commits(log, PAGE, bytes(8), 0) for pair in commit.pages.items()]
    if len(listed) <= HEAD.size or (len(listed) - HEAD.size) % 4:
        newest = dict([*in_file, *in_log])
        return [newest.get(number) for number in range(1, max(newest, default=0) + 1)], 0
    stored = np.frombuffer(listed, "<u4", offset=HEAD.size).tolist()
    pages: list[bytes | None] = [None] * len(stored)
    for number, page in (*in_file, *in_log):
        if number <= len(stored) and page_sum(number, page) == stored[number - 1]:
            pages[number - 1] = page
    bad = pages.count(None)
    for number, page in enumerate(map(bytes, paged(view_of(database, log), PAGE)), start=1):
        if number <= len(pages) and pages[number - 1] is None and (number, page) in in_log:
            pages[number - 1] = page
    return pages, bad - pages.count(None)


def view_of(database: Path, log: Path) -> bytes:
    """What SQLite makes of both; nothing where it cannot."""
    with suppress(RunError):
        return image_with_log(database) if log.is_file() else b""
    return b""


def content_of(path: Path) -> bytes:
    with suppress(OSError):
        return path.read_bytes()
    return b""


def free_pages(pages: list[bytes | None]) -> set[int]:
    """Those that hold nothing any more, as far as the list of them can be read."""
    found: set[int] = set()
    first = pages[0]
    trunk = int.from_bytes(first[32:36], "big") if first is not None else 0
    while 0 < trunk <= len(pages) and trunk not in found and (page := pages[trunk - 1]) is not None:
        found.add(trunk)
        trunk, count = struct.unpack_from(">II", page)
        found.update(struct.unpack_from(f">{min(count, PAGE // 4 - 2)}I", page, 8))
    return found


# --- rows ------------------------------------------------------------------------------------------------------------


def rows_of(page: bytes, pages: list[bytes | None]) -> Iterator[tuple[str, Row]]:
    """(table, row) of each cell of a page, as far as they make sense."""
    kind, (count,) = page[0], struct.unpack_from(">H", page, 3)
    if kind not in (INDEX_INTERIOR, INDEX_LEAF, TABLE_LEAF):
        return
    start = 12 if kind == INDEX_INTERIOR else 8
    for cell in struct.unpack_from(f">{min(count, PAGE // 2 - start)}H", page, start):
        with suppress(IndexError, struct.error, ValueError, LookupError):
            row = row_at(page, cell, kind, pages)
            table = TABLES.get((INDEX_LEAF if kind == INDEX_INTERIOR else kind, len(row)))
            if kind == TABLE_LEAF:
                number, row = rowid_at(page, cell), row if table == "event" else row[1:]
                table = table or ("tensor_name" if isinstance(row[0], str) else "norm")
                row = (number, *row)
            if table is not None:
                yield table, row


def rowid_at(page: bytes, cell: int) -> int:
    return varint(page, varint(page, cell)[1])[0]


def row_at(page: bytes, cell: int, kind: int, pages: list[bytes | None]) -> Row:
    size, at = varint(page, cell + (4 if kind == INDEX_INTERIOR else 0))
    if kind == TABLE_LEAF:
        at = varint(page, at)[1]
    return values(payload(page, at, size, PAGE - 35 if kind == TABLE_LEAF else (PAGE - 12) * 64 // 255 - 23, pages))


def payload(page: bytes, at: int, size: int, most: int, pages: list[bytes | None]) -> bytes:
    """What is too long for its page goes on in others.

    Raises:
        LookupError: if one of those is lost.
    """
    least = (PAGE - 12) * 32 // 255 - 23
    local = size if size <= most else least + (size - least) % (PAGE - 4)
    local = local if local <= most or size <= most else least
    content = page[at : at + local]
    following = int.from_bytes(page[at + local : at + local + 4], "big") if size > local else 0
    while len(content) < size:
        more = pages[following - 1] if 0 < following <= len(pages) else None
        if more is None:
            raise LookupError("a page is lost")
        content += more[4 : 4 + size - len(content)]
        following = int.from_bytes(more[:4], "big")
    return content


def values(record: bytes) -> Row:
    """The columns of a record: codes of their types first, then their bytes."""
    end, at = varint(record, 0)
    codes = []
    while at < end:
        code, at = varint(record, at)
        codes.append(code)
    row = []
    for code in codes:
        value, at = column(record, at, code)
        row.append(value)
    return tuple(row)


def column(record: bytes, at: int, code: int) -> tuple[Any, int]:
    """The value that begins at `at`, and where the next one does."""
    if code in (0, 8, 9):
        return (None, 0, 1)[(0, 8, 9).index(code)], at
    if code == 7:
        return struct.unpack_from(">d", record, at)[0], at + 8
    if code in INTEGERS:
        end = at + INTEGERS[code]
        return int.from_bytes(record[at:end], "big", signed=True), end
    end = at + (code - 12) // 2
    if code < 12 or end > len(record):
        raise ValueError("no value of SQLite's")
    return record[at:end].decode() if code % 2 else record[at:end], end


def varint(data: bytes, at: int) -> tuple[int, int]:
    """
    >>> varint(bytes([0x81, 0x00, 7]), 0)
    (128, 2)
    """
    number = 0
    for place in range(at, at + 8):
        number = number << 7 | data[place] & 127
        if data[place] < 128:
            return number, place + 1
    return number << 8 | data[at + 8], at + 9
