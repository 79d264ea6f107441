"""How often `backlight check` is right about hand-written networks with and without mistakes.

Programs come from a seed, in five styles, and the truth about each is known: which mistake was written into it, on
which lines, or that there is none. The development part is for whoever writes the checker; the test part has other
ways of writing, other names and mistakes that no list has, and is run once a release.

    python benchmarks/backprop_faults/run.py [--part dev|test] [--limit N] [--jobs 2] [--sort single] [--style columns]
    python benchmarks/backprop_faults/run.py --failures FOLDER       keeps what went wrong, and says what was expected
    python benchmarks/backprop_faults/run.py --write FOLDER          writes the programs and the truth, checks nothing
    python benchmarks/backprop_faults/run.py --verify                the truth itself, against central differences
    python benchmarks/backprop_faults/run.py --manifest [--update]   digests of both parts

A whole part is written to benchmarks/records/backprop_faults.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from backlight.intervals import rate_interval
from backlight.recording.environment import describe_environment

from . import manifest
from .answers import Answer, judged
from .cases import cases
from .options import PARTS
from .styles import STYLES
from .truth import Case
from .verify import wrongly_right

RECORD = Path(__file__).resolve().parents[1] / "records" / "backprop_faults.json"
PATIENCE = 120  # seconds a check may take
BAD = ("false alarms", "correct programs unchecked", "wrong names")  # for these, yes is the wrong answer


def check(case: Case, folder: Path, command: Sequence[str]) -> Answer:
    """The answer of the command line about a case, in a folder of its own, since a checker may look at neighbours."""
    file = write(case, folder)
    began = time.perf_counter()
    try:
        done = subprocess.run(
            [*command, "check", str(file), "--json"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},  # as many checks as cores
        )
    except subprocess.TimeoutExpired:
        return Answer(failure=f"longer than {PATIENCE} s", seconds=time.perf_counter() - began)
    seconds = time.perf_counter() - began
    try:
        verdict = json.loads(done.stdout)
        return Answer(verdict[0] if isinstance(verdict, list) else verdict, "", seconds)
    except (ValueError, IndexError):
        return Answer(failure=done.stderr or done.stdout or "no output", seconds=seconds)


def write(case: Case, folder: Path) -> Path:
    own = folder / case.part / case.name
    own.mkdir(parents=True, exist_ok=True)
    file = own / "network.py"
    file.write_text(case.text, encoding="utf-8")
    return file


def chosen(arguments: argparse.Namespace) -> list[Case]:
    """The part's cases, thinned evenly over sorts and styles."""
    found = cases(arguments.part)
    if arguments.sort:
        found = [case for case in found if case.sort == arguments.sort]
    if arguments.style:
        found = [case for case in found if case.style == arguments.style]
    if arguments.names:
        found = [
            case for case in found if {name for each in case.mistakes for name in each.names} & set(arguments.names)
        ]
    if not arguments.limit or arguments.limit >= len(found):
        return found
    step = len(found) / arguments.limit
    return [found[int(index * step)] for index in range(arguments.limit)]


def counted(rows: Sequence[tuple[Case, Answer, dict[str, bool]]]) -> dict[str, Any]:
    """Each question's rate with its Wilson interval, over all styles and in each."""
    questions = dict.fromkeys(question for _, _, answers in rows for question in answers)
    found: dict[str, Any] = {}
    for question in questions:
        of = {"all": [answers[question] for _, _, answers in rows if question in answers]}
        for style in dict.fromkeys(case.style for case, _, _ in rows):
            of[style] = [answers[question] for case, _, answers in rows if case.style == style and question in answers]
        found[question] = {
            style: {"yes": sum(answers), **asdict(rate_interval(answers))} for style, answers in of.items() if answers
        }
    return found


def tables(measured: dict[str, Any]) -> None:
    """Rates in per cent, with the interval over all styles."""
    styles = [style for style in next(iter(measured.values())) if style != "all"]
    print(f"{'':28}{'all styles, 95 % interval':>36}  " + "".join(f"{style:>15}" for style in styles))
    for question, rates in measured.items():
        of = rates["all"]
        text = f"{of['yes']}/{of['n']} = {of['estimate']:.1%} [{of['low']:.1%}, {of['high']:.1%}]"
        cells = "".join(f"{rates[s]['estimate']:>15.1%}" if s in rates else f"{'':>15}" for s in styles)
        print(f"{question:28}{text:>36}  {cells}")


