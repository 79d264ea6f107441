"""95 % confidence intervals for rates and means over seeds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

CONFIDENCE = 0.95
COUNTED = 100  # up to so many seeds probabilities are counted, not approximated


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


def rate_difference(first: ArrayLike, second: ArrayLike) -> Interval:
    """Rate of `second` − rate of `first`, with Newcombe's interval from the two Wilson intervals (1998, method 10).

    It takes the two samples for independent. Where they share seeds, and with them data, it is wider than need be.

    >>> print(rate_difference([True] * 9 + [False], [True] * 10))
    0.1 [-0.1894, 0.4042], n = 10
    """
    before, after = rate_interval(first), rate_interval(second)
    difference = after.estimate - before.estimate
    down = np.hypot(after.estimate - after.low, before.high - before.estimate)
    up = np.hypot(after.high - after.estimate, before.estimate - before.low)
    return Interval(difference, float(difference - down), float(difference + up), min(before.n, after.n))


def seeds_to_tell(first: float, second: float, power: float = 0.8) -> float:
    """Networks of each kind needed for the interval of `rate_difference` to leave out 0 with probability `power`.

    If `first` and `second` are the true rates; infinite if they are the same. For more than 100 seeds by the usual
    formula (z_{1−α/2} + z_power)² (p(1 − p) + q(1 − q)) / (p − q)²; up to there counted over all outcomes.

    >>> seeds_to_tell(0.5, 0.6), seeds_to_tell(0.0, 1.0)
    (385.0, 2.0)
    """
    from scipy.stats import norm

    if first == second:
        return float("inf")
    quantiles = norm.ppf((1 + CONFIDENCE) / 2) + norm.ppf(power)
    spread = first * (1 - first) + second * (1 - second)
    needed = int(np.ceil(quantiles**2 * spread / (first - second) ** 2))
    while needed <= COUNTED and probability_to_tell(first, second, needed) < power:
        needed += 1
    return float(needed)


def probability_to_tell(first: float, second: float, n: int) -> float:
    """Probability that Newcombe's interval leaves out 0, for two independent samples of n with these true rates."""
    from scipy.stats import binom

    if n == 0:
        return 0.0
    intervals = [rate_interval(np.arange(n) < hits) for hits in range(n + 1)]
    rate, low, high = (np.array([getattr(each, name) for each in intervals]) for name in ("estimate", "low", "high"))
    below, above = rate - low, high - rate
    difference = rate[None, :] - rate[:, None]  # second − first: rows are the first's outcomes
    told = (difference > np.hypot(below[None, :], above[:, None])) | (
        -difference > np.hypot(above[None, :], below[:, None])
    )
    return float(binom.pmf(np.arange(n + 1), n, first) @ told @ binom.pmf(np.arange(n + 1), n, second))
