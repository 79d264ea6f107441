"""Does writing a step cost more the larger the record has become?

    python benchmarks/writing.py [--steps 7000000] [--out FILE]

What `benchmarks/soak.py` records in two hours is handed to a `RunWriter` as fast as it writes, without a training:
norms of 6 gradients and a scalar in every step, summaries of 23 tensors in every hundredth. Of each of ten parts is
measured what the writing thread took of the processor, and what the database has grown to. Three minutes.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import backlight as bl
from backlight.recording.environment import describe_environment
from backlight.recording.run_writer import RunWriter

RECORD = Path(__file__).parent / "records" / "writing.json"
NAMES, NORMS = [f"gradient {layer}" for layer in range(6)], np.arange(6, dtype=np.float32)
TENSORS = [f"tensor {number}" for number in range(23)]
EVERY, PARTS = 100, 10
TOGETHER = 1000  # steps between two commits, as many as the soak makes in a second


def parts(folder: Path, steps: int) -> list[dict[str, float]]:
    """Microseconds of the writing thread a step, and megabytes of the database at the end, of each part."""
    summary = bl.summarise(np.random.default_rng(0).normal(size=(32, 32)).astype(np.float32)).packed()
    found, before = [], 0.0
    with RunWriter(folder) as writer:
        for step in range(1, steps + 1):
            writer.norms(step, NAMES, NORMS)
            writer.scalars(step, {"loss": 1 / step})
            if step % EVERY == 0:
                writer.tensors(step, dict.fromkeys(TENSORS, summary))
            if step % TOGETHER == 0:
                writer.commit()
            if step % (steps // PARTS) == 0:
                spent, before = writer.busy_seconds - before, writer.busy_seconds
                size = (folder / "run.sqlite").stat().st_size
                found.append({"microseconds a step": 1e6 * spent / (steps // PARTS), "megabytes": size / 1e6})
                print(f"{step:>12,} steps {found[-1]['megabytes']:7.0f} MB {found[-1]['microseconds a step']:6.2f} µs")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=7_000_000)
    parser.add_argument("--out", type=Path, default=RECORD)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        found = parts(Path(place) / "run", arguments.steps)
    record: dict[str, Any] = {"steps": arguments.steps, "parts": found, "environment": describe_environment()}
    arguments.out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
