"""Studies: every combination of the settings given, each with many seeds; answers are rates with intervals."""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import product
from numbers import Integral
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from backlight.data.named import NAMED, check_widths, is_csv
from backlight.engine.memory import check_memory, parameter_count
from backlight.engine.outcome import Outcome
from backlight.errors import RunError, SettingsError
from backlight.intervals import Interval, mean_interval, rate_difference, rate_interval, seeds_to_tell
from backlight.notebook import shown
from backlight.recording.environment import describe_environment
from backlight.recording.run import Run
from backlight.recording.run_writer import RunWriter, next_free_folder
from backlight.training.blocks import Block, blocks_of_seeds, joined
from backlight.training.cluster import cluster_backend, train_on_cluster
from backlight.training.comparison import Comparison
from backlight.training.condition import TrainingCondition
from backlight.training.progress import NetworkProgress
from backlight.training.same_data import check_same_data
from backlight.training.settings import SWEPT, StudySettings, plain_settings, settings_from_plain, widths
from backlight.training.stopping import terminated_as_interrupted
from backlight.training.table import Table


def study(
    folder: Path | str | None = None,
    resume: bool = False,
    cluster: str | None = None,
    threads: int | None = None,
    stream: TextIO | None = None,
    **settings: Any,
) -> "Study":
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


