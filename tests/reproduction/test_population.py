from itertools import product

import numpy as np
import pytest

from backlight.engine.memory import flatten, network_of
from backlight.engine.outcome import Outcome
from backlight.networks.mistakes import REPORTED_MISTAKES, Mistakes
from backlight.reproduction.geometry import stack_flat_share, stack_sharpness
from backlight.reproduction.jobs import population_blocks, population_outcomes
from backlight.reproduction.population import Condition, moons
from backlight.training.gradient_descent import descend
from backlight.training.optimizers import GradientDescent

RELU = Condition((2, 4, 3, 2), "relu", 2.0, 5e-5, 60)
TANH = Condition((2, 3, 2), "tanh", 2.0, 5e-5, 60)


@pytest.mark.parametrize("present", list(product((True, False), repeat=3)))
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_the_engine_makes_the_mistakes_that_the_readable_gradients_make(present, activation):
    mistakes = Mistakes(*present)
    condition = Condition((2, 4, 3, 2), activation, 0.01 if mistakes.summed_gradients else 0.5, 0.01, 20, mistakes)
    outcome = condition.train([5, 6], dtype=np.float64)
    for number, seed in enumerate((5, 6)):
        network, points = mistakes.initial_network(condition.sizes, activation, seed), moons(seed)
        optimizer = GradientDescent(network.parameters, condition.learning_rate)
        batches = [(points.X, points.y)] * condition.passes
        for _ in descend(network, optimizer, batches, condition.l2, mistakes.gradients):
            pass
        np.testing.assert_allclose(outcome.parameters[number], flatten(network.parameters), rtol=1e-8, atol=1e-11)


def test_the_absorbing_state_is_seen():
    outcome = Condition((2, 4, 3, 2, 2), "relu", 0.01, 0.01, 30, REPORTED_MISTAKES).train(range(20))
    stuck = outcome.gradient_is_zero[-1]
    assert stuck.any()
    np.testing.assert_array_equal(stuck, outcome.logits_nonpositive[-1])
    never_left = outcome.logits_nonpositive[:-1] <= outcome.logits_nonpositive[1:]
    assert never_left.all()


def test_finished_blocks_are_not_done_again(tmp_path, monkeypatch):
    monkeypatch.setattr("backlight.training.blocks.MOST_SEEDS", 20)
    blocks = population_blocks([TANH, RELU, TANH], seeds=22, folder=tmp_path)
    assert [block.count for block in blocks] == [20, 2, 20, 2]
    for block in blocks:
        block.run()
    monkeypatch.setattr("backlight.reproduction.population.train_population", None)  # calling it would fail
    for block in blocks:
        block.run()
    outcome = population_outcomes(blocks)[TANH]
    assert outcome.test_accuracy.shape[1] == 22
    (other, *_) = population_blocks([Condition((2, 3, 2), "tanh", 2.0, 5e-5, 61)], 22, tmp_path)
    assert other.outcome() is None
    blocks[0].path.write_bytes(b"damaged")
    assert blocks[0].outcome() is None


@pytest.mark.parametrize("slope", [1.0, 8.0])
def test_geometry_of_a_plane(slope):
    network = network_of((2, 2), "tanh", np.array([[0, slope, 0, 0, 0, 0]]))  # one network whose margin is slope · x
    np.testing.assert_allclose(stack_sharpness(network), slope / 4)
    np.testing.assert_allclose(stack_flat_share(network), 1.0)


def test_geometry_tells_rectifiers_from_sigmoids():
    relu, tanh = RELU.train(range(3)), TANH.train(range(3))
    assert isinstance(relu, Outcome)
    assert (stack_flat_share(relu.networks()) > 0.8).all()
    assert (stack_flat_share(tanh.networks()) < 0.1).all()
    assert np.isnan(stack_sharpness(network_of((2, 3, 2), "tanh", np.zeros((1, 17))))).all()
