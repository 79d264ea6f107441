"""Damaged files: what is shown of them is right, or they are refused.

    python -m benchmarks.damage [--cases 2200] [--seed 0] [--kinds mlp killed …]

Every file of a run folder (of a hand-written network, of one that was killed and left a log, of a watched model, of the
convolutional network, of a study), IDX files, CSV and a settings file are cut, have bits turned, a block of zeros, are
emptied, made unreadable (a folder or a link to nothing in their place) or replaced by another kind of file. In each
case every reader of the file is asked, and what it gives is held against what it gives of the whole one.

Writes benchmarks/records/damage.json.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from backlight.recording.environment import describe_environment

from .harm import HARMS
from .originals import make
from .readers import READERS
from .trial import WRONG, Case, files_of, in_a_process, tried, undamaged

RECORD = Path(__file__).parent.parent / "records" / "damage.json"


def cases(originals: dict[str, Path], count: int, seed: int) -> list[Case]:
    """Every file in every way, again and again with other seeds, until there are enough."""
    pairs = [(kind, file, harm) for kind, folder in originals.items() for file in files_of(kind, folder)
             for harm in HARMS]  # fmt: skip
    found: list[Case] = []
    while len(found) < count:
        seeded = seed + len(found) // len(pairs)
        wanted = [pair for pair in pairs if seeded == seed or pair[2] not in ONCE]
        found += [Case(*pair, seeded * 1000 + number) for number, pair in enumerate(wanted)]
    return found[:count]


ONCE = ("emptied", "a folder", "a dangling link")  # there is but one way to do them


def summary(results: Iterable[tuple[Case, dict[str, Any]]]) -> dict[str, Any]:
    """Counts by kind of folder, by harm and by reader."""
    everything = list(results)
    document: dict[str, Any] = {"cases": len(everything)}
    readings = [(case, reader, verdict) for case, found in everything for reader, verdict in found["verdicts"].items()]
    document["readings"] = len(readings)
    document["verdicts"] = Counter(verdict for *_, verdict in readings)
    keys: dict[str, Callable[[Case], str]] = {
        "by kind of folder": lambda case: case.kind,
        "by damage": lambda case: case.harm,
    }
    for title, key in keys.items():
        document[title] = {
            name: Counter(verdict for case, _, verdict in readings if key(case) == name)
            for name in dict.fromkeys(key(case) for case, _ in everything)
        }
    document["by reader"] = {
        name: Counter(verdict for _, reader, verdict in readings if reader == name)
        for name in dict.fromkeys(reader for _, reader, _ in readings)
    }
    checked = [(case, found) for case, found in everything if "noticed" in found]
    harmless = [all(verdict == "same" for verdict in found["verdicts"].values()) for _, found in checked]
    document["runs --verify"] = Counter(
        "noticed"
        if found["noticed"]
        else "nothing changed"
        if same
        else "not noticed"
        if sealed(case)
        else "no checksums"
        for (case, found), same in zip(checked, harmless, strict=True)
    )
    document["runs --repair"] = Counter(found["repair"] for _, found in checked)
    return document


def sealed(case: Case) -> bool:
    return case.kind != "no checksums"


def failures(results: Iterable[tuple[Case, dict[str, Any]]]) -> list[dict[str, Any]]:
    return [
        {**vars(case), **found}
        for case, found in results
        if any(verdict in WRONG for verdict in found["verdicts"].values())
        or (sealed(case) and found.get("repair") in ("traceback", "still damaged", "unreadable", "wrong"))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="*", choices=READERS)
    parser.add_argument("--out", type=Path, default=RECORD)
    arguments = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        originals = {kind: make(kind, Path(place)) for kind in arguments.kinds or READERS}
        right = {kind: undamaged(kind, folder) for kind, folder in originals.items()}
        results = []
        for case in cases(originals, arguments.cases, arguments.seed):
            results.append((case, in_a_process(partial(tried, case, originals, right[case.kind]))))
            for each in failures(results[-1:]):
                print(json.dumps(each), flush=True)
    bad = failures(results)
    record = summary(results) | {"failures": bad, "seconds": round(time.monotonic() - began)}
    record["environment"] = describe_environment()
    arguments.out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps({name: value for name, value in record.items() if name != "failures"}, indent=1))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
