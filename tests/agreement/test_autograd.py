"""The hand-written mathematics against PyTorch's autograd and optimisers, in float64."""

import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from backlight.networks.activations import ACTIVATIONS, LEAKY_SLOPE
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.training.gradient_descent import descend
from backlight.training.optimizers import one_cycle, optimizer_named

TORCH = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "leaky_relu": lambda z: F.leaky_relu(z, LEAKY_SLOPE),
    "identity": lambda z: z,
}
SIZES = [[2, 3, 2], [2, 6, 2], [2, 4, 3, 2], [2, 4, 3, 2, 2], [2, 5, 3], [2, 4, 3, 3]]


def torch_parameters(network):
    return [torch.tensor(parameter, requires_grad=True) for parameter in network.parameters]


def torch_objective(parameters, activation, X, y, l2):
    a = torch.tensor(X)
    weights, biases = parameters[0::2], parameters[1::2]
    for number, (W, b) in enumerate(zip(weights, biases, strict=True)):
        z = a @ W + b
        a = TORCH[activation](z) if number < len(weights) - 1 else z
    return F.cross_entropy(a, torch.tensor(y)) + l2 / 2 * sum((W**2).sum() for W in weights)


@pytest.mark.parametrize(("activation", "sizes", "l2"), list(itertools.product(ACTIVATIONS, SIZES, (0.0, 0.01))))
def test_objective_and_gradients(activation, sizes, l2):
    rng = np.random.default_rng(1)
    network = DeepNeuralNetwork(sizes, activation, rng)
    X, y = rng.normal(size=(30, 2)), rng.integers(0, sizes[-1], 30)
    parameters = torch_parameters(network)
    objective = torch_objective(parameters, activation, X, y, l2)
    objective.backward()
    assert network.objective(X, y, l2) == pytest.approx(objective.item(), rel=1e-12)
    for own, parameter in zip(network.gradients(X, y, l2), parameters, strict=True):
        np.testing.assert_allclose(own, parameter.grad.numpy(), rtol=0, atol=1e-12)


TORCH_OPTIMIZERS = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.05),
    "momentum": lambda parameters: torch.optim.SGD(parameters, lr=0.05, momentum=0.9),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.05),
}


@pytest.mark.parametrize("name", TORCH_OPTIMIZERS)
def test_fifty_steps_of_every_optimizer(name):
    rng = np.random.default_rng(2)
    network = DeepNeuralNetwork([2, 5, 4, 3], "tanh", rng)
    X, y = rng.normal(size=(40, 2)), rng.integers(0, 3, 40)
    parameters = torch_parameters(network)
    other = TORCH_OPTIMIZERS[name](parameters)
    for _ in descend(network, optimizer_named(name, network.parameters, 0.05), [(X, y)] * 50, l2=0.01):
        other.zero_grad()
        torch_objective(parameters, "tanh", X, y, 0.01).backward()
        other.step()
    for own, parameter in zip(network.parameters, parameters, strict=True):
        np.testing.assert_allclose(own, parameter.detach().numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("total", [10, 101, 860])
def test_one_cycle(total):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=total, cycle_momentum=False)
    for step in range(total):
        assert one_cycle(step, total, 0.1) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        optimizer.step()
        if step < total - 1:
            schedule.step()
