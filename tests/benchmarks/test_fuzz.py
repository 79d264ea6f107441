"""A fast share of `make fuzz`: of bad input comes an answer or an error in words."""

import os

import pytest

pytest.importorskip("starlette")

from benchmarks.fuzz.__main__ import all_targets
from benchmarks.fuzz.feeding import fed
from benchmarks.fuzz.targets import TARGETS, Target
from hypothesis import strategies as st

CASES = 500  # of all targets together
ALL = all_targets()


def plainly(call, drawn):
    """pytest has a limit of its own for what hangs."""
    call(drawn)


@pytest.fixture
def here():
    """Command lines run in a folder of their own."""
    place = os.getcwd()
    yield
    os.chdir(place)


@pytest.mark.parametrize("target", ALL, ids=lambda target: target.name)
def test_bad_input_is_refused_in_words(target, here):
    found = fed(target, max(15, round(CASES * target.share)), 1, plainly)
    assert found["failures"] == []
    assert found["cases"] >= 15


def test_an_exception_of_any_other_kind_is_a_failure():
    def divide(number):
        return 1 // number

    found = fed(Target("division", st.sampled_from([0, 1]), divide, 1.0), 30, 0, plainly)
    assert found["failed"] > 0
    assert "ZeroDivisionError" in found["failures"][0]["at"]


def test_the_shares_are_those_of_one_whole():
    assert sum(target.share for target in ALL) == pytest.approx(1.0)
    assert len({target.name for target in ALL}) == len(TARGETS) + 1
