import numpy as np
import pytest

from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.reproduction.born_dead import DEEP_SIZES, blocked_probability, born_dead, gated_probability, measure


@pytest.mark.parametrize(
    ("sizes", "blocked", "gated"),
    [((2, 3, 2), 0.125, 0.34375), ((2, 6, 2), 0.015625, 0.26171875), ((2, 4, 3, 2, 2), 0.384765625, 0.53857421875)],
)
def test_formulas(sizes, blocked, gated):
    assert blocked_probability(sizes) == pytest.approx(blocked)
    assert gated_probability(sizes) == pytest.approx(gated)


def test_formula_and_measurement_agree():
    """One generic sample a network: the formula is exact, so its interval should hold it (fixed seeds)."""
    sample = [np.array([[0.7, -0.3]])] * 2000
    found = measure((2, 4, 3, 2, 2), sample)
    assert found.blocked.low < found.blocked_formula < found.blocked.high
    assert found.gated.low < found.gated_formula < found.gated.high


def test_what_is_counted():
    X = np.array([[1.0, 1.0], [-1.0, 2.0]])
    found = measure((2, 3, 2), [X])
    layer = DeepNeuralNetwork((2, 3, 2), "relu", 0).layers[0]
    on = X @ layer.weights > 0
    assert found.blocked.estimate == (~on.any(axis=1)).mean()
    assert found.silent.estimate == float((~on.any(axis=0)).any())


def test_narrow_deep_networks_are_born_dead():
    rows = {row.sizes: row for row in born_dead(100)}
    assert rows[DEEP_SIZES[0]].dead.estimate > 0.8 > rows[DEEP_SIZES[2]].dead.estimate
    assert all(row.dead.low <= row.blocked_formula for row in rows.values())  # the formula is a bound
