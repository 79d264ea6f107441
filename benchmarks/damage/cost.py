"""What checksums cost: a step under `watch`, the writing thread, and opening a run; with them and without, in turns.

    python -m benchmarks.damage.cost [--rounds 15]

Adds its part to benchmarks/records/damage.json.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import nn

from backlight.recording import run_writer
from backlight.recording.database import RunDatabase
from backlight.recording.environment import describe_environment
from backlight.recording.page_sums import damaged_pages
from backlight.recording.run import Run
from backlight.recording.run_writer import RunWriter
from backlight.recording.summarise import summarise_arrays
from backlight.watching.watch import watch

RECORD = Path(__file__).parent.parent / "records" / "damage.json"
STEPS, BATCH = 300, 128


def steps(folder: Path) -> tuple[float, ...]:
    """Milliseconds a step, all of it recorded in every step: on the clock, of processors, of the writing thread's."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    X, y = torch.randn(BATCH, 784), torch.randint(0, 10, (BATCH,))
    writer = RunWriter(folder)
    with writer, watch(model, optimizer, writer, every=1):
        began, processors = time.perf_counter(), time.process_time()
        for _ in range(STEPS):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(X), y).backward()
            optimizer.step()
        seconds = time.perf_counter() - began
        writer.commit()
        processors = time.process_time() - processors
    return tuple(1000 * each / STEPS for each in (seconds, processors, writer.busy_seconds))


def measured(rounds: int) -> dict[str, Any]:
    found: dict[str, list[tuple[float, ...]]] = {"with checksums": [], "without": []}
    for number in range(rounds + 1):
        for name in found if number % 2 else reversed(found):
            database = RunDatabase if name == "with checksums" else without_sums
            with tempfile.TemporaryDirectory() as folder, patch.object(run_writer, "RunDatabase", database):
                taken = steps(Path(folder) / "run")
            if number:  # the first round warms up
                found[name].append(taken)
    pairs = list(zip(found["with checksums"], found["without"], strict=True))
    return {
        "rounds": rounds,
        "steps a round": STEPS,
        **{f"milliseconds a step, {name}": spread([each[0] for each in taken]) for name, taken in found.items()},
        **{f"of all processors, {name}": spread([each[1] for each in taken]) for name, taken in found.items()},
        **{f"of the writing thread, {name}": spread([each[2] for each in taken]) for name, taken in found.items()},
        "ratio on the clock": spread([a[0] / b[0] for a, b in pairs]),
        "ratio of processor time": spread([a[1] / b[1] for a, b in pairs]),
    }


def without_sums(path: Path, sums: bool = True) -> RunDatabase:
    return RunDatabase(path, sums=False)


def opening() -> dict[str, Any]:
    """Of a long run, whose pages are all held against their checksums once, and then no more."""
    rng = np.random.default_rng(0)
    pool = [summarise_arrays({f"act/{name}": rng.normal(size=10_000) for name in range(40)}) for _ in range(20)]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        with RunWriter(folder) as writer:
            for step in range(10_000):
                writer.tensors(step, pool[step % len(pool)])
                if step % 100 == 0:
                    writer.commit()
        size = (folder / "run.sqlite").stat().st_size
        first: list[float] = []
        again: list[float] = []
        for _ in range(5):
            damaged_pages.cache_clear()
            for taken in (first, again):
                began = time.perf_counter()
                Run.open(folder)
                taken.append(1000 * (time.perf_counter() - began))
    return {"bytes": size, "milliseconds, the first time": spread(first), "milliseconds, again": spread(again)}


def spread(values: list[float]) -> dict[str, float]:
    low, _, high = statistics.quantiles(values, n=4)
    return {"median": statistics.median(values), "quarter": low, "three_quarters": high, "n": len(values)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, default=RECORD)
    arguments = parser.parse_args()
    found = {"steps": measured(arguments.rounds), "opening": opening(), "environment": describe_environment()}
    print(json.dumps(found, indent=1))
    record = json.loads(arguments.out.read_text(encoding="utf-8")) if arguments.out.exists() else {}
    arguments.out.write_text(
        json.dumps(record | {"cost": found}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
