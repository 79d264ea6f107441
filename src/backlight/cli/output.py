"""What commands print, and what they end with."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backlight.errors import BacklightError
from backlight.recording.run import Run

INTERRUPTED = 130  # exit code after Ctrl-C, as shells have it


@contextmanager
def two_for_errors() -> Iterator[None]:
    """Ends with 2 where nothing can be judged: 1 would say that something is wrong with what was to be judged."""
    try:
        yield
    except (BacklightError, OSError) as error:
        sys.stderr.write(f"backlight: {error}\n")
        sys.exit(2)


def opened(folder: Path) -> Run:
    """The run of a folder; what a repair could not save of it is said on standard error.

    Raises:
        RunError: if there is none, or a damaged one.
    """
    run = Run.open(folder)
    if run.lost():
        sys.stderr.write(f"backlight: {folder}: was damaged and repaired; lost are: {', '.join(run.lost())}\n")
    return run


def print_json(document: Any) -> None:
    sys.stdout.write(json.dumps(document) + "\n")


def print_lines(*lines: object) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
