"""Hours of watching: does memory stay flat, does the record grow as predicted, does a step go on costing the same?

    python benchmarks/soak.py [--minutes 120] [--pace 1000] [--sample 30] [--out FILE]

A small PyTorch loop, paced at `--pace` steps a second, runs under `backlight.watch` as a user has it: all tensors, the
norms of all gradients in every step, the loss as a scalar in every step. The schedule is `every=100` and not the
default budget, which would hold the cost down itself: here it shall show if it rises. Every `--sample` seconds are
measured: resident memory, size of the run folder, what watching says it cost, processor time, steps, and how many
records waited for the disk at most. The record is written as it goes, so that what was measured survives a kill.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
import psutil
import torch
from scipy.stats import linregress, t
from torch import nn

import backlight as bl
from backlight.files import write_atomically
from backlight.recording.environment import describe_environment
from backlight.recording.run_writer import RunWriter

RECORD = Path(__file__).parent / "records" / "soak.json"
WIDTHS, BATCH, EVERY = (32, 32, 32, 10), 32, 100
WARM_UP = 0.1  # share of the time after which memory has to be flat
SHOWN = 120  # points of each series in the record
BEHIND = 0.1  # seconds that the loop may catch up; more is a pace that fell short
FLAT, GROWN, COSTLIER = 2.0, 1.05, 1.1  # megabytes an hour; ratios: what the verdicts hold against


@dataclass(frozen=True)
class Sample:
    """What stands after `seconds`; `waiting` and the costs are of the time since the sample before."""

    seconds: float
    steps: int
    steps_a_second: float
    memory_mb: float
    folder_mb: float
    watching_us: float  # microseconds a step of the loop, as watching measures itself
    writing_us: float  # processor time of the writing thread, a step
    processor_us: float  # processor time of the whole process, a step
    waiting: int


class Meter:
    """Takes samples of the process that it lives in."""

    def __init__(self, watching: bl.Watch, writer: RunWriter):
        self._watching, self._writer, self._process = watching, writer, psutil.Process()
        self._began = time.perf_counter()
        self._last = self._totals(0)

    def sample(self, steps: int) -> Sample:
        before, self._last = self._last, self._totals(steps)
        seconds, made, *costs = (now - then for now, then in zip(self._last, before, strict=True))
        watching, writing, processor = (1e6 * cost / max(made, 1) for cost in costs)
        waiting, self._writer.most_waiting = self._writer.most_waiting, 0
        memory, folder = self._process.memory_info().rss / 1e6, size_of(self._writer.folder) / 1e6
        return Sample(self._last[0], steps, made / seconds, memory, folder, watching, writing, processor, waiting)

    def _totals(self, steps: int) -> tuple[float, ...]:
        now = time.perf_counter() - self._began
        return now, steps, self._watching.cost.watching, self._writer.busy_seconds, time.process_time()


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def soaked(folder: Path, seconds: float, pace: float, sample: float) -> Iterator[Sample]:
    """The loop, with a sample every so many seconds and one at the end."""
    torch.manual_seed(0)
    layers = [nn.Sequential(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(WIDTHS[:-1])]
    model = nn.Sequential(*layers, nn.Linear(*WIDTHS[-2:]))
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    inputs, labels = torch.randn(64, BATCH, WIDTHS[0]), torch.randint(WIDTHS[-1], (64, BATCH))
    writer = RunWriter(folder, ("watch",), {"every": EVERY})
    with writer, bl.watch(model, optimizer, writer, every=EVERY) as watching:
        meter = Meter(watching, writer)
        began = due = time.perf_counter()
        step, sampled = 0, began
        while (now := time.perf_counter()) - began < seconds:
            loss = nn.functional.cross_entropy(model(inputs[step % 64]), labels[step % 64])
            optimizer.zero_grad()
            loss.backward()
            watching.scalars(loss=loss)
            optimizer.step()
            step += 1
            if now - sampled >= sample:
                sampled = now
                yield meter.sample(step)
            due = max(due + 1 / pace, time.perf_counter() - BEHIND)
            time.sleep(max(0.0, due - time.perf_counter()))
        writer.commit()
        yield meter.sample(step)


def judged(samples: list[Sample]) -> dict[str, Any]:
    """The verdicts, each with the figures that it rests on; empty until there are enough samples."""
    late = [each for each in samples if each.seconds > WARM_UP * samples[-1].seconds]
    if len(late) < 4:
        return {}
    slope, low, high = slope_of([each.seconds / 3600 for each in late], [each.memory_mb for each in late])
    first, last = late[0], late[-1]
    early = next(each for each in samples[1:] if each.seconds >= min(0.1 * last.seconds, 600.0))
    predicted = early.folder_mb + (early.folder_mb - samples[0].folder_mb) / (early.steps - samples[0].steps) * (
        last.steps - early.steps
    )
    tenth = max(2, len(late) // 10)
    costs = {name: cost_of(name, late[:tenth], late[-tenth:]) for name in ("watching_us", "writing_us", "processor_us")}
    grown, dearer = last.folder_mb / predicted, costs["watching_us"]["ratio"]
    return {
        "memory": {
            "flat": high < FLAT, "MB an hour": slope, "95 % interval": [low, high], "n": len(late),
            "MB after warm-up": first.memory_mb, "MB at the end": last.memory_mb, "allowed MB an hour": FLAT,
        },
        "growth": {
            "as predicted": 1 / GROWN < grown < GROWN, "ratio": grown, "MB": last.folder_mb, "predicted MB": predicted,
            "bytes a step": 1e6 * last.folder_mb / last.steps, "predicted after seconds": early.seconds,
        },
        "cost": {"unchanged": dearer < COSTLIER, "samples a tenth": tenth, **costs},
        "pace": {
            "steps a second, mean": last.steps / last.seconds, "least": min(each.steps_a_second for each in late),
        },
        "most records waiting": max(each.waiting for each in samples),
    }  # fmt: skip


def slope_of(x: list[float], y: list[float]) -> tuple[float, float, float]:
    """Least squares, with Student's t interval. Of consecutive samples, which are not independent, it is too narrow."""
    line = linregress(x, y)
    half = float(t.ppf(0.975, len(x) - 2) * line.stderr)
    return float(line.slope), float(line.slope) - half, float(line.slope) + half


