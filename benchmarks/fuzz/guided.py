"""Bytes, guided by coverage: atheris keeps what reaches a new line of a reader, and alters that again.

    make fuzz     # its second half: python -m benchmarks.fuzz.guided [--cases 900000] [--seed 0] [--readers IDX …]

What Hypothesis draws (`python -m benchmarks.fuzz`) is nearly right by construction; this finds its own way through the
readers of bytes, beginning with a good file of each kind. Every reader runs in a process of its own, since libFuzzer
ends the process at the first failure. The figures go into benchmarks/records/fuzz.json, under "guided"; with
--readers, those of these.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .__main__ import RECORD

READERS = ("CSV", "IDX", "playground formula", "playground points", "event files", "checkpoints",
           "small files of a run", "pages of a damaged database", "histograms")  # fmt: skip


def fed(name: str, cases: int, seed: int) -> dict[str, Any]:
    """Cases, how many of them reached something new, and what failed, if anything did."""
    with tempfile.TemporaryDirectory(prefix="backlight-fuzz-") as folder:
        command = (sys.executable, "-m", f"{__package__}.guided_reader", name, folder, str(cases), str(seed))
        ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        said = ended.stdout.decode("utf-8", "replace")
        failed = [path.read_bytes()[:400].hex() for path in Path(folder).glob("failed-*")]
    stats = dict(line.removeprefix("stat::").split(":", 1) for line in said.splitlines() if line.startswith("stat::"))
    if ended.returncode and not failed:
        sys.exit(f"{name} ended with {ended.returncode}: {said[-2000:]}")
    found = {"hex": failed, "said": said[-3000:]} if failed else {}
    return {
        "cases": int(stats["number_of_executed_units"]),
        "reached new lines": int(stats["new_units_added"]),
        **found,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=900_000, help="of all readers together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--readers", nargs="+", choices=READERS, default=READERS)
    parser.add_argument("--out", type=Path, default=RECORD)
    arguments = parser.parse_args()
    record = json.loads(arguments.out.read_text(encoding="utf-8")) if arguments.out.exists() else {}
    results = record.get("guided", {})
    for name in arguments.readers:
        results[name] = fed(name, arguments.cases // len(READERS), arguments.seed)
        print(name, json.dumps(results[name], indent=1), flush=True)
    record["guided"] = results
    arguments.out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return any("hex" in each for each in results.values())


if __name__ == "__main__":
    sys.exit(main())
