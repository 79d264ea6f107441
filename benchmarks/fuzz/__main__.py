"""Bad input: nothing may come of it but an answer or an error in words.

    python -m benchmarks.fuzz [--cases 100000] [--seed 0] [--targets CSV IDX …]

Hypothesis draws command lines, settings, CSV and IDX files, files of a run folder, the playground's formulas, points
and commands, and requests to the page (from its own routes). Any exception but a BacklightError is a failure; so is
an exit code that is none of 0, 1 and 2, a status of 500 and above, an answer of the page to somebody without the
token, and what takes longer than 20 seconds.

Writes benchmarks/records/fuzz.json.
"""

import argparse
import json
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from backlight.errors import BacklightError
from backlight.recording.environment import describe_environment

from .page import LONGEST, Page
from .targets import TARGETS, Target

RECORD = Path(__file__).parent.parent / "records" / "fuzz.json"
PAGE_SHARE = 0.06


class HangError(Exception):
    """It took longer than LONGEST."""


def all_targets() -> list[Target]:
    page = Page()
    return [*TARGETS, Target("page", page.requests(), page.check, PAGE_SHARE)]


def fed(target: Target, cases: int, number: int) -> dict[str, Any]:
    """Counts, and of each place where an exception came from, the first thing that brought it about."""
    counts: Counter[str] = Counter()
    failures: dict[str, dict[str, str]] = {}

    @seed(number)
    @settings(
        max_examples=cases,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(target.drawn)
    def feed(drawn: Any) -> None:
        counts["cases"] += 1
        try:
            in_time(target.call, drawn)
            counts["answered"] += 1
        except BacklightError:
            counts["refused"] += 1
        except Exception as error:
            counts["failed"] += 1
            place = "".join(traceback.format_tb(error.__traceback__)[-1:]).strip()
            failures.setdefault(
                f"{type(error).__name__} {place}", {"drawn": repr(drawn)[:400], "error": str(error)[:400]}
            )

    began = time.monotonic()
    feed()
    return {
        **counts,
        "seconds": round(time.monotonic() - began),
        "failures": [{"at": at, **each} for at, each in failures.items()],
    }


def in_time(call: Callable[[Any], object], drawn: Any) -> None:
    def too_long(*_: Any) -> None:
        raise HangError(f"longer than {LONGEST:g} s")

    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        call(drawn)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--targets", nargs="*")
    parser.add_argument("--out", type=Path, default=RECORD)
    arguments = parser.parse_args()
    results = {}
    for target in all_targets():
        if arguments.targets and target.name not in arguments.targets:
            continue
        results[target.name] = fed(target, max(1, round(arguments.cases * target.share)), arguments.seed)
        print(target.name, json.dumps(results[target.name], indent=1), flush=True)
    total = sum(each["cases"] for each in results.values())
    failed = sum(each.get("failed", 0) for each in results.values())
    record = {"cases": total, "failed": failed, "targets": results, "environment": describe_environment()}
    arguments.out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{total:,} cases, {failed:,} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
