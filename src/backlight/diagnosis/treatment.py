"""A cure is tried before it is recommended: retrained, against the same settings with other seeds and another cure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, Literal

import numpy as np

from backlight.diagnosis.catalogue import CAUSES
from backlight.diagnosis.cures import Change, Cures, changes
from backlight.diagnosis.diagnose import diagnose
from backlight.diagnosis.finding import Diagnosis
from backlight.diagnosis.retraining import RETRAINING, Accuracies, Retraining
from backlight.errors import SettingsError
from backlight.intervals import Interval, rate_interval
from backlight.notebook import shown
from backlight.recording.run import Run
from backlight.training.settings import settings_from_plain
from backlight.training.train_mlp import OWN_GRADIENTS

Outcome = Literal["cured", "not cured", "cannot tell", "only the seed", "healthy", "not tried"]
OTHER = 10_000  # seeds of a treatment begin here: no run has them
FEWEST = 5  # seeds from which a rate can be told: 5 of 5 and 0 of 5 have intervals that do not touch
ENOUGH, LEAST = 0.5, 0.02  # of the way from the run to the best there is; that way at least


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
        finding: name of the cause that was treated; "" for a healthy run.
        change: of one setting; None where there is none.
        instruction: what to do about the first cause, where that is not a setting.
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

    def _repr_html_(self) -> str:
        return shown("treatment", self)

    @property
    def arms(self) -> tuple[Arm, ...]:
        return tuple(arm for arm in (self.unchanged, self.changed, self.random) if arm is not None)


Report = Callable[[str], None]


def treat(run: Run | Path | str, seeds: int | None = None, report: Report | None = None) -> Treatment:
    """Diagnoses a run, tries what may cure its causes, and says what became of the best cure.

    A run in which nothing but a note was found is healthy, unless what the note speaks of can be cured.
    The cures are compared on a few seeds; the best one is trained on `seeds` others, beside the unchanged settings and
    a cure of another cause on the same seeds, all with the run's data set and steps. Runs of `train mlp` are trained
    anew on the engine (100 seeds if not given), those of `train cnn` for one epoch each (5 seeds); for other runs the
    instruction is all that is given.

    Args:
        run: a run, or its folder.
        seeds: networks of each arm, at least 5.
        report: gets a line before each training; they take seconds, or for `train cnn` a minute or two in all.

    Raises:
        RunError: if there is no run in the folder.
        SettingsError: if `seeds` is below 5, from which no rate can be told.
    """
    if seeds is not None and seeds < FEWEST:
        raise SettingsError(f"seeds must be at least {FEWEST}, not {seeds}: no rate can be told from fewer")
    opened = run if isinstance(run, Run) else Run.open(run)
    found = diagnose(opened)
    retraining = RETRAINING.get(opened.command)
    settings = retraining and as_it_ran(opened, settings_from_plain(retraining.settings, opened.settings), found)
    cures = changes(retraining.cures, found.causes, settings) if retraining else []
    if retraining is None or not cures:
        return untried(found)
    trial = Trial(opened, settings, retraining, found, report or (lambda line: None))
    treated = trial.of(cures, retraining.confirming if seeds is None else seeds)
    return untried(found) if found.healthy and treated.outcome != "cured" else treated


def untried(found: Diagnosis) -> Treatment:
    """Without a fault, or with one that no setting mends."""
    if found.healthy:
        return Treatment("healthy", found)
    return Treatment("not tried", found, found.causes[0], instruction=instruction(found.causes[0]))


def instruction(name: str) -> str:
    return "; ".join(CAUSES[name].tries)


def as_it_ran(run: Run, settings: Any, found: Diagnosis) -> Any:
    """With the mistake that a network with gradients of its own was found to make, so that mending it can be tried."""
    own = any(event.kind == OWN_GRADIENTS for event in run.events())
    return replace(settings, output_derivative=True) if own and "output-slope" in found.causes else settings


@dataclass(frozen=True)
class Trial:
    """The cures of one run beside each other."""

    run: Run
    settings: Any
    retraining: Retraining
    diagnosis: Diagnosis
    report: Report

    def of(self, cures: Sequence[Change], seeds: int) -> Treatment:
        fresh = count(OTHER)
        few = [next(fresh) for _ in range(self.retraining.choosing)]
        tried = [self.accuracies(change, few) for change in cures]
        change, reached = max(zip(cures, tried, strict=True), key=lambda pair: float(pair[1].mean()))
        other = unrelated(self.retraining.cures, self.diagnosis.causes, self.settings, change.setting)
        needed = self.bar(reached)
        many = [next(fresh) for _ in range(seeds)]
        unchanged = arm("unchanged", self.accuracies(None, many), needed)
        changed = arm(str(change), self.accuracies(change, many), needed)
        random = None if other is None else arm(f"another cure: {other}", self.accuracies(other, many), needed)
        first = self.diagnosis.causes[0]
        words = "" if first in self.retraining.cures else instruction(first)
        outcome = verdict(unchanged.success, changed.success)
        return Treatment(outcome, self.diagnosis, change.name, change, words, unchanged, changed, random, needed)

    def accuracies(self, change: Change | None, seeds: Sequence[int]) -> Accuracies:
        self.report(f"{len(seeds)} seeds: {change or 'unchanged'}")
        return self.retraining.accuracies(change.applied(self.settings) if change else self.settings, seeds)

    def bar(self, reached: Accuracies) -> float:
        """Half of the way from this run, or from guessing, to the best: what the cure or the nearest neighbour reach.

        The nearest neighbour's error is at most twice the least there can be (Cover & Hart 1967).
        """
        facts = self.run.facts()
        data = facts.data if facts else None
        guessing = max(data.test_counts) / max(sum(data.test_counts), 1) if data and data.test_counts else 0.0
        neighbour = data.test_neighbours if data else 0.0
        start = max(guessing, self.own_accuracy())
        best = max(float(np.quantile(reached, 0.9)), neighbour)
        return min(start + ENOUGH * max(best - start, LEAST), 1.0)

    def own_accuracy(self) -> float:
        """The run's last; 0 if it was never measured."""
        for name in self.retraining.measured:
            if name in self.run.scalar_names():
                values = self.run.scalar(name)[1]
                return float(np.nan_to_num(values[-1])) if len(values) else 0.0
        return 0.0


def verdict(unchanged: Interval, changed: Interval) -> Outcome:
    """From the rates at which networks learn without and with the change."""
    if changed.low > unchanged.high and changed.estimate > 0.5:
        return "cured"
    if unchanged.low > 0.5 and changed.low <= unchanged.high:
        return "only the seed"
    if changed.high < 0.5 or changed.high <= unchanged.estimate:
        return "not cured"
    return "cannot tell"


def unrelated(cures: Cures, causes: Sequence[str], settings: Any, setting: str) -> Change | None:
    """A cure of another cause that changes another setting, drawn by the run's seed."""
    others = changes(cures, [name for name in cures if name not in causes], settings)
    others = [change for change in others if change.setting != setting]
    return others[int(np.random.default_rng(settings.seed).integers(len(others)))] if others else None


def arm(label: str, reached: Accuracies, needed: float) -> Arm:
    return Arm(label, float(reached.mean()), rate_interval(reached >= needed))
