"""Empty environments, each in a folder of its own that is gone afterwards, and Backlight installed into them."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .tries import ROOT, Installed

VERSIONS = ("3.11", "3.12", "3.13")


class PipError(Exception):
    """What pip, or the interpreter that was to make the environment, said at the end."""


def interpreters() -> Iterator[Path]:
    """One of each version that pyenv has; a version that it has not is left out."""
    for version in VERSIONS:
        found = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
        yield from found[-1:]


def version_of(python: Path) -> str:
    return subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]


@contextmanager
def fresh(python: Path, archive: Path, extras: str) -> Iterator[Installed]:
    """Raises PipError if it cannot be made."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "environment"
        run(python, "-m", "venv", place)
        wanted = f"{archive}[{extras}]" if extras else str(archive)
        run(place / "bin" / "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", wanted)
        yield Installed(place / "bin", Path(folder), frozenset(extras.split(",")) - {""})


def run(*words: object) -> None:
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if result.returncode:
        raise PipError(result.stderr[-2000:])
