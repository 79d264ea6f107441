"""Checksums inside the small files of a run folder: what was changed afterwards is never taken for what was recorded.

A seal is the CRC-32 of what a file is and of what it says, so that every flipped bit, a cut, and another file in its
place are told. It stands in the file itself: no kill can part the two.

    settings.toml       in the first line, a comment
    *.json              as "crc32", beside the rest
    snapshots/*.npy     behind the array, where NumPy does not look
    *.safetensors       in the metadata (`recording.checkpoint`)

Files of runs that were recorded before there were seals are read without.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

from backlight.errors import RunError
from backlight.files import write_atomically

KEY = "crc32"
FIRST_LINE = re.compile(r"# crc32 ([0-9a-f]{8})\n")
TAIL = b"\ncrc32 "
WHAT_TO_DO = "`backlight runs FOLDER --verify` says what is damaged, --repair saves the rest"


def seal(kind: str, content: bytes) -> str:
    """
    >>> seal("settings", b"seed = 0"), seal("settings", b"seed = 1")
    ('5f68e182', '286fd114')
    """
    return f"{crc32(content, crc32(kind.encode())):08x}"


def damaged(path: Path, why: object) -> RunError:
    return RunError(f"{path}: cannot be read: {why}; {WHAT_TO_DO}")


def read_bytes(path: Path) -> bytes:
    """Raises RunError for a file that cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise damaged(path, error.strerror or error) from None


# --- text ------------------------------------------------------------------------------------------------------------


def sealed_text(kind: str, text: str) -> str:
    return f"# {KEY} {seal(kind, text.encode())}\n{text}"


def fits(kind: str, text: str) -> bool | None:
    """Whether the text still is what its first line says; None where that says nothing."""
    found = FIRST_LINE.match(text)
    return None if found is None else seal(kind, text[found.end() :].encode()) == found.group(1)


def read_text(path: Path, kind: str, required: bool) -> str:
    """Raises RunError if it is not what was written, or cannot be told to be, which `required` asks for."""
    try:
        text = read_bytes(path).decode()
    except UnicodeDecodeError as error:
        raise damaged(path, error) from None
    if fits(kind, text) is not True and (required or FIRST_LINE.match(text)):
        raise damaged(path, "it is not what was recorded (its checksum does not fit)")
    return text


# --- JSON ------------------------------------------------------------------------------------------------------------


def write_json(path: Path, kind: str, document: Mapping[str, Any]) -> None:
    """Raises OSError if the folder cannot be written."""
    checksum = seal(kind, json.dumps(document).encode())
    write_atomically(path, json.dumps({KEY: checksum, **document}, indent=1))


def read_json(path: Path, kind: str, required: bool) -> dict[str, Any]:
    """The document without its seal; errors as in `read_text`."""
    try:
        document = json.loads(read_bytes(path))
    except (ValueError, RecursionError) as error:
        raise damaged(path, error) from None
    if not isinstance(document, dict):
        raise damaged(path, "it holds no table")
    checksum = document.pop(KEY, None)
    if checksum != seal(kind, json.dumps(document).encode()) and (required or checksum is not None):
        raise damaged(path, "it is not what was recorded (its checksum does not fit)")
    return document


# --- bytes -----------------------------------------------------------------------------------------------------------


def sealed_bytes(kind: str, content: bytes) -> bytes:
    return content + TAIL + seal(kind, content).encode()


def unsealed_bytes(path: Path, kind: str) -> bytes:
    """What was sealed; all of the file if it has no seal."""
    content = read_bytes(path)
    length = len(content) - len(TAIL) - 8
    if content[length : length + len(TAIL)] != TAIL:
        return content
    if content[length + len(TAIL) :] != seal(kind, content[:length]).encode():
        raise damaged(path, "it is not what was recorded (its checksum does not fit)")
    return content[:length]
