"""Studies: every combination of the settings given, each with many seeds; answers are rates with intervals."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backlight.engine.outcome import Outcome
from backlight.errors import RunError, SettingsError
from backlight.intervals import Interval, mean_interval, rate_difference, rate_interval, seeds_to_tell
from backlight.notebook import shown
from backlight.recording.run import Run
from backlight.training.blocks import Block, blocks_of_seeds, joined
from backlight.training.comparison import Comparison
from backlight.training.condition import TrainingCondition
from backlight.training.settings import SWEPT, StudySettings, as_swept, settings_from_plain, widths
from backlight.training.table import Table


def study_conditions(settings: StudySettings) -> list[TrainingCondition]:
    """Every combination once, the last of SWEPT varying fastest."""
    swept = {name: dict.fromkeys(getattr(settings, name)) for name in SWEPT}
    swept["layers"] = dict.fromkeys(map(widths, settings.layers))
    fixed = {name: getattr(settings, name) for name in ("batch_size", "steps", "dtype", "data_dir")}
    return [
        TrainingCondition(**dict(zip(SWEPT, values, strict=True)), **fixed)
        for values in product(*(swept[name] for name in SWEPT))
    ]


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
        accuracy: NDArray[np.float64] = self.outcome(condition).test_accuracy[-1]
        return accuracy > self.settings.success

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
        columns: dict[str, NDArray[Any]] = {
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
