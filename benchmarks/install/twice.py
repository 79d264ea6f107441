"""The source report, reproduced in two environments that were installed apart: are the results the same to the bit?

    make test-reproduce      # with dist/ built: python -m benchmarks.install.twice [--python PATH] [--out FILE]

Each environment is made anew from the wheel, compiles the engine itself, and runs `backlight reproduce --quick`. Then
every claim, every array of every block of networks, and every record and checkpoint of every run
are held against each other. Writes benchmarks/records/twice.json, and fails if anything differs.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors.numpy import load_file

from backlight.recording.compare import compare
from backlight.recording.environment import describe_environment
from backlight.recording.run import Run

from .environments import fresh, interpreters, version_of
from .tries import ROOT

RECORD = ROOT / "benchmarks" / "records" / "twice.json"
EXTRAS = "torch,digits"


def reproduced(python: Path, wheel: Path, into: Path) -> float:
    """Seconds of `backlight reproduce --quick` in an environment of its own, which leaves its results `into`."""
    with fresh(python, wheel, EXTRAS) as installed:
        began = time.perf_counter()
        with installed.start("backlight", "reproduce", "--quick", "--run", "again") as process:
            _, said = process.communicate()
        if process.returncode:
            sys.exit(f"reproduce ended with {process.returncode}: {said[-2000:]}")
        shutil.move(installed.folder / "again", into)
        return time.perf_counter() - began


def differences(a: Path, b: Path) -> Iterator[str]:
    """A line for each claim, file, array or record of `a` that is another one in `b`."""
    if claims(a) != claims(b):
        yield "claims.json"
    names = sorted(str(path.relative_to(a)) for path in a.rglob("*.safetensors"))
    if names != sorted(str(path.relative_to(b)) for path in b.rglob("*.safetensors")):
        yield "not the same files of arrays"
        return
    yield from (name for name in names if not same_arrays(load_file(a / name), load_file(b / name)))
    for run in runs(a):
        comparison = compare(Run.open(a / run), Run.open(b / run))
        if comparison.first or comparison.scalars or comparison.only_a or comparison.only_b or comparison.unshared:
            yield f"{run}: {comparison.lines()[0]}"


def claims(folder: Path) -> Any:
    return json.loads((folder / "claims.json").read_text(encoding="utf-8"))["claims"]


def runs(folder: Path) -> list[str]:
    return sorted(str(path.parent.relative_to(folder)) for path in folder.rglob("run.sqlite"))


def same_arrays(a: dict[str, NDArray[Any]], b: dict[str, NDArray[Any]]) -> bool:
    return a.keys() == b.keys() and all(a[name].tobytes() == b[name].tobytes() for name in a)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--python", type=Path, default=next(interpreters()), help="an interpreter; pyenv's 3.11 if none"
    )
    parser.add_argument("--dist", type=Path, default=ROOT / "dist")
    parser.add_argument("--out", type=Path, default=RECORD)
    arguments = parser.parse_args()
    (wheel,) = arguments.dist.glob("*.whl")
    with tempfile.TemporaryDirectory() as place:
        a, b = Path(place) / "a", Path(place) / "b"
        seconds = [reproduced(arguments.python, wheel, into) for into in (a, b)]
        different = list(differences(a, b))
        document = {
            "python": version_of(arguments.python),
            "seconds": [round(each) for each in seconds],
            "claims": len(claims(a)),
            "files of arrays": len(list(a.rglob("*.safetensors"))),
            "runs": len(runs(a)),
            "different": different,
            "environment": describe_environment(),
        }
    arguments.out.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps({name: value for name, value in document.items() if name != "environment"}, indent=1))
    return bool(different)


if __name__ == "__main__":
    sys.exit(main())