def cost_of(name: str, first: list[Sample], last: list[Sample]) -> dict[str, Any]:
    """Microseconds a step in the first and in the last tenth."""
    before, after = ([float(getattr(each, name)) for each in part] for part in (first, last))
    return {
        "ratio": median(after) / median(before) if median(before) else None,
        "first tenth": {"median": median(before), "quartiles": quantiles(before, n=4)[::2]},
        "last tenth": {"median": median(after), "quartiles": quantiles(after, n=4)[::2]},
    }


def written(out: Path, samples: list[Sample], asked: dict[str, Any]) -> None:
    """The record of what has been measured so far."""
    shown = np.unique(np.linspace(0, len(samples) - 1, min(SHOWN, len(samples))).astype(int))
    series = {name: [round(float(getattr(samples[at], name)), 3) for at in shown] for name in asdict(samples[-1])}
    document = {
        "asked": asked,
        "minutes": samples[-1].seconds / 60,
        "steps": samples[-1].steps,
        "n": len(samples),
        "verdicts": judged(samples),
        "series": series,
        "note": "on a machine that other work shares, the pace falls short of what was asked and costs rise",
        "environment": describe_environment(),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, json.dumps(document, indent=1) + "\n")


def soak(folder: Path, minutes: float, pace: float, sample: float, out: Path) -> None:
    asked = {"minutes": minutes, "steps a second": pace, "schedule": f"every={EVERY}", "seconds a sample": sample}
    samples: list[Sample] = []
    for each in soaked(folder, 60 * minutes, pace, sample):
        samples.append(each)
        written(out, samples, asked)
        print(f"{each.seconds:7.0f} s  {each.steps:9,} steps  {each.steps_a_second:5.0f}/s  {each.memory_mb:6.1f} MB "
              f"resident  {each.folder_mb:7.1f} MB folder  {each.watching_us:5.1f} µs a step", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=120.0)
    parser.add_argument("--pace", type=float, default=1000.0, help="steps a second")
    parser.add_argument("--sample", type=float, default=30.0, help="seconds between samples")
    parser.add_argument("--out", type=Path, default=RECORD)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        soak(Path(place) / "run", arguments.minutes, arguments.pace, arguments.sample, arguments.out)
    print(json.dumps(json.loads(arguments.out.read_text(encoding="utf-8"))["verdicts"], indent=1))


if __name__ == "__main__":
    main()
