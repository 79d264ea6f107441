"""One reader of bytes, fed by atheris: python -m benchmarks.fuzz.guided_reader NAME FOLDER CASES SEED.

Only what is imported within `instrument_imports` tells atheris which lines were reached, so nothing of Backlight may be
imported before.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["backlight"]):
    from backlight.errors import BacklightError

    from . import targets

LONGEST = 20  # seconds a case
LARGEST = 8192  # bytes
Reader = Callable[[bytes], object]


def read_idx(content: bytes) -> None:
    """The first byte says how many dimensions are asked for."""
    targets.read_idx((content[1:], 1 + sum(content[:1]) % 3))


def read_formula(content: bytes) -> None:
    targets.read_formula(content.decode("utf-8", "replace"))


TABLE = b"x,y,label\n" + b"".join(b"%d,%d.5,%d\n" % (row, -row, row % 2) for row in range(12))
IMAGES = b"\2\0\0\x08\3" + b"\0\0\0\2" * 3 + bytes(8)
READERS: dict[str, tuple[Reader, Callable[[], bytes]]] = {  # with a good file to begin with
    "CSV": (targets.read_csv, lambda: TABLE),
    "IDX": (read_idx, lambda: IMAGES),
    "playground formula": (read_formula, lambda: b"sin(x) * 2 + max(x, 0)"),
    "playground points": (targets.read_points, lambda: TABLE),
    "event files": (targets.read_events, targets.event_bytes),
    "checkpoints": (targets.read_checkpoint, targets.checkpoint_bytes),
    "small files of a run": (targets.read_small_files, lambda: b'{"crc32": "0"}'),
    "pages of a damaged database": (targets.read_page, lambda: b"\r\0\0\0\1\x0f\xf0\0\x0f\xf0"),
    "histograms": (targets.read_histogram, lambda: b"\1\2\3"),
}


def feed(read: Reader, folder: Path, cases: int, seed: int) -> None:
    """Never returns: libFuzzer ends the process, with 0 where nothing failed."""

    def one(content: bytes) -> None:
        with suppress(BacklightError):
            read(content)

    options = [
        f"-runs={cases}",
        f"-seed={seed + 1}",
        f"-max_len={LARGEST}",
        f"-timeout={LONGEST}",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, "-rss_limit_mb=2048", f"-artifact_prefix={folder}/failed-", str(folder)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    name, folder, cases, seed = sys.argv[1:]
    read, good = READERS[name]
    (Path(folder) / "good").write_bytes(good())
    feed(read, Path(folder), int(cases), int(seed))
