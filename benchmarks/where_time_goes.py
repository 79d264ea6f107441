"""Where the time of the three main paths goes: the engine, a watched step, a report.

    python benchmarks/where_time_goes.py [--part engine|watch|report] [--rounds 9] [--out FILE]

*engine*: the stages of a pass, each compiled into a loop of its own and taking turns with the whole pass. *watch*: the
convolutional network, every step recorded in full, beside the bare loop, on one thread; the kernels' own time and
bytes, and Python's profiler for the rest. Both are in the processor's time, which a busy machine changes less than the
clock's. *report*: `backlight report` of a run of the convolutional network, by Python's profiler. What a profiler times
it also slows, so its figures are shares. Limits of the machine are those of benchmarks/limits.py.

Writes benchmarks/records/where_time_goes.json.
"""

import argparse
import cProfile
import io
import json
import os
import pstats
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Any

import numpy as np
import torch
from limits import limits

from backlight.data.points import load_points
from backlight.engine.kernels.codes import OUTPUTS, ROW
from backlight.engine.kernels.compiler import EXACT, kernel
from backlight.engine.kernels.descent import contrast, spread, update, workspace
from backlight.engine.kernels.passes import accumulate_by_rows, backward_by_rows, forward_by_rows, output_residuals
from backlight.engine.population import Population
from backlight.engine.problem import Problem
from backlight.engine.train import train_population
from backlight.recording.environment import describe_environment
from backlight.recording.summarise import Job, Threads, Workspace, summarise_jobs
from backlight.recording.tensor_summary import PackedSummary

RECORD = Path(__file__).parent / "records" / "where_time_goes.json"
SIZES, POINTS, REPEATS = (2, 8, 2), 200, 2000


def spread_of(values: list[float]) -> dict[str, float]:
    low, middle, high = quantiles(values, n=4)
    return {"median": middle, "quarter": low, "three_quarters": high, "least": min(values), "n": len(values)}


def in_turns(calls: dict[str, Callable[[], float]], rounds: int) -> dict[str, dict[str, float]]:
    """Each in every round, beginning with another one each time."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for number in range(rounds):
        for place in range(len(names)):
            name = names[(place + number) % len(names)]
            found[name].append(calls[name]())
    return {name: spread_of(values) for name, values in found.items()}


# --- the engine -----------------------------------------------------------------------------------------------------


@kernel(EXACT)
def stage(which, rule, p, plan, samples, values, deltas, g, state, size, repeats):  # type: ignore[no-untyped-def]  # compiled
    """One stage of a pass over all blocks, again and again; 0 is the gradient as the engine computes it."""
    row, outputs = plan[plan.shape[0] - 1, ROW], plan[plan.shape[0] - 1, OUTPUTS]
    blocks = samples.share.shape[0]
    for _ in range(repeats):
        if which == 0:
            accumulate_by_rows(rule, p, plan, samples, 0, 0, blocks, values, deltas, g)
        for block in range(blocks):
            if which == 1:
                forward_by_rows(p, plan, samples.X[0, block], values)
            if which == 2:
                output_residuals(rule, values, row, outputs, samples, 0, block, deltas)
            if which == 3:
                backward_by_rows(p, plan, samples.X[0, block], values, deltas, g)
        if which == 4:
            contrast(p, plan, size)
            spread(g, plan, size)
            update(rule.optimizer, p, g, state, size, p.dtype.type(1e-9), 1)


STAGES = {
    "the gradient, as the engine computes it": 0,
    "forward": 1,
    "residuals at the output": 2,
    "backward": 3,
    "contrast, update": 4,
}


def engine(rounds: int) -> dict[str, Any]:
    """Microseconds a pass of one network on one thread, by stage and activation, and what a call costs beside."""
    found: dict[str, Any] = {}
    data = [load_points("moons", POINTS)]
    for activation in ("tanh", "relu"):
        population = Population.initialised(SIZES, activation, [0], 0.01)
        problem = Problem(population, data, np.dtype(np.float32))
        size, kind = population.parameters.shape[1], problem.kind
        p, state = np.zeros(problem.room, kind), np.zeros((2, size), kind)
        p[:size] = population.parameters[0]
        values, deltas = workspace(problem.whole, problem.train, kind)
        rest = (problem.rule, p, problem.plan, problem.train, values, deltas, np.zeros(problem.room, kind), state, size)
        calls: dict[str, Callable[[], float]] = {}
        for name, number in STAGES.items():
            calls[name] = partial(microseconds, number, rest)
        calls["train_population, a pass"] = partial(of_a_pass, population, data)
        calls["train_population, a call of one pass"] = partial(of_a_call, population, data)
        found[activation] = in_turns(calls, rounds)
    return {"sizes": SIZES, "points": POINTS, "microseconds": found}


def microseconds(which: int, rest: tuple[Any, ...]) -> float:
    """Of the processor's time: what others take of a busy machine does not count."""
    stage(which, *rest, 10)
    began = time.process_time()
    stage(which, *rest, REPEATS)
    return (time.process_time() - began) / REPEATS * 1e6


def of_a_call(population: Population, data: list[Any], passes: int = 1) -> float:
    began = time.process_time()
    train_population(population, data, passes, looks=[passes], threads=1)
    return (time.process_time() - began) * 1e6


def of_a_pass(population: Population, data: list[Any]) -> float:
    """What a call takes beside its passes cancels."""
    return (of_a_call(population, data, 10 * REPEATS) - of_a_call(population, data)) / (10 * REPEATS - 1)


# --- a watched step -------------------------------------------------------------------------------------------------


