"""Which steps are recorded, so that watching costs no more than it may."""

import math
from dataclasses import dataclass, field

FIRST_STEPS = 10  # recorded without exception: what goes wrong at the start is decided there
LONGEST_PAUSE = 1000  # steps, where the norms of every step alone use up the budget
FORGETTING = 0.1  # weight of the latest step in the running means


@dataclass
class Schedule:
    """Decides after each recorded step which one is recorded next.

    Args:
        every: record each step whose number it divides; the budget then does not matter.
        budget: largest share of the training's own time that watching may cost, 0…1; None for every step.

    Attributes:
        steps, recorded: steps seen, and those of them that were recorded.
        watching, training: seconds spent so far, on watching and on the training itself.
    """

    every: int | None
    budget: float | None
    steps: int = 0
    recorded: int = 0
    watching: float = 0.0
    training: float = 0.0
    _typical: float = field(default=0.0, repr=False)  # seconds of a step of the training itself
    _full: float = field(default=0.0, repr=False)  # seconds that recording a step costs
    _light: float = field(default=0.0, repr=False)  # seconds that the norms of a step cost

    @property
    def share(self) -> float:
        """Time spent on watching over that of the training itself."""
        return self.watching / self.training if self.training else 0.0

    def note(self, recorded: bool, watching: float, training: float | None) -> None:
        """Takes down what a step cost, in seconds; `training` is None for the first step, whose start is unknown."""
        self.steps += 1
        self.watching += watching
        if recorded:
            self.recorded += 1
            self._full = forgetting_mean(self._full, watching)
        else:
            self._light = forgetting_mean(self._light, watching)
        if training is not None:
            # a pause between two steps (validation, a breakpoint) is no time in which watching was free
            counted = min(training, 3 * self._typical) if self._typical else training
            self._typical = forgetting_mean(self._typical, counted)
            self.training += counted

    def next_after(self, step: int) -> int:
        """The step to record next, after `step` has been."""
        if self.every is not None:
            return (step // self.every + 1) * self.every
        if self.budget is None or self.steps < FIRST_STEPS:
            return step + 1
        left = self.budget * self._typical - self._light  # what a step without recording puts by
        if left <= 0:
            return step + LONGEST_PAUSE
        needed = self.watching + self._full - self._light - self.budget * self.training
        return step + max(1, math.ceil(needed / left))


def forgetting_mean(mean: float, value: float) -> float:
    return mean + FORGETTING * (value - mean) if mean else value
