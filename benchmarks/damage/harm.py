"""Ways to damage a file, each a function of the file, a generator and the other files that may come in its place."""

import os
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

Harm = Callable[[Path, random.Random, Sequence[Path]], str]  # says what it did


def truncated(path: Path, rng: random.Random, others: Sequence[Path]) -> str:
    size = path.stat().st_size
    kept = rng.randrange(size) if size else 0
    os.truncate(path, kept)
    return f"cut after {kept} of {size} bytes"


def flipped(path: Path, rng: random.Random, others: Sequence[Path]) -> str:
    """One bit, or a few."""
    content = bytearray(path.read_bytes())
    places = [rng.randrange(8 * len(content)) for _ in range(rng.choice((1, 1, 1, 2, 8)))] if content else []
    for place in places:
        content[place // 8] ^= 1 << place % 8
    path.write_bytes(content)
    return f"bits {places} turned"


def zeroed(path: Path, rng: random.Random, others: Sequence[Path]) -> str:
    """A block, as a disk gives it that never wrote it."""
    content = bytearray(path.read_bytes())
    length = rng.choice((16, 512, 4096))
    at = rng.randrange(max(1, len(content) // length)) * length
    content[at : at + length] = bytes(len(content[at : at + length]))
    path.write_bytes(content)
    return f"{length} bytes from {at} on are 0"


def emptied(path: Path, rng: random.Random, others: Sequence[Path]) -> str:
    path.write_bytes(b"")
    return "emptied"


def made_a_folder(path: Path, rng: random.Random, others: Sequence[Path]) -> str:
    path.unlink()
    path.mkdir()
    return "a folder in its place"


def made_a_dangling_link(path: Path, rng: random.Random, others: Sequence[Path]) -> str:
    path.unlink()
    path.symlink_to(path.parent / "nowhere")
    return "a link to nothing in its place"


def swapped(path: Path, rng: random.Random, others: Sequence[Path]) -> str:
    """Another kind of file under its name; those of JSON are a kind each."""
    kind = path.name if path.suffix == ".json" else path.suffix
    other = rng.choice([each for each in others if each.name != kind and each.suffix != kind])
    shutil.copyfile(other, path)
    return f"{other.name} in its place"


HARMS: dict[str, Harm] = {
    "truncated": truncated,
    "bits turned": flipped,
    "a block of zeros": zeroed,
    "emptied": emptied,
    "a folder": made_a_folder,
    "a dangling link": made_a_dangling_link,
    "another kind": swapped,
}