class Counted:
    """Stands in for `summarise_jobs` as watching calls it, and keeps count of its time, its kernels' and its values."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.calls = self.seconds = self.kernels = self.values = self.bytes = 0.0

    def __call__(self, jobs: list[Job], threads: Threads, workspace: Workspace) -> list[PackedSummary]:
        began = time.thread_time()
        found = summarise_jobs(jobs, Threads(threads.count, partial(self.timed, threads)), workspace)
        self.seconds += time.thread_time() - began
        self.calls += 1
        self.values += sum(job.size for job in jobs)
        self.bytes += sum(job.size * np.dtype(job.dtype).itemsize * (1 if job.task == "read" else 2) for job in jobs)
        return found

    def timed(self, threads: Threads, function: int, argument: int) -> None:
        began = time.thread_time()
        threads.run(function, argument)
        self.kernels += time.thread_time() - began


def watched(rounds: int, steps: int = 10) -> dict[str, Any]:
    """The processor's milliseconds a step on one thread; of a watched one, those of reading tensors, and in kernels."""
    from unittest import mock

    from watch_contenders import WARM_UP, bare, watch_every_step

    torch.set_num_threads(1)  # whose time is not spent waiting for another thread
    counted, found = Counted(), []
    turns: dict[str, list[float]] = {"bare step": [], "watched step": []}
    with tempfile.TemporaryDirectory() as folder, mock.patch("backlight.watching.reading.summarise_jobs", counted):
        loops = {"bare step": bare(Path(folder)), "watched step": watch_every_step(Path(folder))}
        for _ in range(rounds):
            for name, (loop, step, finish) in loops.items():
                for _ in range(WARM_UP):
                    step(*loop.batch())
                counted.reset()
                began = time.process_time()
                for _ in range(steps):
                    step(*loop.batch())
                finish()
                turns[name].append((time.process_time() - began) / steps * 1e3)
            found.append({key: value / steps for key, value in vars(counted).items()})
        loop, step, _ = loops["watched step"]
        profile = cProfile.Profile()
        profile.runcall(lambda: [step(*loop.batch()) for _ in range(steps)])
    named = {"reading tensors": "seconds", "of it in kernels": "kernels"}
    inside = {name: spread_of([1e3 * each[key] for each in found]) for name, key in named.items()}
    rate = spread_of([each["bytes"] / each["kernels"] / 1e9 for each in found])
    counts = {key: found[-1][key] for key in ("calls", "values", "bytes")}
    milliseconds = {name: spread_of(values) for name, values in turns.items()} | inside
    cost = {"milliseconds": milliseconds, "a step": counts, "gigabytes_a_second in kernels": rate}
    return cost | {"threads": torch.get_num_threads(), "shares of the profile": shares(profile, "backlight/", 8)}


# --- a report -------------------------------------------------------------------------------------------------------


def report(rounds: int) -> dict[str, Any]:
    """Seconds of the command, on the clock and of the processor, and where they go; of two epochs on the digits."""
    with tempfile.TemporaryDirectory() as place:
        run = str(Path(place) / "run")
        command("-m", "backlight", "train", "cnn", "--epochs", "2", "--run", run)
        clock, processor = zip(*[seconds_of("-m", "backlight", "report", run) for _ in range(rounds)], strict=True)
        out = Path(place) / "profile"
        command("-m", "cProfile", "-o", str(out), "-m", "backlight", "report", run)
        imported = command("-X", "importtime", "-m", "backlight", "report", run)
        lines = re.findall(r"import time: +([0-9]+) \|", imported)
        return {
            "seconds": spread_of(list(clock)),
            "processor's seconds": spread_of(list(processor)),
            "seconds of imports, on the clock of one more": sum(map(int, lines)) / 1e6,
            "bytes of the page": (Path(run) / "report.html").stat().st_size,
            "shares of the profile": cumulative(pstats.Stats(str(out), stream=io.StringIO())),
        }


def command(*words: str) -> str:
    """What it says on standard error."""
    return subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True).stderr


def seconds_of(*words: str) -> tuple[float, float]:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command(*words)
    clock, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def shares(profile: cProfile.Profile, inside: str, most: int) -> dict[str, float]:
    """By file, of the functions' own time: those below `inside`, and all others together."""
    stats: Any = pstats.Stats(profile, stream=io.StringIO())
    own: Counter[str] = Counter()
    for (path, _, _), (_, _, seconds, _, _) in stats.stats.items():
        own[path.partition(inside)[2] or "elsewhere"] += seconds
    return {name: round(seconds / sum(own.values()), 4) for name, seconds in own.most_common(most)}


PARTS_OF_A_REPORT = (
    "diagnose", "verdict_html", "settings_html", "curves_html", "boundary_html", "predictions_html", "inside_sections",
    "cost_html", "document", "write_page",
)  # fmt: skip


def cumulative(stats: Any) -> dict[str, float]:
    """Of all of the time: the report's parts with what they call, also what they import."""
    found = dict.fromkeys(PARTS_OF_A_REPORT, 0.0)
    for (path, _, name), (_, _, _, seconds, _) in stats.stats.items():
        if name in PARTS_OF_A_REPORT and "backlight" in path:
            found[name] = max(found[name], seconds)
    return {name: round(seconds / stats.total_tt, 4) for name, seconds in found.items()}


PARTS: dict[str, Callable[[int], dict[str, Any]]] = {"engine": engine, "watch": watched, "report": report}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path, default=RECORD)
    arguments = parser.parse_args()
    out = arguments.out
    record = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    for part in [arguments.part] if arguments.part else list(PARTS):
        record[part] = PARTS[part](arguments.rounds)
        print(json.dumps(record[part], indent=1, ensure_ascii=False), flush=True)
    record |= {"limits": limits(21), "load of the machine": os.getloadavg()[0], "environment": describe_environment()}
    out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
