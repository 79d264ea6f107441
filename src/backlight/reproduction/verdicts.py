"""Claims as bounded quantities: what was measured, with its interval, and what that says of the claim."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from backlight.intervals import Interval

Verdict = Literal["holds", "does not hold", "cannot tell"]


@dataclass(frozen=True)
class Measurement:
    """One checkable part of a claim: a quantity that, if the claim is true, lies between `above` and `below`."""

    quantity: str
    interval: Interval
    above: float = float("-inf")
    below: float = float("inf")

    @property
    def verdict(self) -> Verdict:
        """Holds if the whole interval lies inside the bounds, does not if it lies outside, else cannot tell."""
        if self.above <= self.interval.low and self.interval.high <= self.below:
            return "holds"
        if self.interval.high < self.above or self.interval.low > self.below:
            return "does not hold"
        return "cannot tell"

    @property
    def expectation(self) -> str:
        if self.above == float("-inf"):
            return f"< {self.below:g}"
        if self.below == float("inf"):
            return f"> {self.above:g}"
        return f"{self.above:g} … {self.below:g}"


@dataclass(frozen=True)
class Claim:
    """A sentence of the source report and the measurements that it stands or falls with."""

    code: str
    sentence: str
    measurements: Sequence[Measurement]

    @property
    def verdict(self) -> Verdict:
        """Holds if all parts do; does not hold if one does not."""
        verdicts = {measurement.verdict for measurement in self.measurements}
        if "does not hold" in verdicts:
            return "does not hold"
        return "holds" if verdicts == {"holds"} else "cannot tell"
