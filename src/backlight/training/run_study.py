"""Running a study: what no earlier run has left is trained, a block of networks at a time."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, TextIO

from backlight.data.named import NAMED, check_widths, is_csv
from backlight.engine.memory import check_memory, parameter_count
from backlight.errors import RunError, SettingsError
from backlight.recording.environment import describe_environment
from backlight.recording.run import Run
from backlight.recording.run_writer import RunWriter, next_free_folder
from backlight.training.blocks import Block
from backlight.training.cluster import cluster_backend, train_on_cluster
from backlight.training.progress import NetworkProgress
from backlight.training.same_data import check_same_data
from backlight.training.settings import StudySettings, as_swept, plain_settings, settings_from_plain
from backlight.training.stopping import terminated_as_interrupted
from backlight.training.study import Study, study_conditions

Train = Callable[[Sequence[Block], int, NetworkProgress], None]


def study(
    folder: Path | str | None = None,
    resume: bool = False,
    cluster: str | None = None,
    threads: int | None = None,
    stream: TextIO | None = None,
    **settings: Any,
) -> Study:
    """Trains networks for every combination of the settings and every seed, and hands back what became of them.

    Args:
        folder: run folder; the next free one under runs/ if not given.
        resume: go on with the study in `folder`, which keeps its settings.
        cluster: dask://host:port or ray://host:port to train on other machines.
        threads: of this machine; all cores if not given.
        stream: where progress goes; standard error if not given.
        settings: those of `StudySettings`. What is swept may be one value or a list of them.

    Raises:
        SettingsError, DataError, RunError: before anything is trained.
        KeyboardInterrupt: on Ctrl-C; finished blocks of networks are kept, and `resume` goes on.

    >>> import backlight as bl, tempfile, io
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     result = bl.study(folder, layers=[[2, 3, 2], [2, 6, 2]], seeds=20, steps=300, stream=io.StringIO())
    ...     [rate.n for _, rate in result.rates()]
    [20, 20]
    """
    if resume:
        if folder is None or settings:
            raise RunError("to resume a study, name its folder and no settings: it keeps its own")
        return run_study(Study.open(folder).settings, folder, True, cluster, threads, stream)
    return run_study(settings_from_plain(StudySettings, as_swept(settings)), folder, False, cluster, threads, stream)


def run_study(
    settings: StudySettings,
    folder: Path | str | None = None,
    resume: bool = False,
    cluster: str | None = None,
    threads: int | None = None,
    stream: TextIO | None = None,
) -> Study:
    """What `study` does, from settings."""
    settings = replace(settings, data=tuple(absolute(name) for name in settings.data))
    check_study(settings)
    if threads is not None and threads < 1:
        raise SettingsError(f"threads must be at least 1, not {threads}")
    folder = Path(folder) if folder else next_free_folder("study")
    result = Study(settings, folder)
    if resume and check_same_version(folder):
        return result
    with (
        cluster_backend(cluster) if cluster else nullcontext(),
        RunWriter(folder, ("study",), plain_settings(settings), resume) as writer,
    ):
        check_same_files(result)
        writer.subfolder("blocks")
        train_missing(result, writer, train_on_cluster if cluster else partial(train_here, threads=threads), stream)
    return result


def train_missing(result: Study, writer: RunWriter, train: Train, stream: TextIO | None) -> None:
    """Trains the blocks that no earlier run has left."""
    began = time.monotonic()
    missing = [block for block in result.blocks() if block.outcome() is None]
    damaged = [block.path.name for block in missing if os.path.lexists(block.path)]
    done = result.total - sum(block.count for block in missing)
    with terminated_as_interrupted(), NetworkProgress(result.total, done, stream) as progress:
        if damaged:
            progress.note(f"damaged, and trained again: {', '.join(damaged)}")
        try:
            train(missing, done, progress)
        except KeyboardInterrupt:
            progress.note(f"stopped; what is finished is kept, go on with --resume --run {result.folder}")
            writer.event(0, "stopped")
            raise
    took = f"{time.monotonic() - began:.1f} s for {result.total - done} networks"
    writer.event(result.settings.steps, "finished", took)


def absolute(data: str) -> str:
    """A file's whole path: a study may be resumed from another folder."""
    return str(Path(data).resolve()) if is_csv(data) else data


def check_same_version(folder: Path) -> bool:
    """Whether the study in `folder` is finished, so that nothing is left to train.

    Raises:
        RunError: if it is not, and was begun by another version, whose networks may be others.
    """
    run = Run.open(folder)
    if run.is_finished:
        return True
    begun = run.environment.get("versions", {}).get("backlight", "(unknown)")
    now = describe_environment()["versions"]["backlight"]
    if begun != now:
        raise RunError(
            f"{folder}: begun by backlight {begun}, this is {now}; finish it with that version or begin anew"
        )
    return False


def check_same_files(study: Study) -> None:
    """Raises RunError if a CSV file is no longer the one that the study began with."""
    files = [name for name in study.settings.data if name not in NAMED]
    check_same_data(study.folder, {name: sha256(Path(name).read_bytes()).hexdigest() for name in files})


def check_study(settings: StudySettings) -> None:
    """Raises SettingsError or DataError for what would fail later: widths that do not fit, data that cannot be read."""
    conditions = study_conditions(settings)
    for condition in conditions:
        (first,) = condition.draws([settings.first_seed])
        check_widths(condition.layers, first)
    largest = max((condition.layers for condition in conditions), key=parameter_count)
    check_memory(len(conditions) * settings.seeds, largest, looks=1)  # the table holds about as much of all of them


def train_here(blocks: Sequence[Block], done: int, progress: NetworkProgress, threads: int | None) -> None:
    """One block after the other, all threads on each; `done` networks were trained before."""
    for block in blocks:
        steps, count = block.condition.steps, block.count

        def report(updates: int, before: int = done, steps: int = steps) -> None:
            progress.update(before + updates / steps)

        block.run(threads, report)
        done += count
        progress.update(done)
