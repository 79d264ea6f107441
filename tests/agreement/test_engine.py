"""The compiled engine does exactly what the readable networks do."""

import numpy as np
import pytest

from backlight.data.batches import shuffled_batches
from backlight.data.dataset import Dataset, Samples
from backlight.data.points import load_points
from backlight.engine.memory import flatten
from backlight.engine.population import Population
from backlight.engine.stretch import Trainer
from backlight.engine.train import train_population
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.networks.losses import cross_entropy
from backlight.training.gradient_descent import descend
from backlight.training.optimizers import optimizer_named

PASSES = 200
# Steps at which training is stable. At sgd 0.3 on 64 features it is not: NumPy differs from itself by 5e-3 after 100
# passes if one weight is moved by 1e-15.
RATES = {"sgd": 0.1, "momentum": 0.02, "adam": 0.005}
ACTIVATIONS = ("tanh", "sigmoid", "relu", "leaky_relu", "identity")


def random_data(features, classes, count=60):
    rng = np.random.default_rng([features, classes])

    def samples(size):
        X = rng.normal(size=(size, features)) / np.sqrt(features)
        return Samples(X, np.concatenate([np.arange(classes), rng.integers(0, classes, size - classes)]))

    return Dataset("random", classes, samples(count), samples(40))


def reference(sizes, activation, optimizer, data, l2, batch_size=None, seed=3, passes=PASSES):
    network = DeepNeuralNetwork(sizes, activation, seed)
    updater = optimizer_named(optimizer, network.parameters, RATES[optimizer])
    X, y = data.train.X, data.train.y
    if batch_size:
        batches = ((X[i], y[i]) for i in shuffled_batches(len(y), batch_size, seed, 0, passes))
    else:
        batches = [(X, y)] * passes
    for _ in descend(network, updater, batches, l2):
        pass
    return network


def engine(sizes, activation, optimizer, data, l2, batch_size=None, dtype=np.float64):
    population = Population.initialised(
        sizes, activation, [3], RATES[optimizer], l2, optimizer=optimizer, batch_size=batch_size
    )
    return train_population(population, [data], PASSES, looks=[0], dtype=dtype)


def assert_agrees(sizes, activation, optimizer, data, l2, batch_size=None):
    network = reference(sizes, activation, optimizer, data, l2, batch_size)
    outcome = engine(sizes, activation, optimizer, data, l2, batch_size)
    expected = flatten(network.parameters)
    assert np.abs(outcome.parameters[0] - expected).max() <= 1e-9 * np.abs(expected).max()
    loss = cross_entropy(network.logits(data.train.X), data.train.y)
    np.testing.assert_allclose(outcome.train_loss[-1, 0], loss, rtol=1e-9)
    for accuracy, part in ((outcome.train_accuracy, data.train), (outcome.test_accuracy, data.test)):
        np.testing.assert_allclose(accuracy[-1, 0], (network.predict(part.X) == part.y).mean(), atol=1e-12)


@pytest.mark.parametrize("l2", [0.0, 0.01])
@pytest.mark.parametrize("features", [2, 64, 784])
@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("optimizer", RATES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_float64_agrees_with_numpy(activation, optimizer, classes, features, l2):
    assert_agrees((features, 5, 4, classes), activation, optimizer, random_data(features, classes), l2)


MIXED = [("relu", "tanh", "identity"), ("identity", "sigmoid", "leaky_relu"), ("tanh", "identity", "relu")]


@pytest.mark.parametrize("sizes", [(2, 5, 4, 3, 2), (2, 5, 4, 3, 3), (64, 40, 20, 10, 3)])
@pytest.mark.parametrize("optimizer", RATES)
@pytest.mark.parametrize("activation", MIXED)
def test_each_layer_has_its_own_activation(activation, optimizer, sizes):
    assert_agrees(sizes, activation, optimizer, random_data(sizes[0], sizes[-1]), 0.01, batch_size=16)
    assert_agrees(sizes, activation, optimizer, random_data(sizes[0], sizes[-1]), 0.0)


@pytest.mark.parametrize("batch_size", [1, 16, 59, 60, 100])
@pytest.mark.parametrize("optimizer", RATES)
def test_mini_batches_are_those_of_the_reference(optimizer, batch_size):
    assert_agrees((2, 7, 3), "tanh", optimizer, random_data(2, 3), 0.01, batch_size)


@pytest.mark.parametrize("batch_size", [None, 16])
@pytest.mark.parametrize("optimizer", RATES)
@pytest.mark.parametrize("activation", ["tanh", ("leaky_relu", "sigmoid")])
def test_training_in_stretches_is_that_of_the_reference(activation, optimizer, batch_size):
    sizes, data = (2, 7, 5, 3), random_data(2, 3)
    population = Population.initialised(
        sizes, activation, [3], RATES[optimizer], 0.01, optimizer=optimizer, batch_size=batch_size
    )
    trainer = Trainer(population, data)
    moment = trainer.start()
    for steps in (1, 36, 63, 100):
        moment = trainer.advance(moment, steps)
    expected = flatten(reference(sizes, activation, optimizer, data, 0.01, batch_size).parameters)
    assert np.abs(flatten(trainer.network(moment).parameters) - expected).max() <= 1e-9 * np.abs(expected).max()


@pytest.mark.parametrize("sizes", [(64, 40, 40, 3), (784, 30, 10), (2, 64, 64, 2), (64, 2), (784, 10)])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_products_of_matrices_agree_as_well(sizes, activation):
    assert_agrees(sizes, activation, "momentum", random_data(sizes[0], sizes[-1]), 0.01)


@pytest.mark.parametrize("count", [513, 1500])
@pytest.mark.parametrize("sizes", [(2, 4, 3), (2, 60, 60, 3)])
def test_several_blocks_of_samples(count, sizes):
    assert_agrees(sizes, "tanh", "sgd", random_data(2, 3, count), 0.01)
    assert_agrees(sizes, "tanh", "sgd", random_data(2, 3, count), 0.01, batch_size=count - 100)


@pytest.mark.parametrize("shape", ["moons", "circles", "spirals"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("optimizer", RATES)
def test_float32_agrees_in_loss(optimizer, activation, shape):
    data = load_points(shape, 200, 100, 0.2, 2, seed=1)
    loss = engine((2, 6, 2), activation, optimizer, data, 5e-5, dtype=np.float32).train_loss[-1, 0]
    exact = engine((2, 6, 2), activation, optimizer, data, 5e-5).train_loss[-1, 0]
    assert abs(loss - exact) < 1e-4


def test_the_output_gate_is_the_mistake_of_the_reproduction():
    from backlight.networks.mistakes import Mistakes
    from backlight.training.optimizers import GradientDescent

    data, mistakes = random_data(2, 2), Mistakes(output_derivative=True)
    network = DeepNeuralNetwork((2, 4, 2), "relu", 3)
    X, y = data.train.X, data.train.y
    for _ in descend(network, GradientDescent(network.parameters, 0.3), [(X, y)] * PASSES, 0.01, mistakes.gradients):
        pass
    population = Population.initialised((2, 4, 2), "relu", [3], 0.3, 0.01, output_gate="relu")
    outcome = train_population(population, [data], PASSES, dtype=np.float64)
    np.testing.assert_allclose(outcome.parameters[0], flatten(network.parameters), rtol=1e-9, atol=1e-12)
