"""How a training went, in a few numbers that most rules ask for: did the loss fall, how far, and did it stay there?"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from backlight.diagnosis.record import MissingError, Record

WINDOWS = 40  # stretches of the loss curve; the median of each is what is looked at
LIKE_CHANCE = 0.02  # of it
STUCK = 0.1  # share of the way from chance to 0 that a loss has gone which has not learnt
POOR = 0.6  # and one that has learnt less than it could
CLOSE = 0.06  # below what nearest neighbours reach: an accuracy that is as good as the data


@dataclass(frozen=True)
class Course:
    """The loss of the training part.

    Attributes:
        steps, windows: (n,) where stretches begin, and the median loss of each.
        start, end: the loss at first, and the median of the last tenth.
        chance: the loss of who knows the classes' shares alone, H(y); ln K where they are not known.
        accuracy: of the training part at the end; NaN where it is not recorded.
        reachable: the accuracy that nearest neighbours have on these samples; NaN where it is not known.
        values: how many losses there are.
        broken: whether a loss was not finite.
    """

    steps: NDArray[np.int64]
    windows: NDArray[np.float64]
    start: float
    end: float
    chance: float
    accuracy: float
    reachable: float
    values: int
    broken: bool

    @property
    def progress(self) -> float:
        """Share of the way from chance to 0 that the loss has gone; below 0 if it is above chance."""
        return (self.chance - self.end) / self.chance

    @property
    def stuck(self) -> bool:
        """Whether it has learnt nothing, or next to nothing."""
        return self.broken or self.progress < STUCK

    @property
    def poor(self) -> bool:
        """Whether it has learnt less than it could: than nearest neighbours, or than most of the way."""
        if self.stuck:
            return True
        if np.isfinite(self.accuracy) and np.isfinite(self.reachable):
            return self.accuracy < self.reachable - CLOSE
        if np.isfinite(self.accuracy) and self.accuracy > 0.9:
            return False
        return self.progress < POOR

    @property
    def waited(self) -> float:
        """Share of the training in which the loss was that of chance."""
        return float((np.abs(self.windows - self.chance) < LIKE_CHANCE * self.chance).mean())

    @property
    def falling(self) -> bool:
        """Whether the last stretches are still the lowest."""
        third = max(1, len(self.windows) // 3)
        return len(self.windows) >= 4 and self.windows[-third:].mean() < self.windows[-2 * third : -third].mean()


def course_of(record: Record) -> Course:
    """Raises MissingError if no loss is recorded."""
    steps, loss = record.loss
    finite = np.isfinite(loss)
    if not finite.any():
        raise MissingError("a finite loss")
    bounds = np.unique(np.linspace(0, len(loss), min(WINDOWS, len(loss)) + 1).astype(np.int64))
    windows = [finite_median(loss[first:last]) for first, last in pairwise(bounds)]
    tenth = max(1, len(loss) // 10)
    data = record.known.data
    return Course(
        steps[bounds[:-1]],
        np.array(windows),
        float(loss[finite][0]),
        finite_median(loss[-tenth:]),
        chance_of(record),
        last_accuracy(record),
        data.neighbours if data else float("nan"),
        len(loss),
        not finite.all(),
    )


def chance_of(record: Record) -> float:
    data = record.known.data
    if data and sum(data.train_counts):
        shares = np.array(data.train_counts) / sum(data.train_counts)
        return float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())
    try:
        return float(np.log(max(2, record.classes)))
    except MissingError:
        return float(record.loss[1][np.isfinite(record.loss[1])][0])


def last_accuracy(record: Record) -> float:
    try:
        values = record.accuracy[1]
    except MissingError:
        return float("nan")
    return float(np.mean(values[-max(1, len(values) // 10) :]))  # of single samples the median would be 0 or 1


def finite_median(values: NDArray[np.float64]) -> float:
    """NaN where none is finite."""
    kept = values[np.isfinite(values)]
    return float(np.median(kept)) if len(kept) else float("nan")
