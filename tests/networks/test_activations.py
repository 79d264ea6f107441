import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlight.networks.activations import ACTIVATIONS, LEAKY_SLOPE, relu_derivative

AWAY_FROM_ZERO = st.floats(1e-3, 20).flatmap(lambda size: st.sampled_from([size, -size]))


@pytest.mark.parametrize("name", ACTIVATIONS)
@given(z=AWAY_FROM_ZERO)
def test_derivative_is_the_slope(name, z):
    activation = ACTIVATIONS[name]
    point, step = np.array([z]), 1e-5
    slope = (activation.function(point + step) - activation.function(point - step)) / (2 * step)
    np.testing.assert_allclose(activation.derivative(point, activation.function(point)), slope, atol=1e-9)


def test_rectifiers_by_hand():
    z = np.array([-2.0, 0.0, 3.0])
    np.testing.assert_array_equal(ACTIVATIONS["relu"].function(z), [0, 0, 3])
    np.testing.assert_array_equal(relu_derivative(z, z), [0, 0, 1])
    np.testing.assert_allclose(ACTIVATIONS["leaky_relu"].function(z), [-2 * LEAKY_SLOPE, 0, 3])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_no_overflow_at_huge_values(name):
    z = np.array([-1e6, -800.0, 800.0, 1e6])
    with np.errstate(all="raise", under="ignore"):
        activation = ACTIVATIONS[name].function(z)
        derivative = ACTIVATIONS[name].derivative(z, activation)
    assert np.isfinite(activation).all()
    assert np.isfinite(derivative).all()
