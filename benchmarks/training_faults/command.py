"""How often `diagnose` is right about training runs with and without a planted fault.

Programs come from a list that was fixed and hashed before any rule was tuned; the development part is for whoever
writes rules, the test part has other data sets, architectures and seeds, and operators that the first does not have.

    python -m benchmarks.training_faults --part dev|test [--limit N] [--sort NAME …] [--jobs 2] [--out FILE]
    python -m benchmarks.training_faults --part dev --failures      also prints every case with a wrong answer
    python -m benchmarks.training_faults --part dev --keep FOLDER   leaves the run folders there
    python -m benchmarks.training_faults --part dev --admit         trains faults and their twins: which of them hurt
    python -m benchmarks.training_faults --manifest [--update]      the digest of both parts

A whole part is written to benchmarks/records/training_faults.json. A fault that was not admitted counts as benign: it
is listed apart, and is neither a fault nor a healthy run.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from backlight.recording.environment import describe_environment

from . import admission, manifest
from .cases import HEALTHY, PARTS, Case, Part, cases, thinned
from .contestants import Said, answers
from .score import Judged, by_cause, by_operator, counted, questions

RECORD = Path(__file__).resolve().parents[1] / "records" / "training_faults.json"
OURS = ("rules", "rules and probes")


@cache
def named_cases(part: Part) -> dict[str, Case]:
    return {case.name: case for case in cases(part)}


def asked(part: Part, name: str, keep: Path | None) -> dict[str, Said]:
    """Trains a case, recorded, and asks everybody about it. Takes names, since programs do not travel to processes."""
    case = named_cases(part)[name]
    if case.torch:
        import torch

        torch.set_num_threads(1)  # as many runs as cores
        from .torch_trainer import train
    else:
        from .numpy_trainer import train
    with tempfile.TemporaryDirectory() as own:
        folder = (keep or Path(own)) / name
        train(case.program, folder)
        return answers(case, folder)


def all_asked(found: Sequence[Case], jobs: int, keep: Path | None) -> list[dict[str, Said]]:
    work = ([case.part for case in found], [case.name for case in found], [keep] * len(found))
    if jobs == 1:
        return [asked(*each) for each in zip(*work, strict=True)]
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        return list(pool.map(asked, *work, chunksize=4))


def chosen(arguments: argparse.Namespace) -> list[Case]:
    found = list(named_cases(arguments.part).values())
    if arguments.sort:
        found = [case for case in found if case.sort in arguments.sort or case.kind in arguments.sort]
    return thinned(found, arguments.limit)


def measure(arguments: argparse.Namespace) -> None:
    found = chosen(arguments)
    began = time.perf_counter()
    said = all_asked(found, arguments.jobs, arguments.keep)
    decided = admission.kept()
    rows = [
        Judged(case, None if case.sort == HEALTHY else decided.get(case.planting, {}).get("admitted", True), each)
        for case, each in zip(found, said, strict=True)
    ]
    measured = counted(rows)
    tables(measured, rows)
    if arguments.failures:
        failures(rows)
    seconds = time.perf_counter() - began
    undecided = sum(case.sort != HEALTHY and case.planting not in decided for case in found)
    errors = sum(bool(row.said[OURS[-1]].failure) for row in rows)
    print(f"\nerrors in place of an answer: {errors}")
    print(f"{len(found)} runs in {seconds:.0f} s; {undecided} faults whose admission is not decided, counted as faults")
    whole = not (arguments.limit or arguments.sort)
    if whole or arguments.out:
        write_record(arguments, rows, measured, {"seconds": round(seconds, 1), "undecided": undecided, "whole": whole})
    else:
        print("not the whole part, so nothing is recorded")


def tables(measured: dict[str, dict[str, Any]], rows: Sequence[Judged]) -> None:
    """Rates in per cent with their intervals, a column a contestant; then precision and recall by cause."""
    print(f"{'':26}" + "".join(f"{name:>28}" for name in measured))
    for question in dict.fromkeys(each for of in measured.values() for each in of):
        cells = []
        for of in measured.values():
            rate = of.get(question)
            text = "" if rate is None else f"{rate['yes']}/{rate['n']} {rate['estimate']:.0%}"
            cells.append(text if rate is None else f"{text} [{rate['low']:.0%}, {rate['high']:.0%}]")
        print(f"{question:26}" + "".join(f"{cell:>28}" for cell in cells))
    print(f"\n{'named first by ours':28}{'precision':>22}{'recall':>22}{'detected':>22}")
    for name, of in by_cause(rows, OURS[-1]).items():
        cells = [f"{rate['estimate']:.0%} of {rate['n']}" if rate["n"] else "–" for rate in of.values()]
        print(f"{name:28}" + "".join(f"{cell:>22}" for cell in cells))


def failures(rows: Sequence[Judged]) -> None:
    for case, admitted, said in rows:
        answer = said[OURS[-1]]
        given = questions(case, admitted, answer)
        if admitted is not False and (answer.failure or any(yes == (case.sort == HEALTHY) for yes in given.values())):
            expected = " / ".join(case.accepted) or "nothing"
            heard = ", ".join(f"{each.name}{f' ({each.layer})' if each.layer else ''}" for each in answer.named)
            print(f"{case.name}\n  expected: {expected} {' '.join(case.layers)}\n  said:     {heard} {answer.failure}")


def write_record(
    arguments: argparse.Namespace, rows: Sequence[Judged], measured: dict[str, Any], facts: dict[str, Any]
) -> None:
    out = arguments.out or RECORD
    record = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    times = {name: [each.said[name].seconds for each in rows] for name in OURS}
    record[arguments.part] = {
        "runs": {
            "healthy": sum(row.admitted is None for row in rows),
            "faulty": sum(row.admitted is True and not row.case.held_out for row in rows),
            "held out": sum(row.admitted is True and row.case.held_out for row in rows),
            "benign": sum(row.admitted is False for row in rows),
        },
        **facts,
        "rates": measured,
        "by_cause": {name: by_cause(rows, name) for name in OURS},
        "by_operator": {name: by_operator(rows, name) for name in measured},
        "errors": sorted({row.said[name].failure for row in rows for name in OURS} - {""}),
        "seconds_per_answer": {name: {"median": median(each), "max": max(each)} for name, each in times.items()},
        "manifest": manifest.digest(list(named_cases(arguments.part).values())),
        "environment": describe_environment(),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written to {out}")


def compare_manifest(renew: bool) -> int:
    parts: dict[Part, list[Case]] = {part: cases(part) for part in PARTS}
    if renew:
        manifest.update(parts)
    same = manifest.kept() == manifest.document(parts)
    for part, found in parts.items():
        print(f"{part}: {len(found)} cases, {manifest.digest(found)[:16]}…")
    print(f"{'as' if same else 'NOT as'} in {manifest.FILE.name}")
    return 0 if same else 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, default="dev")
    parser.add_argument("--limit", type=int, help="so many cases, evenly chosen")
    parser.add_argument("--sort", nargs="+", help="only these operators, or kinds of healthy runs")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--failures", action="store_true")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--admit", action="store_true")
    parser.add_argument("--manifest", action="store_true")
    parser.add_argument("--update", action="store_true", help="of the manifest")
    arguments = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # for the processes that are started
    if arguments.manifest:
        sys.exit(compare_manifest(arguments.update))
    if arguments.admit:
        admission.admit([case for case in chosen(arguments) if case.sort != HEALTHY])
    else:
        measure(arguments)
