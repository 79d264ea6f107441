"""The three mistakes that are counted over populations are those of the hand-written network in the casebook."""

import sys
from pathlib import Path

import numpy as np
import pytest

from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.networks.mistakes import NO_MISTAKES, REPORTED_MISTAKES, Mistakes
from backlight.training.gradient_descent import descend
from backlight.training.optimizers import GradientDescent

CASEBOOK = Path(__file__).parents[2] / "examples" / "casebook"
ARCHITECTURES = [(2, 3, 2), (2, 6, 2), (2, 4, 3, 2), (2, 4, 3, 2, 2)]


@pytest.fixture
def casebook(monkeypatch):
    monkeypatch.syspath_prepend(str(CASEBOOK))
    yield __import__("n_layer_network")
    sys.modules.pop("n_layer_network")


@pytest.fixture
def points(rng):
    return rng.normal(size=(40, 2)), rng.integers(0, 2, 40)


@pytest.mark.parametrize("sizes", ARCHITECTURES)
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_reported_mistakes_are_the_casebook(casebook, points, sizes, activation):
    X, y = points
    theirs = casebook.DeepNeuralNetwork(list(sizes), kind=activation, reg_lambda=0.01)
    network = DeepNeuralNetwork(sizes, activation)
    for layer, own in zip(network.layers, theirs.layers, strict=True):
        layer.weights[...], layer.biases[...] = own.W, own.b
    theirs.feedforward(X)
    theirs.backprop(X, y)
    expected = [gradient for layer in theirs.layers for gradient in (layer.dW, layer.db)]
    for own, other in zip(REPORTED_MISTAKES.gradients(network, X, y, 0.01), expected, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("sizes", ARCHITECTURES)
def test_no_mistakes_is_the_correct_gradient(points, sizes):
    X, y = points
    network = NO_MISTAKES.initial_network(sizes, "relu", 3)
    for own, correct in zip(NO_MISTAKES.gradients(network, X, y, 0.01), network.gradients(X, y, 0.01), strict=True):
        np.testing.assert_allclose(own, correct, rtol=1e-12, atol=1e-16)


def test_shared_seed_makes_layers_share_their_entries():
    first, second = (layer.weights for layer in Mistakes(shared_seed=True).initial_network((2, 3, 2), "relu", 4).layers)
    np.testing.assert_allclose((first * np.sqrt(2)).ravel(), (second * np.sqrt(3)).ravel())


def test_summed_gradients_are_a_step_n_times_as_long_and_a_penalty_n_times_as_weak(points):
    """Step η on summed gradients with λW beside them is step Nη on the mean objective with λ/N, update by update."""
    X, y = points
    n = len(y)
    summed, mean = DeepNeuralNetwork((2, 4, 3, 2), "tanh", 1), DeepNeuralNetwork((2, 4, 3, 2), "tanh", 1)
    gradients = Mistakes(summed_gradients=True).gradients
    list(descend(summed, GradientDescent(summed.parameters, 0.01), [(X, y)] * 200, 0.01, gradients))
    list(descend(mean, GradientDescent(mean.parameters, 0.01 * n), [(X, y)] * 200, 0.01 / n))
    for a, b in zip(summed.parameters, mean.parameters, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


def test_no_positive_logit_means_no_gradient(points):
    """The absorbing state: with the output derivative and ReLU, logits that are all ≤ 0 send nothing back."""
    X, y = points
    network = DeepNeuralNetwork((2, 3, 2), "relu")
    network.layers[-1].biases[...] = -1e3
    mistaken = Mistakes(output_derivative=True)
    assert all(not gradient.any() for gradient in mistaken.gradients(network, X, y, 0.0))
    assert any(gradient.any() for gradient in NO_MISTAKES.gradients(network, X, y, 0.0))
