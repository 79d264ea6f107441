"""95 % confidence intervals for rates and means over seeds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate from `n` independent values and the bounds of its 95 % confidence interval."""

    estimate: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.estimate:.4g} [{self.low:.4g}, {self.high:.4g}], n = {self.n}"


def rate_interval(successes: ArrayLike) -> Interval:
    """Share of True among n outcomes, with Wilson's score interval (Wilson 1927).

    >>> print(rate_interval([True] * 20))
    1 [0.8389, 1], n = 20
    """
    from scipy.stats import binomtest

    outcomes = np.asarray(successes, dtype=bool)
    if outcomes.size == 0:
        return Interval(float("nan"), 0.0, 1.0, 0)
    result = binomtest(int(outcomes.sum()), outcomes.size)
    low, high = result.proportion_ci(CONFIDENCE, method="wilson")
    return Interval(float(outcomes.mean()), float(low), float(high), outcomes.size)


def mean_interval(values: ArrayLike) -> Interval:
    """Mean of n values with Student's t interval; NaN values are left out, and n says how many were not.

    >>> print(mean_interval([1.0, 2.0, 3.0]))
    2 [-0.4841, 4.484], n = 3
    """
    from scipy.stats import t

    sample = np.asarray(values, dtype=np.float64)
    sample = sample[~np.isnan(sample)]
    if sample.size < 2:
        estimate = float(sample[0]) if sample.size else float("nan")
        return Interval(estimate, -np.inf, np.inf, sample.size)
    half = float(t.ppf((1 + CONFIDENCE) / 2, sample.size - 1)) * sample.std(ddof=1) / np.sqrt(sample.size)
    return Interval(float(sample.mean()), float(sample.mean() - half), float(sample.mean() + half), sample.size)
