"""What tells two conditions of a study apart, and how many seeds that would take."""

from dataclasses import dataclass

import numpy as np

from backlight.intervals import Interval


@dataclass(frozen=True)
class Comparison:
    """The second condition against the first.

    Attributes:
        first, second: their labels.
        success_rate: difference of the rates with Newcombe's interval.
        test_accuracy: mean difference of the held-out accuracy over shared seeds, with Student's t interval.
        seeds_needed: networks of each needed to tell such a difference of rates from 0 four times in five.
    """

    first: str
    second: str
    success_rate: Interval
    test_accuracy: Interval
    seeds_needed: float

    @property
    def told(self) -> bool:
        """Whether the interval of the success rates' difference leaves out 0."""
        return self.success_rate.low > 0 or self.success_rate.high < 0

    def __str__(self) -> str:
        needed = (
            "no number of seeds would tell equal rates"
            if np.isinf(self.seeds_needed)
            else f"{self.seeds_needed:,.0f} seeds of each would be enough"
        )
        verdict = "differ" if self.told else f"are not told apart; {needed}"
        return f"success rate, {self.second} − {self.first}: {self.success_rate}: they {verdict}"