def failures(rows: Sequence[tuple[Case, Answer, dict[str, bool]]], folder: Path) -> None:
    """Every case with a wrong answer: what was expected, what was said; its files are kept."""
    for case, answer, answers in rows:
        wrong = [question for question, yes in answers.items() if yes == (question in BAD)]
        if not wrong:
            continue
        file = write(case, folder)
        document = {**manifest.truth(case), "said": dict(answer.verdict), "failure": answer.failure, "wrong": wrong}
        file.with_name("truth.json").write_text(
            json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        expected = [
            f"{' / '.join(m.names)}{f' ({m.note})' if m.note else ''} lines {list(m.lines)}" for m in case.mistakes
        ]
        more = f", tensor {' or '.join(case.tensors)}, {case.gradient_class}" if case.tensors else ""
        print(f"{file}\n  wrong:    {', '.join(wrong)}")
        print(f"  expected: {'; '.join(expected) or 'right'}{more}\n  said:     {answer}")


def measure(arguments: argparse.Namespace) -> None:
    found = chosen(arguments)
    command = arguments.command.split() if arguments.command else [str(Path(sys.executable).with_name("backlight"))]
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(arguments.jobs) as pool:
        answers = list(pool.map(lambda case: check(case, Path(folder), command), found))
    rows = [(case, answer, judged(case, answer)) for case, answer in zip(found, answers, strict=True)]
    measured, times = counted(rows), [answer.seconds for answer in answers]
    if arguments.failures:
        failures(rows, arguments.failures)
    tables(measured)
    whole_time = time.perf_counter() - began
    print(f"seconds per file: median {median(times):.2f}, most {max(times):.2f}; {whole_time:.0f} s in all")
    whole = not (arguments.limit or arguments.sort or arguments.style or arguments.names)
    if not whole and arguments.out is None:
        print("not the whole part, so nothing is recorded")
        return
    out = arguments.out or RECORD
    record = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    record[arguments.part] = {
        "programs": {
            sort: sum(case.sort == sort for case in found) for sort in dict.fromkeys(case.sort for case in found)
        },
        "rates": measured,
        "seconds_per_file": {"median": median(times), "max": max(times), "n": len(times), "at_a_time": arguments.jobs},
        "whole_part": whole,
        "manifest": manifest.digests(found),
        "environment": describe_environment(),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written to {out}")


def compare_manifest(renew: bool) -> int:
    parts = {part: cases(part) for part in PARTS}
    if renew:
        manifest.update(parts)
    kept = manifest.kept()
    for part, found in parts.items():
        same = kept.get(part) == manifest.digests(found)
        print(f"{part}: {len(found)} programs, {'as' if same else 'NOT as'} in {manifest.FILE.name}")
    return 0 if all(kept.get(part) == manifest.digests(found) for part, found in parts.items()) else 1


def verify() -> int:
    """Correct programs against central differences; faulty ones were held against them when they were admitted."""
    bad = 0
    for part in PARTS:
        found = [case for case in cases(part) if case.sort == "correct"]
        wrong = wrongly_right(found)
        bad += len(wrong)
        print(f"{part}: {len(found) - len(wrong)} of {len(found)} correct programs are right", *wrong)
    return 1 if bad else 0


def write_part(arguments: argparse.Namespace) -> None:
    for case in chosen(arguments):
        file = write(case, arguments.write)
        text = json.dumps(manifest.truth(case), indent=1, ensure_ascii=False)
        file.with_name("truth.json").write_text(text + "\n", encoding="utf-8")
    print(f"written to {arguments.write}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, default="dev")
    parser.add_argument("--limit", type=int, help="so many cases, evenly chosen")
    parser.add_argument("--jobs", type=int, default=2, help="checks at a time")
    parser.add_argument("--sort", choices=("correct", "single", "pair", "unknown"))
    parser.add_argument("--style", choices=tuple(STYLES))
    parser.add_argument("--names", nargs="+", help="only mistakes with one of these names")
    parser.add_argument("--failures", type=Path, metavar="FOLDER")
    parser.add_argument("--write", type=Path, metavar="FOLDER")
    parser.add_argument("--command", help="another command in place of backlight")
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--manifest", action="store_true")
    parser.add_argument("--update", action="store_true", help="of the manifest")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if arguments.manifest:
        sys.exit(compare_manifest(arguments.update))
    if arguments.verify:
        sys.exit(verify())
    if arguments.write:
        write_part(arguments)
    else:
        measure(arguments)