def as_swept(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Single values of swept settings as tuples of one, widths as text."""
    values = {name: plain(value) for name, value in settings.items()}
    for name in set(SWEPT) & set(values):
        given = values[name]
        if name == "layers" and not isinstance(given, str) and any(isinstance(width, Integral) for width in given):
            given = [given]  # one list of widths
        several = given if isinstance(given, list | tuple | range | np.ndarray) else [given]
        values[name] = tuple(widths_text(each) if name == "layers" else plain(each) for each in several)
    return values


def widths_text(layers: Any) -> str:
    return layers if isinstance(layers, str) else ",".join(map(str, layers))


def plain(value: Any) -> Any:
    """NumPy's numbers as Python's."""
    return value.item() if isinstance(value, np.generic) else value


def run_study(
    settings: StudySettings,
    folder: Path | str | None = None,
    resume: bool = False,
    cluster: str | None = None,
    threads: int | None = None,
    stream: TextIO | None = None,
) -> "Study":
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
        began = time.monotonic()
        missing = [block for block in result.blocks() if block.outcome() is None]
        damaged = [block.path.name for block in missing if os.path.lexists(block.path)]
        done = result.total - sum(block.count for block in missing)
        with terminated_as_interrupted(), NetworkProgress(result.total, done, stream) as progress:
            if damaged:
                progress.note(f"damaged, and trained again: {', '.join(damaged)}")
            try:
                if cluster:
                    train_on_cluster(missing, done, progress)
                else:
                    train_here(missing, done, threads, progress)
            except KeyboardInterrupt:
                progress.note(f"stopped; what is finished is kept, go on with --resume --run {folder}")
                writer.event(0, "stopped")
                raise
        writer.event(settings.steps, "finished", f"{time.monotonic() - began:.1f} s for {result.total - done} networks")
    return result


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


def check_same_files(study: "Study") -> None:
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


def study_conditions(settings: StudySettings) -> list[TrainingCondition]:
    """Every combination once, the last of SWEPT varying fastest."""
    swept = {name: dict.fromkeys(getattr(settings, name)) for name in SWEPT}
    swept["layers"] = dict.fromkeys(map(widths, settings.layers))
    fixed = {name: getattr(settings, name) for name in ("batch_size", "steps", "dtype", "data_dir")}
    return [
        TrainingCondition(**dict(zip(SWEPT, values, strict=True)), **fixed)
        for values in product(*(swept[name] for name in SWEPT))
    ]


def train_here(blocks: Sequence[Block], done: int, threads: int | None, progress: NetworkProgress) -> None:
    """One block after the other, all threads on each."""
    for block in blocks:
        steps, count = block.condition.steps, block.count

        def report(updates: int, before: int = done, steps: int = steps) -> None:
            progress.update(before + updates / steps)

        block.run(threads, report)
        done += count
        progress.update(done)


@dataclass(frozen=True)
class Study:
    """What a study left in its run folder.

    Attributes:
        settings: what was swept and how the networks were trained.
        folder: its run folder.
    """

    settings: StudySettings
    folder: Path

    @classmethod
    def open(cls, folder: Path | str) -> "Study":
        """The study of a run folder, as far as it has come.

        Raises:
            RunError: if there is none.
        """
        run = Run.open(folder)
        if run.command != ("study",):
            raise RunError(f"{folder}: holds a run of `backlight {' '.join(run.command)}`, not a study")
        return cls(settings_from_plain(StudySettings, run.settings), Path(folder))

    def _repr_html_(self) -> str:
        return shown("study", self)

    @property
    def conditions(self) -> list[TrainingCondition]:
        """Every combination of the settings once, what is named last in `StudySettings` varying fastest."""
        return study_conditions(self.settings)

    @property
    def total(self) -> int:
        """Number of networks."""
        return len(self.conditions) * self.settings.seeds

    @property
    def swept(self) -> list[str]:
        """Names of the settings that have more than one value."""
        return [name for name in SWEPT if len({getattr(condition, name) for condition in self.conditions}) > 1]

    def label(self, condition: TrainingCondition) -> str:
        """What tells the condition from the others, in words."""
        names = self.swept or ["layers", "activation"]
        return " ".join(setting_text(name, getattr(condition, name)) for name in names)

    def blocks(self) -> list[Block]:
        """All parts in which the networks are trained and kept."""
        return [block for condition in self.conditions for block in self.blocks_of(condition)]

    def blocks_of(self, condition: TrainingCondition) -> list[Block]:
        """The parts of one condition, in the order of their seeds."""
        seeds = self.settings.first_seed, self.settings.seeds
        return blocks_of_seeds(condition, *seeds, condition.work, self.folder / "blocks")

    def find(self, **which: Any) -> TrainingCondition:
        """The one condition of these settings, such as find(activation="relu", layers=[2, 3, 2]).

        Raises:
            SettingsError: if there is none, or more than one.
        """
        wanted = {name: values[0] for name, values in as_swept({name: [which[name]] for name in which}).items()}
        unknown = set(wanted) - set(SWEPT)
        if unknown:
            raise SettingsError(f"there is no setting {unknown.pop()!r}; a study sweeps {', '.join(SWEPT)}")
        wanted |= {"layers": widths(wanted["layers"])} if "layers" in wanted else {}
        found = [each for each in self.conditions if wanted.items() <= vars(each).items()]
        if len(found) != 1:
            swept = ", ".join(self.swept) or "nothing"
            raise SettingsError(f"{len(found)} conditions fit {which}; this study sweeps {swept}")
        return found[0]

    def outcome(self, condition: TrainingCondition | None = None, **which: Any) -> Outcome:
        """All seeds of a condition.

        Raises:
            RunError: if some of them have not been trained yet.
        """
        condition = condition or self.find(**which)
        parts = [block.outcome() for block in self.blocks_of(condition)]
        found = [part for part in parts if part is not None]
        if len(found) < len(parts):
            missing = f"{len(parts) - len(found)} of {len(parts)} blocks of {self.label(condition)} are missing"
            damaged = f"or damaged; `backlight runs {self.folder} --repair`, and then resume the study"
            ended = Run.open(self.folder).is_finished
            raise RunError(f"{self.folder}: {missing}{f' {damaged}' if ended else '; resume the study'}")
        return joined(found)

    def rates(self) -> list[tuple[TrainingCondition, Interval]]:
        """Success rate of each condition with its Wilson interval."""
        return [(each, rate_interval(self.successes(each))) for each in self.conditions]

    def successes(self, condition: TrainingCondition) -> NDArray[np.bool_]:
        """(S,) True where the held-out accuracy exceeds the threshold; a network that diverged fails."""
        return self.outcome(condition).test_accuracy[-1] > self.settings.success

    def compare(self, first: Mapping[str, Any], second: Mapping[str, Any]) -> Comparison:
        """How two conditions differ, such as compare({"activation": "relu"}, {"activation": "tanh"}).

        Raises:
            SettingsError: if one of them names no condition, or several.
            RunError: if some of their networks have not been trained yet.
        """
        return self.compare_conditions(self.find(**first), self.find(**second))

    def compare_conditions(self, first: TrainingCondition, second: TrainingCondition) -> Comparison:
        """`compare`, of two of `conditions`."""
        before, after = self.outcome(first), self.outcome(second)
        rates = rate_difference(self.successes(first), self.successes(second))
        accuracy = mean_interval(after.test_accuracy[-1].astype(np.float64) - before.test_accuracy[-1])
        p, q = self.successes(first).mean(), self.successes(second).mean()
        return Comparison(self.label(first), self.label(second), rates, accuracy, seeds_to_tell(float(p), float(q)))

    @property
    def table(self) -> Table:
        """A row per network: its settings and what became of it."""
        return Table([row for condition in self.conditions for row in self.rows(condition)])

    def rows(self, condition: TrainingCondition) -> list[dict[str, Any]]:
        """The table's rows of one condition, a network each: accuracies and shares in 0…1, losses in nats."""
        outcome, settings = self.outcome(condition), self.settings
        given = {**{name: getattr(condition, name) for name in SWEPT}, "layers": ",".join(map(str, condition.layers))}
        columns: dict[str, NDArray] = {
            "seed": np.arange(settings.first_seed, settings.first_seed + settings.seeds),
            "test_accuracy": outcome.test_accuracy[-1],
            "train_accuracy": outcome.train_accuracy[-1],
            "train_loss": outcome.train_loss[-1],
            "success": outcome.test_accuracy[-1] > settings.success,
            "steps_to_success": outcome.steps_to(settings.success),
            "born_dead": outcome.layer_is_dead[0],
            "dead": outcome.layer_is_dead[-1],
            "silent_share_at_start": outcome.silent_share[0],
            "silent_share": outcome.silent_share[-1],
            "saturated_share": outcome.saturated_share[-1],
            "gradient_is_zero": outcome.gradient_is_zero[-1],
            "diverged": outcome.diverged,
        }
        return [given | {name: values[row].item() for name, values in columns.items()} for row in range(len(outcome))]

    def to_pandas(self) -> Any:
        """The table as a `pandas.DataFrame`; needs the extra `study`.

        Raises:
            MissingExtraError: if pandas is not installed.
        """
        return self.table.to_pandas()

    def to_csv(self, path: Path | str) -> None:
        """Writes the table, with a head of names.

        Raises:
            OSError: if it cannot be written.
        """
        self.table.to_csv(path)

    def to_parquet(self, path: Path | str) -> None:
        """Writes the table; needs the extra `study`.

        Raises:
            MissingExtraError: if pyarrow is not installed.
        """
        self.table.to_parquet(path)


WORDLESS = ("data", "layers", "activation", "optimizer")  # their values speak for themselves


def setting_text(name: str, value: object) -> str:
    """Such as [2,3,2], relu or "learning rate 0.5"."""
    if isinstance(value, tuple):
        return f"[{','.join(map(str, value))}]"
    short = isinstance(value, float) and float(f"{value:g}") == value
    text = f"{value:g}" if short else str(value)
    return text if name in WORDLESS else f"{name.replace('_', ' ')} {text}"
