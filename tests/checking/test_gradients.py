"""Central differences and the curl test, on functions whose derivatives are known."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backlight.checking.feed import feeds
from backlight.checking.gradients import (
    CURL_TOLERANCE,
    ENTRIES,
    TOLERANCE,
    Sampled,
    curl,
    curl_of,
    numeric_gradients,
    relative_error,
)
from backlight.checking.store import Slot
from backlight.checking.subject import Subject, generic_values

seeds = st.integers(0, 2**32 - 1)


class Function(Subject):
    """A scalar function of some arrays, with a gradient that may or may not be its own."""

    accumulates = False
    has_loss = True
    description = "a function"

    def __init__(self, function, gradient, *values):
        held = {f"x{index}": np.array(value, dtype=float) for index, value in enumerate(values)}
        self.slots = [Slot(held, (key,)) for key in held]
        self.feed = feeds(2, 2)[0]
        self.function, self.gradient = function, gradient

    def loss(self):
        return float(self.function(*self.values()))

    def gradients(self):
        return self.gradient(*self.values())

    def outputs(self):
        return None

    def rebuilt(self, program):
        return self


def quadratic(seed):
    """½ xᵀAx + cᵀx + x₀ y sin, in two arrays of different shapes."""
    rng = np.random.default_rng(seed)
    A, c = rng.normal(size=(6, 6)), rng.normal(size=(2, 2))

    def function(x, y):
        return 0.5 * x.ravel() @ A @ x.ravel() + (c * y).sum() + np.sin(x[0, 0] * y[1, 1])

    def gradient(x, y):
        by_x, by_y = (0.5 * (A + A.T) @ x.ravel()).reshape(x.shape), c.copy()
        slope = np.cos(x[0, 0] * y[1, 1])
        by_x[0, 0] += slope * y[1, 1]
        by_y[1, 1] += slope * x[0, 0]
        return [by_x, by_y]

    return Function(function, gradient, rng.normal(size=(3, 2)), rng.normal(size=(2, 2)))


@given(seeds)
@settings(max_examples=40)
def test_central_differences_are_the_derivative(seed):
    subject = quadratic(seed)
    values = generic_values(subject, seed % 100)
    numeric = numeric_gradients(subject, values, seed % 100)
    assert [n.indices.tolist() for n in numeric] == [list(range(6)), list(range(4))]
    for exact, found, value in zip(subject.gradient(*values), numeric, values, strict=True):
        np.testing.assert_allclose(found.values, exact.ravel(), rtol=1e-6, atol=1e-7)
        assert relative_error(exact, found, value.shape) < TOLERANCE / 10
    assert all(np.array_equal(a, b) for a, b in zip(subject.values(), values, strict=True))


@given(seeds, st.floats(1e-3, 10), st.integers(0, 5))
@settings(max_examples=40)
def test_one_wrong_entry_is_seen(seed, by, entry):
    subject = quadratic(seed)
    values = generic_values(subject, 1)
    (numeric, _), (exact, _) = numeric_gradients(subject, values), subject.gradient(*values)
    exact.flat[entry] += by * (1 + np.linalg.norm(exact))
    assert relative_error(exact, numeric, exact.shape) > TOLERANCE


@given(seeds, st.floats(-3, 3))
@settings(max_examples=30)
def test_the_derivative_of_anything_has_no_curl(seed, factor):
    """Also of another function than the loss: twice it, or its negative."""
    subject = quadratic(seed)
    gradient = subject.gradient
    subject.gradient = lambda *values: [factor * each for each in gradient(*values)]
    assert curl_of(subject) < CURL_TOLERANCE


@given(seeds, st.floats(0.1, 3))
@settings(max_examples=30)
def test_what_is_no_derivative_has_curl(seed, twist):
    """A matrix that is not symmetric times x is the gradient of nothing."""
    rng = np.random.default_rng(seed)
    A, B = rng.normal(size=(2, 5, 5))
    J = A + A.T + twist * (B - B.T)
    assert curl(lambda values: J @ values[0], [rng.normal(size=5)]) > CURL_TOLERANCE


def test_a_factor_in_one_tensor_has_curl():
    subject = quadratic(3)
    gradient = subject.gradient
    subject.gradient = lambda x, y: [2 * gradient(x, y)[0], gradient(x, y)[1]]
    assert curl_of(subject) > CURL_TOLERANCE


def test_parameters_are_as_they_were():
    subject = quadratic(5)
    before = subject.values()
    curl_of(subject)
    assert all(np.array_equal(a, b) for a, b in zip(subject.values(), before, strict=True))


def test_a_kink_inside_the_step_is_left_out():
    subject = Function(lambda x: np.abs(x).sum(), lambda x: [np.sign(x)], np.zeros(3))
    values = [np.array([0.3, 2e-6, -0.2])]
    (numeric,) = numeric_gradients(subject, values)
    assert np.isnan(numeric.values).tolist() == [False, True, False]
    assert relative_error(np.sign(values[0]), numeric, (3,)) < 1e-9


def test_large_tensors_are_sampled():
    subject = Function(lambda x: (x**2).sum() / 2, lambda x: [x], np.ones((30, 20)))
    values = generic_values(subject, 2)
    (numeric,) = numeric_gradients(subject, values)
    assert len(set(numeric.indices)) == ENTRIES
    np.testing.assert_allclose(numeric.values, values[0].flat[numeric.indices], rtol=1e-5, atol=1e-9)


def test_zero_and_zero_agree():
    assert relative_error(np.zeros(2), Sampled(np.arange(2), np.zeros(2)), (2,)) == 0.0


@pytest.mark.parametrize("gradient", [None, np.zeros((3, 1)), np.zeros(2)])
def test_a_gradient_of_another_shape_is_wrong(gradient):
    assert relative_error(gradient, Sampled(np.arange(3), np.zeros(3)), (3,)) == 1.0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_no_number_is_never_right(bad):
    error = relative_error(np.array([1.0, bad]), Sampled(np.arange(2), np.array([1.0, 2.0])), (2,))
    assert not error <= TOLERANCE


def test_a_loss_that_is_no_number_is_left_out():
    subject = Function(lambda x: np.nan, lambda x: [x], np.ones(2))
    (numeric,) = numeric_gradients(subject, [np.ones(2)])
    assert np.isnan(numeric.values).all()


def test_missing_gradients_count_as_zero_in_the_curl():
    subject = quadratic(7)
    gradient = subject.gradient
    subject.gradient = lambda x, y: [gradient(x, y)[0], None]
    assert curl_of(subject) > CURL_TOLERANCE  # x₀ y sin couples the two


def test_generic_values_depend_on_the_seed_alone():
    subject = SimpleNamespace(values=lambda: [np.zeros((3, 2)), np.zeros((1, 2))])
    first, again, other = (generic_values(subject, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
    assert all(np.all(value != 0) for value in first)
