"""Backlight installed as a user installs it: the wheel into empty environments, with no extra and with each.

    make test-install        # with dist/ built: python -m benchmarks.install [--python PATH …] [--extra NAME …]

Every environment is made in a temporary folder, tried and removed. In each are asked: help, every public name, a
training, a study, a check, a report, and, where the extra is there, what it is for; where one is not, that what needs
it says so in one line. The source archive is installed once on each Python. Not part of `make test`: it needs the
registry, and minutes. Prints a line per environment, writes benchmarks/records/install.json, and fails if any failed.
"""

import argparse
import json
import operator
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from backlight.recording.environment import describe_environment

from .environments import VERSIONS, PipError, fresh, interpreters, version_of
from .tries import ROOT, Installed, tries

RECORD = ROOT / "benchmarks" / "records" / "install.json"
SDIST = "sdist"  # not an extra: the source archive, without any
EXTRAS = ("", SDIST, "digits", "page", "study", "cluster", "torch", "bench")
HEAVY = {"torch": ("3.11",), "bench": ("3.11",)}  # elsewhere PyTorch may come with CUDA, several gigabytes
TOGETHER = {"torch": "torch,digits", "bench": "torch,digits,bench"}  # a convolutional network needs digits to train on


@dataclass(frozen=True)
class Result:
    """One environment.

    Attributes:
        python, extras, source: what was installed on what; the extras as pip takes them, wheel or sdist.
        seconds: of making it, most of them pip's.
        megabytes: of the environment.
        passed: what was tried and went well.
        failed: what did not, with what was said.
    """

    python: str
    extras: str
    source: str
    seconds: float
    megabytes: float
    passed: tuple[str, ...]
    failed: tuple[str, ...]


def install(python: Path, archive: Path, extras: str) -> Result:
    """Into an environment of its own, which is gone afterwards."""
    version = version_of(python)
    source = "wheel" if archive.suffix == ".whl" else "sdist"
    began = time.perf_counter()
    try:
        with fresh(python, archive, extras) as installed:
            seconds = time.perf_counter() - began
            size = sum(path.lstat().st_size for path in installed.bin.parent.rglob("*")) / 1e6
            passed, failed = tried(installed)
    except PipError as error:
        return Result(version, extras, source, time.perf_counter() - began, 0.0, (), (f"pip: {error}",))
    return Result(version, extras, source, round(seconds, 1), round(size), passed, failed)


def tried(installed: Installed) -> tuple[tuple[str, ...], tuple[str, ...]]:
    passed, failed = [], []
    for name, attempt in tries(installed):
        try:
            attempt(installed)
            passed.append(name)
        except (AssertionError, subprocess.SubprocessError, OSError) as error:
            failed.append(f"{name}: {error}")
    return tuple(passed), tuple(failed)


def told(result: Result) -> str:
    what = f"{result.source}{f'[{result.extras}]' if result.extras else ''}"
    outcome = f"{len(result.passed)} tries well" + (f", {len(result.failed)} not" if result.failed else "")
    line = f"Python {result.python:<7} {what:<28} {result.seconds:6.1f} s {result.megabytes:6.0f} MB  {outcome}"
    return "\n".join([line, *(f"    {each}" for each in result.failed)])


def keep(result: Result, out: Path) -> None:
    """In the record, in the place of what it said of the same Python and extras."""
    kept = json.loads(out.read_text(encoding="utf-8"))["installed"] if out.exists() else []
    key = operator.itemgetter("python", "source", "extras")
    rows = {key(row): row for row in [*kept, asdict(result)]}
    document = {"installed": [rows[each] for each in sorted(rows)], "environment": describe_environment()}
    out.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def wanted(pythons: Sequence[Path], extras: Sequence[str]) -> Iterator[tuple[Path, str, str]]:
    for python in pythons:
        for extra in extras:
            version = version_of(python)
            if extra == SDIST:
                yield python, "*.tar.gz", ""
            elif any(version.startswith(f"{each}.") for each in HEAVY.get(extra, VERSIONS)):
                yield python, "*.whl", TOGETHER.get(extra, extra)
            else:
                print(
                    f"Python {version:<7} wheel[{extra}] left out: PyTorch may come with CUDA there, several gigabytes"
                )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, action="append", help="an interpreter; pyenv's if none is given")
    parser.add_argument(
        "--extra", action="append", help=f"of {', '.join(EXTRAS)}, or several with commas; all if none is given"
    )
    parser.add_argument("--dist", type=Path, default=ROOT / "dist")
    parser.add_argument("--out", type=Path, default=RECORD)
    arguments = parser.parse_args()
    pythons = arguments.python or list(interpreters())
    if not pythons:
        sys.exit("no Python to install on: --python PATH")
    failed = False
    for python, kind, extras in wanted(pythons, arguments.extra or EXTRAS):
        (archive,) = arguments.dist.glob(kind)
        result = install(python, archive, extras)
        print(told(result), flush=True)
        keep(result, arguments.out)
        failed = failed or bool(result.failed)
    return failed


if __name__ == "__main__":
    sys.exit(main())
