"""What watching costs, beside the other tools, in one run.

    python benchmarks/watch.py                 # all parts; minutes
    python benchmarks/watch.py --part steps    # or kernels, or reading
    python benchmarks/watch.py --quick         # steps of the bare and the watched loops alone, fewer rounds

*steps*: seconds of a training step of the convolutional network at batch 128 on two threads, everything recorded in
every step. Each contender runs in a process of its own (benchmarks/watch_contenders.py); they take turns of some
steps, in an order that changes from round to round. *kernels*: nanoseconds a value of one read of a tensor. *reading*:
bytes of a record, and seconds to open a run of 10,000 steps × 40 tensors and to draw its distributions.

Writes benchmarks/records/watch.json.
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from backlight.figures.overview import overview_figure
from backlight.recording.environment import describe_environment
from backlight.recording.openmp import shared_threads
from backlight.recording.run import Run
from backlight.recording.run_writer import RunWriter
from backlight.recording.summarise import ALONE, Threads, Workspace, job_of, summarise_arrays, summarise_jobs

RECORD = Path(__file__).parent / "records" / "watch.json"
WORKER = Path(__file__).parent / "watch_contenders.py"
STEPS_PER_TURN = {"summary_writer": 4, "wandb_watch": 10, "cockpit_economy": 1}
USUAL_STEPS = 40
# Without this it is a matter of luck, different in each process, whether glibc gives the activations' memory back to
# the system after each step and takes it anew for the next: up to 12,500 page faults a step, a quarter of its time.
STEADY_ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": "2000000000", "MALLOC_MMAP_THRESHOLD_": "33554432"}
FEW_ROUNDS = {"cockpit_economy": 3}  # twenty seconds a step are measured well enough
THREADS = 2
TENSORS, STEPS = 40, 10_000
QUICK_ROUNDS = 7
TENSORBOARD_STEPS = 500  # of these, for TensorBoard's reader: it would take a quarter of an hour for all


class Worker:
    """A contender's process."""

    def __init__(self, name: str):
        environment = {**os.environ, **STEADY_ALLOCATOR, "OMP_NUM_THREADS": str(THREADS), "WANDB_MODE": "offline"}
        self.name, self.steps = name, STEPS_PER_TURN.get(name, USUAL_STEPS)
        self.process = subprocess.Popen(
            [sys.executable, str(WORKER), name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.alive = self.process.stdout.readline().strip() == "ready"

    def turn(self, steps: int) -> float:
        """Seconds a step."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline()) / steps

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def measure_steps(rounds: int, quick: bool = False) -> dict[str, Any]:
    """Milliseconds a step of each contender, and its ratio to the bare loop of its kind, by rounds."""
    from watch_contenders import CONTENDERS

    names = [name for name in CONTENDERS if not quick or name.startswith(("bare", "watch"))]
    workers = [worker for worker in map(Worker, names) if worker.alive]
    missing = sorted(set(names) - {worker.name for worker in workers})
    first = {}
    for worker in workers:  # the default's turn from its first step on, ten of which are recorded in any case
        first[worker.name] = worker.turn(worker.steps)
    seconds: dict[str, list[float]] = {worker.name: [] for worker in workers}
    for number in range(rounds):
        order = workers[number % len(workers) :] + workers[: number % len(workers)]
        for worker in order if number % 2 else reversed(order):
            if number >= FEW_ROUNDS.get(worker.name, rounds):
                continue
            seconds[worker.name].append(worker.turn(worker.steps))
            print(f"round {number}: {worker.name:34} {1000 * seconds[worker.name][-1]:8.1f} ms", flush=True)
    for worker in workers:
        worker.end()
    results: dict[str, Any] = {"rounds": rounds, "not installed": missing, "contenders": {}}
    for name, values in seconds.items():
        base = seconds["bare_tuned" if name.endswith("tuned") else "bare"]
        ratios = [value / other for value, other in zip(values, base, strict=False)]
        results["contenders"][name] = {
            "milliseconds": spread([1000 * value for value in values]),
            "ratio": spread(ratios),
            "first_turn_milliseconds": 1000 * first[name],
            "steps_per_turn": STEPS_PER_TURN.get(name, USUAL_STEPS),
        }
    return results


def spread(values: list[float]) -> dict[str, float]:
    low, _, high = statistics.quantiles(values, n=4)
    return {"median": statistics.median(values), "quarter": low, "three_quarters": high, "n": len(values)}


def measure_kernels() -> dict[str, Any]:
    """Nanoseconds a value, on one thread and on two, and what PyTorch's and NumPy's functions take for less."""
    rng = np.random.default_rng(0)
    threads = shared_threads(str(Path(torch.__file__).parent.parent), THREADS)
    torch.set_num_threads(THREADS)
    results: dict[str, Any] = {}
    for size in (1 << 20, 1 << 22, 1 << 24):
        normal = rng.normal(size=size).astype(np.float32)
        for kind, values in (("normal", normal), ("relu", np.maximum(normal, 0))):
            row = {
                "one thread": per_value(summary_call([values], ALONE), size),
                "two threads": per_value(summary_call([values], threads), size),
            }
            if size == 1 << 20:
                row["torch min, max, mean, std, histc"] = per_value(torch_statistics(torch.from_numpy(values)), size)
                row["SummaryWriter's make_histogram"] = per_value(summary_writer_histogram(values), size)
            results[f"{kind}, {size:,} values"] = row
    small = [rng.normal(size=100).astype(np.float32) for _ in range(200)]
    seconds = best(summary_call(small, threads)) / len(small)
    results["200 tensors of 100 values, microseconds each"] = 1e6 * seconds
    return results


def summary_call(arrays: list[Any], threads: Threads) -> Callable[[], Any]:
    jobs, kept = zip(*map(job_of, arrays), strict=True)
    workspace = Workspace()
    return lambda: (summarise_jobs(jobs, threads, workspace), kept)


def torch_statistics(tensor: torch.Tensor) -> Callable[[], Any]:
    return lambda: (tensor.min(), tensor.max(), tensor.mean(), tensor.std(), torch.histc(tensor, 64))


def summary_writer_histogram(values: Any) -> Callable[[], Any]:
    from torch.utils.tensorboard.summary import histogram
    from torch.utils.tensorboard.writer import SummaryWriter

    with tempfile.TemporaryDirectory() as folder:
        writer = SummaryWriter(folder)
        bins = writer.default_bins
        writer.close()
    return lambda: histogram("values", values, bins)


def per_value(call: Callable[[], Any], size: int) -> float:
    return 1e9 * best(call) / size


def best(call: Callable[[], Any], repeats: int = 9) -> float:
    call()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def measure_reading() -> dict[str, Any]:
    """A long run is written, opened and drawn, and its event files are read by TensorBoard's own reader."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        writing = write_long_run(folder)
        size = (folder / "run.sqlite").stat().st_size
        opened = subprocess.run(
            [sys.executable, __file__, "--draw", str(folder)], capture_output=True, text=True, check=True
        )
        drawn = json.loads(opened.stdout)
        compare = read_with_tensorboard(Path(place) / "events", folder)
    return {
        "tensors": TENSORS,
        "steps": STEPS,
        "bytes per tensor and step": size / TENSORS / STEPS,
        "seconds to write": writing,
        **drawn,
        **compare,
    }


def write_long_run(folder: Path) -> float:
    """Forty tensors of the sizes in the convolutional network, whose values drift, over 10,000 steps."""
    rng = np.random.default_rng(0)
    pool = []
    for number in range(50):
        arrays = {}
        for tensor in range(TENSORS):
            count = (32, 800, 10_240, 51_200, 400_000)[tensor % 5]
            arrays[f"act/t{tensor}"] = rng.normal(size=count).astype(np.float32) * 1.05**number
        pool.append(summarise_arrays(arrays))
    began = time.perf_counter()
    with RunWriter(folder) as writer:
        for step in range(STEPS):
            writer.tensors(step, pool[step % len(pool)])
            if step % 100 == 0:
                writer.commit()
    return time.perf_counter() - began


def draw(folder: Path) -> dict[str, float]:
    """In a fresh process: seconds to open a run, and to have a picture of the distributions of all its tensors."""
    began = time.perf_counter()
    run = Run.open(folder)
    overview_figure(run).savefig(io.BytesIO(), format="png")
    drawn = time.perf_counter() - began
    began = time.perf_counter()
    for name in run.tensor_names():
        run.series(name).quantiles([0.05, 0.25, 0.5, 0.75, 0.95])
    return {"seconds to open, read and draw": drawn, "seconds for quantiles of every step": time.perf_counter() - began}


def read_with_tensorboard(events: Path, folder: Path) -> dict[str, float]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from backlight.recording.tensorboard import EventFile

    run = Run.open(folder)
    tensors = {name: run.tensor(name) for name in run.tensor_names()}
    with EventFile(events) as file:
        for step in range(TENSORBOARD_STEPS):
            file.tensors(step, {name: summaries[step].packed() for name, (_, summaries) in tensors.items()})
    accumulator = EventAccumulator(str(events), size_guidance={"histograms": 0, "scalars": 0})
    began = time.perf_counter()
    accumulator.Reload()
    seconds = time.perf_counter() - began
    return {
        "TensorBoard's reader: steps": TENSORBOARD_STEPS,
        "TensorBoard's reader: seconds": seconds,
        "TensorBoard's reader: seconds for as many steps": seconds * STEPS / TENSORBOARD_STEPS,
        "event file: bytes per tensor and step": sum(each.stat().st_size for each in events.iterdir())
        / TENSORS
        / TENSORBOARD_STEPS,
    }


PARTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "steps": measure_steps,
    "kernels": lambda rounds: measure_kernels(),
    "reading": lambda rounds: measure_reading(),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=RECORD)
    parser.add_argument("--draw", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.draw:
        print(json.dumps(draw(arguments.draw)))
        return
    out = arguments.out
    record = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
    if arguments.quick:
        record["steps"] = measure_steps(QUICK_ROUNDS, quick=True) | {"environment": describe_environment()}
        out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return
    for part in [arguments.part] if arguments.part else list(PARTS):
        record[part] = PARTS[part](arguments.rounds) | {"environment": describe_environment()}
        print(json.dumps(record[part], indent=1, ensure_ascii=False))
    out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
