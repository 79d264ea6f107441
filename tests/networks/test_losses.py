import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from backlight.networks.losses import cross_entropy, cross_entropy_gradient, l2_penalty, log_softmax, softmax

LOGITS = arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(2, 5)), elements=st.floats(-800, 800))


@given(LOGITS)
def test_probabilities_are_positive_rows_that_sum_to_one(logits):
    probabilities = softmax(logits)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1)
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(np.exp(log_softmax(logits)), probabilities, atol=1e-12)


@given(LOGITS, st.floats(-1000, 1000))
def test_a_shift_of_all_logits_changes_nothing(logits, shift):
    np.testing.assert_allclose(softmax(logits + shift), softmax(logits), atol=1e-10)


def test_cross_entropy_by_hand():
    logits = np.log([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]])
    assert cross_entropy(logits, np.array([0, 1])) == pytest.approx(-(np.log(0.7) + np.log(0.8)) / 2)


def test_cross_entropy_stays_finite_where_log_of_a_probability_would_not():
    assert cross_entropy(np.array([[0.0, 2000.0]]), np.array([0])) == 2000.0


def test_gradient_rows_sum_to_zero_and_are_divided_by_the_samples():
    logits, y = np.zeros((4, 2)), np.array([0, 1, 1, 0])
    gradient = cross_entropy_gradient(logits, y)
    np.testing.assert_allclose(gradient.sum(axis=1), 0)
    np.testing.assert_allclose(np.abs(gradient), 0.5 / 4)


def test_l2_penalty_by_hand():
    assert l2_penalty(np.array([[1.0, 2.0], [0.0, 2.0]]), 0.1) == pytest.approx(0.45)
