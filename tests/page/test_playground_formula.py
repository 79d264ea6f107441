"""A formula is read as a tree of a few operations: allowed ones agree with Python, others do nothing at all."""

import math
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backlight.errors import SettingsError
from backlight.page.playground.formula import FUNCTIONS, formula_values

X = np.array([-1.0, -0.3, 0.0, 0.7, 1.0])
PYTHON = {name: getattr(math, name) for name in ("sin", "cos", "tan", "tanh", "exp", "log", "sqrt")} | {
    "abs": math.fabs,
    "sign": lambda x: math.copysign(1.0, x) if x else 0.0,
    "pi": math.pi,
    "e": math.e,
}
LEAVES = st.sampled_from(["x", "pi", "e", "1.0", "0.5", "2.0", "3.25", "1e-2"])
TREES = st.recursive(
    LEAVES,
    lambda parts: st.one_of(
        st.tuples(parts, st.sampled_from("+-*/^"), parts).map(lambda three: f"({three[0]} {three[1]} {three[2]})"),
        st.tuples(st.sampled_from("+-"), parts).map(lambda two: f"({two[0]}{two[1]})"),
        st.tuples(st.sampled_from(sorted(FUNCTIONS)), parts).map(lambda two: f"{two[0]}({two[1]})"),
    ),
    max_leaves=8,
)


def by_python(text: str, x: float) -> float | None:
    """None where Python's floats have no answer and NumPy's NaN or ∞."""
    try:
        found = eval(text.replace("^", "**"), {"__builtins__": {}}, {**PYTHON, "x": x})
    except (ValueError, ZeroDivisionError, OverflowError, TypeError):  # the last for functions of a complex number
        return None
    return None if isinstance(found, complex) else float(found)


@given(TREES)
@settings(max_examples=300, deadline=None, derandomize=True)  # a sine of a huge number is all rounding
def test_allowed_trees_are_what_python_makes_of_them(text):
    found = formula_values(text, X)
    assert found.shape == X.shape
    assert found.dtype == np.float64
    for x, value in zip(X, found, strict=True):
        expected = by_python(text, float(x))
        if expected is not None and math.isfinite(expected) and abs(expected) < 1e100:
            assert value == pytest.approx(expected, rel=1e-6, abs=1e-9), text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1/0", np.inf), ("-1/0", -np.inf), ("log(0)", -np.inf), ("sqrt(-1)", np.nan), ("0/0", np.nan),
     ("(-8)^0.5", np.nan), ("exp(1000)", np.inf), ("  x - x ", 0.0), ("-2^2", -4.0),
     ("2^3^2", 512.0), ("+3", 3.0)],
)  # fmt: skip
def test_where_a_formula_is_not_defined_it_is_not_a_number(text, expected):
    np.testing.assert_array_equal(formula_values(text, X), np.full(5, expected))


@pytest.mark.parametrize(
    "text",
    ["__import__('os').mkdir('made')", "().__class__", "x.real", "x.__class__.__mro__", "open('made', 'w')",
     "eval('1')", "(lambda: 1)()", "[y for y in (1, 2)]", "x if x else 1", "x and 1", "not x", "x == 1", "x < 1",
     "~x", "x // 2", "x % 2", "x @ x", "x << 1", "x | 1", "'x'", "b'x'", "1j", "True", "None", "...", "y", "print",
     "sin", "sin()", "sin(x, x)", "sin(x=x)", "sin(*x)", "sin(**x)", "x(1)", "sin.x(1)", "(x := 1)", "f'{x}'",
     "x[0]", "(x,)", "{x}", "await x", "*x"],
)  # fmt: skip
def test_anything_else_is_refused_and_not_executed(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"not allowed in a formula|cannot be read as a formula"):
        formula_values(text, X)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "text",
    ["", "   ", "x +", "import os", "x = 1", "x; x", "x\nx", "(", ")", "\x00", "x\x00", "1 2", "²", "x²", "sin x",
     "(" * 100, "-" * 150 + "x", "+".join("x" * 90), "9" * 5000, "\ud800"],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_words(text):
    with pytest.raises(SettingsError, match=r"cannot be read as a formula in x|too long"):
        formula_values(text, X)


@pytest.mark.parametrize(
    "text", ["9**9**9**9", "9^9^9^9^9^9^9", "x^9^9^9^9", "(9^9^9)^(9^9)", "exp(exp(exp(9)))", "9" * 190]
)
def test_large_powers_come_to_an_end(text):
    """As whole numbers they would take years."""
    assert formula_values(text, X).shape == X.shape
