"""What would many other seeds do? The same settings and data, other weights and orders of the samples."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from backlight.engine.train import train_population
from backlight.page.playground.branch import Branch, population_of

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
BINS = 20  # of the histogram of accuracies


@dataclass(frozen=True)
class Seeds:
    """What became of `count` networks after `steps` updates.

    Attributes:
        steps: at which they were looked at.
        accuracy, loss: a row of QUANTILES for each step, of held-out accuracy and training loss; who diverged is last.
        histogram: networks by their held-out accuracy at the end, BINS bins over [0, 1].
        diverged, dead: networks whose loss is not finite, and that have a layer which is 0 on all samples.
        below: share of them that do worse than the one that was asked for.
    """

    count: int
    steps: list[int]
    accuracy: list[list[float]]
    loss: list[list[float]]
    histogram: list[int]
    diverged: int
    dead: int
    below: float


class CancelledError(Exception):
    """Somebody no longer wants to know."""


def other_seeds(branch: Branch, steps: int, count: int, report: Callable[[float], None]) -> Seeds:
    """Trains them all on the branch's data, under its settings from the beginning.

    Args:
        report: called now and then with the share that is done; what it raises ends the training.
    """
    settings = branch.settings
    first = settings.seed + 1  # so that the one that is shown is not among them
    population = population_of(settings, branch.data, tuple(range(first, first + count)))
    outcome = train_population(
        population,
        [branch.data],
        max(1, steps),
        dtype=np.float64,  # as the one that is shown, and compiled for it already
        report=lambda done: report(done / (count * max(1, steps))),
    )
    accuracy = np.where(np.isfinite(outcome.train_loss), outcome.test_accuracy, 0.0)
    loss = np.where(np.isfinite(outcome.train_loss), outcome.train_loss, np.inf)
    own = branch.measure(branch.at(steps)).test_accuracy
    return Seeds(
        count,
        outcome.looks.tolist(),
        np.quantile(accuracy, QUANTILES, axis=1).T.tolist(),
        np.quantile(loss, QUANTILES, axis=1, method="nearest").T.tolist(),
        np.histogram(accuracy[-1], BINS, (0.0, 1.0))[0].tolist(),
        int(outcome.diverged.sum()),
        int(outcome.layer_is_dead[-1].sum()),
        float((accuracy[-1] < own).mean()),
    )
