import numpy as np
import pytest

from backlight.networks.deep_network import unstack
from backlight.reproduction.geometry import boundary_sharpness, flat_share, saturated_share
from backlight.reproduction.jobs import PopulationJob, population_jobs, population_outcomes
from backlight.reproduction.mistakes import REPORTED_MISTAKES
from backlight.reproduction.population import Condition, joined, moons_stack, train_condition

RELU = Condition((2, 4, 3, 2), "relu", 2.0, 5e-5, 60)
TANH = Condition((2, 3, 2), "tanh", 2.0, 5e-5, 60)


def test_a_seed_is_the_same_in_any_company():
    together = train_condition(RELU, range(5))
    alone = train_condition(RELU, [3])
    np.testing.assert_allclose(together.train_loss[:, 3], alone.train_loss[:, 0], rtol=1e-6)
    parts = joined([train_condition(RELU, range(2)), train_condition(RELU, range(2, 5))])
    np.testing.assert_allclose(parts.test_accuracy, together.test_accuracy, atol=2e-3)


def test_curves_begin_before_training_and_end_after_it():
    outcome = train_condition(TANH, range(3))
    assert (outcome.looks[0], outcome.looks[-1]) == (0, 60)
    assert outcome.train_loss.shape == (len(outcome.looks), 3)
    assert (outcome.train_loss[-1] < outcome.train_loss[0]).all()
    X, y = moons_stack(tuple(range(3)), held_out=True)
    np.testing.assert_allclose(outcome.test_accuracy[-1], (outcome.network().predict(X) == y).mean(-1))


def test_the_absorbing_state_is_seen():
    outcome = train_condition(Condition((2, 4, 3, 2, 2), "relu", 0.01, 0.01, 30, REPORTED_MISTAKES), range(20))
    stuck = outcome.gradient_is_zero[-1]
    assert stuck.any()
    np.testing.assert_array_equal(stuck, outcome.logits_nonpositive[-1])
    never_left = outcome.logits_nonpositive[:-1] <= outcome.logits_nonpositive[1:]
    assert never_left.all()


def test_finished_jobs_are_not_done_again(tmp_path, monkeypatch):
    jobs = population_jobs([TANH, RELU, TANH], seeds=22, folder=tmp_path)
    assert [len(job.seeds) for job in jobs] == [20, 2, 20, 2]
    for job in jobs:
        job.run()
    monkeypatch.setattr("backlight.reproduction.jobs.train_condition", None)  # calling it would fail
    for job in jobs:
        job.run()
    outcome = population_outcomes(jobs)[TANH]
    assert outcome.test_accuracy.shape[1] == 22
    other = PopulationJob(Condition((2, 3, 2), "tanh", 2.0, 5e-5, 61), jobs[0].seeds, tmp_path)
    assert other.outcome() is None
    jobs[0].path.write_bytes(b"damaged")
    assert jobs[0].outcome() is None


def linear_stack(slope):
    """One network whose margin is slope · x."""
    network = train_condition(Condition((2, 2), "tanh", 0.1, 0.0, 1), [0]).network()
    network.layers[0].weights[...] = [[[0, slope], [0, 0]]]
    network.layers[0].biases[...] = 0
    return network


@pytest.mark.parametrize("slope", [1.0, 8.0])
def test_geometry_of_a_plane(slope):
    network = linear_stack(slope)
    np.testing.assert_allclose(boundary_sharpness(network), slope / 4)
    np.testing.assert_allclose(flat_share(network), 1.0)


def test_geometry_tells_rectifiers_from_sigmoids():
    relu, tanh = train_condition(RELU, range(3)).network(), train_condition(TANH, range(3)).network()
    assert (flat_share(relu) > 0.8).all()
    assert (flat_share(tanh) < 0.1).all()
    dead = unstack(tanh, 0)
    for parameter in dead.parameters:
        parameter[...] = 0
    assert np.isnan(boundary_sharpness(dead))


def test_saturated_share():
    network = train_condition(Condition((2, 3, 2), "sigmoid", 0.1, 0.0, 1), [0]).network()
    X, _ = moons_stack((0,))
    network.layers[0].weights[...] = 0
    network.layers[0].biases[...] = [[[100.0, -100.0, 0.0]]]
    np.testing.assert_allclose(saturated_share(network, X), 2 / 3)
