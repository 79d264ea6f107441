import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlight.intervals import mean_interval, rate_interval


@given(st.integers(1, 200), st.data())
def test_wilson_by_its_formula(n, data):
    k = data.draw(st.integers(0, n))
    z, p = 1.959963984540054, k / n
    centre, half = p + z * z / (2 * n), z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    interval = rate_interval([True] * k + [False] * (n - k))
    assert interval.low == pytest.approx((centre - half) / (1 + z * z / n), abs=1e-9)
    assert interval.high == pytest.approx((centre + half) / (1 + z * z / n), abs=1e-9)


def test_no_outcomes_say_nothing():
    assert (rate_interval([]).low, rate_interval([]).high) == (0, 1)
    assert mean_interval([]).high == np.inf
    assert mean_interval([3.0]).estimate == 3.0


def test_the_mean_interval_covers_the_mean_about_95_times_in_100():
    samples = np.random.default_rng(0).normal(2, 3, (4000, 8))
    covered = [interval.low <= 2 <= interval.high for interval in map(mean_interval, samples)]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.012)


def test_nan_is_left_out_and_not_counted():
    assert mean_interval([1.0, np.nan, 3.0]).n == 2
