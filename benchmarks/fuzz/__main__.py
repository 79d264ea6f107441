"""Bad input: nothing may come of it but an answer or an error in words.

    python -m benchmarks.fuzz [--cases 100000] [--seed 0] [--targets CSV IDX …]

Hypothesis draws command lines, settings, CSV and IDX files, files of a run folder, the playground's formulas, points
and commands, and requests to the page (from its own routes). Any exception but a BacklightError is a failure; so is
an exit code that is none of 0, 1 and 2, a status of 500 and above, an answer of the page to somebody without the
token, and what takes longer than 20 seconds.

Writes benchmarks/records/fuzz.json; with --targets, these of it.
"""

import argparse
import json
import sys
from pathlib import Path

from backlight.recording.environment import describe_environment

from .command_line import command_lines, settings_files
from .feeding import fed
from .page import Page
from .targets import TARGETS, Target

RECORD = Path(__file__).parent.parent / "records" / "fuzz.json"
PAGE_SHARE = 0.06


def all_targets() -> list[Target]:
    page = Page()
    command_lines.prepare()  # so that no case has to wait for it
    settings_files.prepare()
    return [*TARGETS, Target("page", page.requests(), page.check, PAGE_SHARE)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--targets", nargs="*")
    parser.add_argument("--out", type=Path, default=RECORD)
    arguments = parser.parse_args()
    record = json.loads(arguments.out.read_text(encoding="utf-8")) if arguments.out.exists() else {}
    results = record.get("targets", {}) if arguments.targets else {}
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
