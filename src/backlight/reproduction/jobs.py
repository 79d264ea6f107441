"""The work of a reproduction, piece by piece: what is done already is not done again.

Pieces are independent; they run in as many processes as there are cores, one thread each.
"""

import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

from backlight.errors import RunError
from backlight.recording.checkpoint import load_checkpoint, save_checkpoint
from backlight.recording.run import Run, same_settings
from backlight.reproduction.population import (
    STACK,
    Condition,
    Outcome,
    joined,
    outcome_arrays,
    outcome_from_arrays,
    train_condition,
)
from backlight.training.settings import CNNSettings, plain_settings


@dataclass(frozen=True)
class PopulationJob:
    """Some seeds of one condition; the outcome is kept in a file under `folder`."""

    condition: Condition
    seeds: tuple[int, ...]
    folder: Path

    @property
    def path(self) -> Path:
        c = self.condition
        sizes = "-".join(map(str, c.sizes))
        mistakes = "".join(
            letter if made else "-" for letter, made in zip("osr", vars(c.mistakes).values(), strict=True)
        )
        name = f"{c.activation}_{sizes}_{mistakes}_{c.learning_rate:g}_{c.l2:g}_{c.passes}_{self.seeds[0]}"
        return self.folder / f"{name}.safetensors"

    @property
    def description(self) -> dict[str, Any]:
        """What the file must say of itself to count as this job's."""
        described = {**self.condition.describe(), "seeds": self.seeds, "version": version("backlight")}
        return json.loads(json.dumps(described))

    def run(self) -> None:
        if self.outcome() is None:
            outcome = train_condition(self.condition, self.seeds)
            save_checkpoint(self.path, outcome_arrays(outcome), self.description)

    def outcome(self) -> Outcome | None:
        """What an earlier run left, if it is of just this job."""
        if not self.path.exists():
            return None
        try:
            arrays, state = load_checkpoint(self.path)
        except RunError:
            return None
        return outcome_from_arrays(self.condition, arrays) if state == self.description else None


@dataclass(frozen=True)
class DigitsJob:
    """One training run of the convolutional network in its own run folder; goes on where an earlier one stopped."""

    settings: CNNSettings
    folder: Path

    def run(self) -> None:
        from backlight.training.train_cnn import LATEST, train_cnn

        if finished(self.folder):
            if same_settings(Run.open(self.folder).settings, plain_settings(self.settings)):
                return
            raise RunError(f"{self.folder}: holds a run with other settings; name another folder or remove it")
        resumable = (self.folder / "checkpoints" / LATEST).exists()
        if not resumable:
            remove_unstarted(self.folder)
        with open(os.devnull, "w", encoding="utf-8") as silence:
            train_cnn(self.settings, self.folder, resume=resumable, stream=silence)
        if not finished(self.folder):
            raise RunError(f"{self.folder}: stopped before the end; call again to go on")


Job = PopulationJob | DigitsJob


def finished(folder: Path) -> bool:
    return (folder / "run.sqlite").exists() and any(event.kind == "finished" for event in Run.open(folder).events())


def remove_unstarted(folder: Path) -> None:
    """A run that was killed before its first checkpoint has nothing to go on from."""
    for path in folder.glob("run.sqlite*"):
        path.unlink()


def population_jobs(conditions: Sequence[Condition], seeds: int, folder: Path) -> list[PopulationJob]:
    """Each condition once, its seeds in stacks of 20."""
    stacks = [tuple(range(first, min(first + STACK, seeds))) for first in range(0, seeds, STACK)]
    return [PopulationJob(condition, stack, folder) for condition in dict.fromkeys(conditions) for stack in stacks]


def population_outcomes(jobs: Sequence[PopulationJob]) -> dict[Condition, Outcome]:
    """All seeds of each condition together, from the files of finished jobs."""
    parts: dict[Condition, list[Outcome]] = {}
    for job in jobs:
        outcome = job.outcome()
        assert outcome is not None  # run_jobs returned
        parts.setdefault(job.condition, []).append(outcome)
    return {condition: joined(outcomes) for condition, outcomes in parts.items()}


def run_jobs(jobs: Sequence[Job], processes: int, report: Callable[[int, int], None]) -> None:
    """Runs all jobs; `report(done, total)` after each.

    Ctrl-C, or a job that fails, ends the jobs under way: a convolutional network is saved and can go on, a stack
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
        running = {executor.submit(job.run) for job in islice(waiting, processes)}
        try:
            while running:
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    future.result()
                    done += 1
                    report(done, len(jobs))
                running |= {executor.submit(job.run) for job in islice(waiting, len(ended))}
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
def terminated_as_interrupted() -> Iterator[None]:
    """Within it SIGTERM does what Ctrl-C does, so that no worker outlives its parent."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
