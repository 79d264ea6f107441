import pytest

from backlight.intervals import Interval
from backlight.reproduction.verdicts import Claim, Measurement


@pytest.mark.parametrize(
    ("low", "high", "bounds", "verdict"),
    [
        (0.6, 0.8, {"above": 0.5}, "holds"),
        (0.4, 0.8, {"above": 0.5}, "cannot tell"),
        (0.1, 0.4, {"above": 0.5}, "does not hold"),
        (0.1, 0.4, {"below": 0.5}, "holds"),
        (-0.01, 0.01, {"above": -0.02, "below": 0.02}, "holds"),
        (-0.03, 0.01, {"above": -0.02, "below": 0.02}, "cannot tell"),
        (0.03, 0.05, {"above": -0.02, "below": 0.02}, "does not hold"),
        (float("nan"), float("nan"), {"above": 0.0}, "cannot tell"),
    ],
)
def test_a_part(low, high, bounds, verdict):
    assert Measurement("quantity", Interval((low + high) / 2, low, high, 9), **bounds).verdict == verdict


def test_a_claim_stands_or_falls_with_its_parts():
    yes = Measurement("a", Interval(1, 0.9, 1.1, 9), above=0)
    unsure = Measurement("b", Interval(0, -1, 1, 9), above=0)
    no = Measurement("c", Interval(-1, -1.1, -0.9, 9), above=0)
    assert Claim("C", "", [yes, yes]).verdict == "holds"
    assert Claim("C", "", [yes, unsure]).verdict == "cannot tell"
    assert Claim("C", "", [yes, unsure, no]).verdict == "does not hold"
