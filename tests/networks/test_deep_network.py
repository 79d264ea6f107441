import itertools

import numpy as np
import pytest

from backlight.engine.memory import flatten, network_of
from backlight.networks.activations import ACTIVATIONS
from backlight.networks.deep_network import DeepNeuralNetwork

SIZES = [[2, 3], [2, 3, 3], [2, 6, 3], [2, 4, 3, 3], [2, 4, 3, 2, 3]]


def generic_network(sizes, activation, classes, rng):
    """Random biases too: at zero bias whole layers can sit on a kink, where the derivative is undefined."""
    network = DeepNeuralNetwork([*sizes[:-1], classes], activation, rng)
    for parameter in network.parameters:
        parameter += rng.normal(0, 0.3, parameter.shape)
    return network


def central_differences(network, X, y, l2, step=1e-5):
    numeric = []
    for parameter in network.parameters:
        gradient = np.empty_like(parameter)
        for index in np.ndindex(*parameter.shape):
            before = parameter[index]
            parameter[index] = before + step
            above = network.objective(X, y, l2)
            parameter[index] = before - step
            below = network.objective(X, y, l2)
            parameter[index] = before
            gradient[index] = (above - below) / (2 * step)
        numeric.append(gradient)
    return numeric


@pytest.mark.parametrize(
    ("activation", "sizes", "classes", "l2"), list(itertools.product(ACTIVATIONS, SIZES, (2, 3), (0.0, 0.01)))
)
def test_gradients_agree_with_central_differences(activation, sizes, classes, l2):
    rng = np.random.default_rng(3)
    network = generic_network(sizes, activation, classes, rng)
    X, y = rng.normal(size=(7, 2)), np.arange(7) % classes
    analytic, numeric = network.gradients(X, y, l2), central_differences(network, X, y, l2)
    for a, n in zip(analytic, numeric, strict=True):
        np.testing.assert_allclose(a, n, rtol=0, atol=1e-7)


def test_a_wrong_gradient_would_be_noticed(rng):
    """The comparison above is not blind: leave out λW and it fails."""
    network = generic_network([2, 4, 3, 2], "tanh", 2, rng)
    X, y = rng.normal(size=(7, 2)), np.arange(7) % 2
    numeric = central_differences(network, X, y, 0.01)
    assert max(np.abs(a - n).max() for a, n in zip(network.gradients(X, y, 0.0), numeric, strict=True)) > 1e-4


def test_initial_weights_have_the_stated_deviation():
    network = DeepNeuralNetwork([400, 300, 2], "relu", seed=0)
    assert network.layers[0].weights.std() == pytest.approx(1 / 20, rel=0.02)
    assert network.layers[1].weights.std() == pytest.approx(1 / np.sqrt(300), rel=0.1)
    assert not network.layers[0].biases.any()


def test_layers_do_not_share_their_random_numbers():
    first, second = (layer.weights * np.sqrt(3) for layer in DeepNeuralNetwork([3, 3, 3], seed=5).layers)
    assert not np.isclose(first, second).any()


def test_the_same_seed_gives_the_same_network():
    for a, b in zip(
        DeepNeuralNetwork([2, 5, 2], seed=7).parameters, DeepNeuralNetwork([2, 5, 2], seed=7).parameters, strict=True
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shared", [True, False])
def test_a_stack_is_its_members(rng, shared):
    networks = [DeepNeuralNetwork([2, 4, 3, 2], "relu", seed) for seed in range(3)]
    X = rng.normal(size=(6, 2)) if shared else rng.normal(size=(3, 6, 2))
    y = np.arange(6) % 2 if shared else rng.integers(0, 2, (3, 6))
    parameters = np.stack([flatten(network.parameters) for network in networks])
    together = network_of((2, 4, 3, 2), "relu", parameters)
    objectives, gradients = together.objective(X, y, 0.01), together.gradients(X, y, 0.01)
    for number, network in enumerate(networks):
        own_X, own_y = (X, y) if shared else (X[number], y[number])
        np.testing.assert_allclose(objectives[number], network.objective(own_X, own_y, 0.01), rtol=1e-12)
        for all_of_them, own in zip(gradients, network.gradients(own_X, own_y, 0.01), strict=True):
            np.testing.assert_allclose(all_of_them[number], own, rtol=1e-10, atol=1e-15)
        alone = network_of((2, 4, 3, 2), "relu", parameters[number])
        np.testing.assert_array_equal(alone.logits(own_X), network.logits(own_X))


def test_predict_is_the_most_probable_class(rng):
    network, X = DeepNeuralNetwork([2, 5, 3], seed=2), rng.normal(size=(20, 2))
    np.testing.assert_array_equal(network.predict(X), network.predict_proba(X).argmax(axis=1))
