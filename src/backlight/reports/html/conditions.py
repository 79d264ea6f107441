"""The conditions of a study in tables: what became of each, and which of them differ."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from backlight.intervals import Interval, rate_interval
from backlight.reports.html.fragments import Table
from backlight.training.comparison import Comparison
from backlight.training.condition import TrainingCondition
from backlight.training.study import Study

MOST_COMPARED = 8  # conditions compared with each other
HEADER = (
    "condition",
    "success",
    "median accuracy",
    "median steps to succeed",
    "born dead",
    "dead at the end",
    "diverged",
)
COMPARED = ("first", "second", "difference of the success rate", "verdict", "seeds needed to tell them apart")


def condition_table(study: Study) -> Table:
    """A row per condition: success, median accuracy, time to succeed, dead and diverged networks."""
    return Table(HEADER, [condition_row(study, each, rate) for each, rate in study.rates()])


def condition_row(study: Study, condition: TrainingCondition, rate: Interval) -> tuple[str, ...]:
    outcome = study.outcome(condition)
    steps = outcome.steps_to(study.settings.success)
    reached = f"{np.nanmedian(steps):,.0f}" if np.isfinite(steps).any() else "–"
    shares = (outcome.layer_is_dead[0], outcome.layer_is_dead[-1], outcome.diverged)
    median = f"{np.median(np.nan_to_num(outcome.test_accuracy[-1])):.4g}"
    return (study.label(condition), str(rate), median, reached, *(str(rate_interval(share)) for share in shares))


def comparisons(study: Study) -> list[Comparison]:
    """Every pair of conditions, or each with the best one where there are many."""
    conditions = study.conditions
    pairs: Sequence[tuple[TrainingCondition, TrainingCondition]] = list(combinations(conditions, 2))
    if len(conditions) > MOST_COMPARED:
        best = max(study.rates(), key=lambda pair: pair[1].estimate)[0]
        pairs = [(best, each) for each in conditions if each != best]
    return [study.compare_conditions(first, second) for first, second in pairs]


def comparison_row(each: Comparison) -> tuple[str, ...]:
    """The number of seeds is what tells such a difference from 0 four times in five."""
    needed = "∞" if np.isinf(each.seeds_needed) else f"{each.seeds_needed:,.0f}"
    verdict = "they differ" if each.told else "not told apart"
    return (each.first, each.second, str(each.success_rate), verdict, needed)
