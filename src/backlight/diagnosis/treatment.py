"""A cure is tried before it is recommended: retrained, against the same settings with other seeds and another cure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from backlight.data.named import load_named
from backlight.diagnosis.catalogue import CAUSES
from backlight.diagnosis.cures import CURES, Change, changes
from backlight.diagnosis.diagnose import diagnose
from backlight.diagnosis.finding import Diagnosis
from backlight.errors import SettingsError
from backlight.intervals import Interval, rate_interval
from backlight.recording.run import Run
from backlight.training.condition import TrainingCondition
from backlight.training.settings import MLPSettings, settings_from_plain

Outcome = Literal["cured", "not cured", "cannot tell", "only the seed", "healthy", "not tried"]
SEEDS = 100
OTHER = 10_000  # seeds of a treatment begin here: no run has them
ENOUGH = 0.5  # of the way from the commonest class to the best that any of the arms reaches


@dataclass(frozen=True)
class Arm:
    """Networks that were trained with the same settings: what was changed, and how many of them learnt."""

    label: str
    accuracy: float  # mean on held-out samples
    success: Interval  # share that learnt, with Wilson's interval


@dataclass(frozen=True)
class Treatment:
    """What became of one cure.

    Attributes:
        outcome: "cured" where clearly more networks learn with the change, and most of them; "only the seed" where
            the unchanged settings learn as well with other seeds; "not tried" where there is only an instruction.
        finding: name of the cause; "" for a healthy run.
        change: of one setting; None where there is none.
        instruction: what to do, where it is not a setting.
        unchanged, changed, random: the three arms, on the same fresh seeds; `random` has another cause's cure.
        needed: held-out accuracy from which a network counts as one that learnt.
    """

    outcome: Outcome
    diagnosis: Diagnosis
    finding: str = ""
    change: Change | None = None
    instruction: str = ""
    unchanged: Arm | None = None
    changed: Arm | None = None
    random: Arm | None = None
    needed: float = float("nan")

    @property
    def arms(self) -> tuple[Arm, ...]:
        return tuple(arm for arm in (self.unchanged, self.changed, self.random) if arm is not None)


def treat(run: Run | Path | str, seeds: int = SEEDS) -> Treatment:
    """Diagnoses a run, tries the cures of its first cause one after the other, and says what became of the best.

    Every arm has the run's data set, steps and `seeds` seeds that the run did not have; the unchanged settings and a
    cure for another cause are trained beside it with the same seeds. Networks of `train mlp` are retrained on the
    engine; for others the instruction is all that is given.

    Raises:
        RunError: if there is no run in the folder.
        SettingsError: if `seeds` is below 10, from which no rate can be told.
    """
    if seeds < 10:
        raise SettingsError(f"seeds must be at least 10, not {seeds}: no rate can be told from fewer")
    opened = run if isinstance(run, Run) else Run.open(run)
    found = diagnose(opened)
    if found.healthy:
        return Treatment("healthy", found)
    name = found.findings[0].name
    instruction = "; ".join(CAUSES[name].tries)
    if opened.command != ("train", "mlp"):
        return Treatment("not tried", found, name, instruction=instruction)
    settings = settings_from_plain(MLPSettings, opened.settings)
    cures = changes([name], settings)
    if not cures:
        return Treatment("not tried", found, name, instruction=instruction)
    return tried(found, name, settings, cures, seeds)


def tried(found: Diagnosis, name: str, settings: MLPSettings, cures: Sequence[Change], seeds: int) -> Treatment:
    """All cures of a cause, the unchanged settings and another cause's cure, at the same budget."""
    fresh = range(OTHER, OTHER + seeds)
    plain = accuracies(settings, fresh)
    results = [(change, accuracies(change.applied(settings), fresh)) for change in cures]
    other = unrelated(name, settings, cures)
    beside = None if other is None else accuracies(other.applied(settings), fresh)
    every = [plain, *(result for _, result in results), *([] if beside is None else [beside])]
    needed = bar(settings, every)
    change, best = max(results, key=lambda pair: float((pair[1] >= needed).mean()))
    unchanged, changed = arm("unchanged", plain, needed), arm(str(change), best, needed)
    random = None if other is None or beside is None else arm(f"another cure: {other}", beside, needed)
    outcome = verdict(unchanged.success, changed.success)
    return Treatment(outcome, found, name, change, "", unchanged, changed, random, needed)


def verdict(unchanged: Interval, changed: Interval) -> Outcome:
    """From the rates at which networks learn without and with the change."""
    if changed.low > unchanged.high and changed.estimate > 0.5:
        return "cured"
    if unchanged.low > 0.5 and changed.low <= unchanged.high:
        return "only the seed"
    if changed.high < 0.5 or changed.high <= unchanged.estimate:
        return "not cured"
    return "cannot tell"


def accuracies(settings: MLPSettings, seeds: Sequence[int]) -> NDArray[np.float64]:
    """(S,) held-out accuracy of each network at its end; 0 for those that diverged."""
    condition = TrainingCondition(
        settings.data,
        settings.samples,
        settings.noise,
        settings.layers,
        settings.activation,
        settings.optimizer,
        settings.learning_rate,
        settings.l2,
        1.0,
        settings.batch_size,
        settings.steps,
        data_dir=settings.data_dir,
    )
    outcome = condition.train(seeds)
    return np.where(outcome.diverged, 0.0, np.nan_to_num(outcome.test_accuracy[-1]))


def bar(settings: MLPSettings, every: Sequence[NDArray[np.float64]]) -> float:
    """The accuracy that counts as learnt: half of the way from guessing to what the best of all arms reach."""
    s = settings
    y = load_named(s.data, s.samples, s.noise, s.classes, s.seed, s.data_dir).test.y
    guessing = float(np.bincount(y).max()) / len(y)
    best = max(float(np.quantile(arm, 0.9)) for arm in every)
    return guessing + ENOUGH * max(best - guessing, 0.02)


def unrelated(name: str, settings: MLPSettings, cures: Sequence[Change]) -> Change | None:
    """A cure that was meant for another cause, drawn by the run's seed among those that change another setting."""
    mine = {change.setting for change in cures}
    others = [c for c in changes([other for other in CURES if other != name], settings) if c.setting not in mine]
    return others[int(np.random.default_rng(settings.seed).integers(len(others)))] if others else None


def arm(label: str, reached: NDArray[np.float64], needed: float) -> Arm:
    return Arm(label, float(reached.mean()), rate_interval(reached >= needed))
