"""The work of a reproduction, piece by piece: what is done already is not done again.

Pieces are independent; they run in as many processes as there are cores, one thread each.
"""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from backlight.engine.outcome import Outcome
from backlight.errors import RunError
from backlight.recording.run import Run
from backlight.recording.settings_file import same_settings
from backlight.reproduction.population import SAMPLES, Condition
from backlight.training.blocks import Block, blocks_of_seeds, joined, work_of
from backlight.training.settings import CNNSettings, plain_settings
from backlight.training.stopping import terminated_as_interrupted


@dataclass(frozen=True)
class DigitsJob:
    """One training run of the convolutional network in its own run folder; goes on where an earlier one stopped."""

    settings: CNNSettings
    folder: Path

    def run(self) -> None:
        from backlight.training.train_cnn import train_cnn

        if done_already(self.folder, plain_settings(self.settings)):
            return
        resumable = (self.folder / "run.sqlite").exists()
        with open(os.devnull, "w", encoding="utf-8") as silence:
            train_cnn(self.settings, self.folder, resume=resumable, stream=silence)
        if not finished(self.folder):
            raise RunError(f"{self.folder}: stopped before the end; call again to go on")


Job = Callable[[], None]


def done_already(folder: Path, settings: dict[str, Any]) -> bool:
    """Raises RunError if what is finished there has other settings."""
    if finished(folder) and not same_settings(Run.open(folder).settings, settings):
        raise RunError(f"{folder}: holds a run with other settings; name another folder or remove it")
    return finished(folder)


def finished(folder: Path) -> bool:
    return (folder / "run.sqlite").exists() and any(event.kind == "finished" for event in Run.open(folder).events())


def population_blocks(conditions: Sequence[Condition], seeds: int, folder: Path) -> list[Block]:
    """Each condition once, its seeds in blocks."""
    blocks = []
    for condition in dict.fromkeys(conditions):
        work = work_of(condition.passes, SAMPLES, condition.sizes)
        blocks += blocks_of_seeds(condition, 0, seeds, work, folder)
    return blocks


def population_outcomes(blocks: Sequence[Block]) -> dict[Condition, Outcome]:
    """All seeds of each condition together, from the files of finished blocks."""
    parts: dict[Condition, list[Outcome]] = {}
    for block in blocks:
        outcome = block.outcome()
        assert outcome is not None  # run_jobs returned
        parts.setdefault(block.condition, []).append(outcome)
    return {condition: joined(outcomes) for condition, outcomes in parts.items()}


def run_jobs(jobs: Sequence[Job], processes: int, report: Callable[[int, int], None]) -> None:
    """Runs all jobs; `report(done, total)` after each.

    Ctrl-C, or a job that fails, ends the jobs under way: a convolutional network is saved and can go on, a block
    of small ones is trained anew the next time.

    Raises:
        BacklightError: the first job's that failed.
    """
    context = multiprocessing.get_context("spawn")  # a forked copy of a process with threads may hang
    waiting, done = iter(jobs), 0
    with (
        terminated_as_interrupted(),
        single_threaded(),
        ProcessPoolExecutor(processes, context, ignore_interrupt) as executor,
    ):
        running = {executor.submit(job) for job in islice(waiting, processes)}
        try:
            while running:
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    future.result()
                    done += 1
                    report(done, len(jobs))
                running |= {executor.submit(job) for job in islice(waiting, len(ended))}
        except BaseException:
            for worker in multiprocessing.active_children():
                worker.terminate()
            raise


def ignore_interrupt() -> None:
    """Ctrl-C reaches all processes of a terminal; the parent alone decides, and ends its workers with SIGTERM.

    A forked or spawned worker must not inherit the parent's own answer to SIGTERM.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def single_threaded() -> Iterator[None]:
    """Children started within it use one thread for BLAS and OpenMP: the processes are the parallelism."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
