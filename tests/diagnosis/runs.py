"""Small runs with planted faults, in NumPy through `train_mlp` and in PyTorch through `watch`."""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from backlight.data.dataset import Samples
from backlight.errors import DivergedError
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.training import train_mlp as module
from backlight.training.settings import MLPSettings
from backlight.watching.watch import watch


def mlp(folder: Path, *, change=None, network=None, gradients=None, **settings: Any) -> Path:
    """`change` and `network` change what is trained on, and what is trained, before the first step."""
    chosen = MLPSettings(**{"steps": 600, "record_every": 20, "layers": (2, 8, 2), **settings})
    load, build = module.load_data, module.DeepNeuralNetwork
    changed = {
        "load_data": lambda given: (change or (lambda same: same))(load(given)),
        "DeepNeuralNetwork": lambda *given: (network or (lambda same: same))(build(*given)),
    }
    with patch.multiple(module, **changed), suppress(DivergedError):
        module.train_mlp(chosen, folder, gradients=gradients or DeepNeuralNetwork.gradients)
    return folder


def train_part(change):
    return lambda data: replace(data, train=change(data.train))


def both_parts(change):
    return lambda data: replace(data, train=change(data.train), test=change(data.test))


def scaled_inputs(factor):
    return both_parts(lambda part: Samples(part.X * factor, part.y))


def shuffled_labels(part):
    return Samples(part.X, np.random.default_rng(0).permutation(part.y))


def some_flipped(share):
    def flip(part):
        wrong = np.random.default_rng(1).random(len(part)) < share
        return Samples(part.X, np.where(wrong, 1 - part.y, part.y))

    return train_part(flip)


def few_of_class_1(count):
    return lambda data: replace(
        data,
        train=data.train.take(np.r_[np.flatnonzero(data.train.y == 0), np.flatnonzero(data.train.y == 1)[:count]]),
    )


def with_leak(data):
    """A third feature that is the label, and a fourth that is nothing."""

    def leak(part):
        noise = np.random.default_rng(0).normal(size=len(part))
        return Samples(np.column_stack([part.X, part.y - 0.5, noise]), part.y)

    return both_parts(leak)(data)


def overlapping(data):
    return replace(data, test=Samples(np.r_[data.train.X[:100], data.test.X], np.r_[data.train.y[:100], data.test.y]))


def scaled_weights(factor):
    def scale(network):
        for layer in network.layers:
            layer.weights[...] *= factor
        return network

    return scale


def constant_weights(network):
    for layer in network.layers:
        layer.weights[...] = 0.1
    return network


def hidden_biases(value):
    def set_biases(network):
        for layer in network.layers[:-1]:
            layer.biases[...] = value
        return network

    return set_biases


def last_layer(weights=1.0, bias=0.0):
    """Its weights times one number, and one class's bias another."""

    def change(network):
        network.layers[-1].weights[...] *= weights
        network.layers[-1].biases[..., 0] += bias
        return network

    return change


@dataclass(frozen=True)
class Digits:
    """1,400 standardised 8×8 digits to train on, 397 to test with."""

    X: torch.Tensor
    y: torch.Tensor

    @classmethod
    def load(cls) -> "Digits":
        digits = load_digits()
        order = torch.randperm(len(digits.target), generator=torch.Generator().manual_seed(0))
        X = torch.tensor(digits.data, dtype=torch.float32)[order]
        return cls((X - X.mean()) / X.std(), torch.tensor(digits.target)[order])


TRAINING = 1400


def layers(activation=nn.ReLU, width=32, depth=2, tail=(), norm=False, dropout=0.0):
    inputs, found = 64, []
    for _ in range(depth):
        found += [nn.Linear(inputs, width), *([nn.BatchNorm1d(width)] if norm else []), activation()]
        found += [nn.Dropout(dropout)] if dropout else []
        inputs = width
    return nn.Sequential(*found, nn.Linear(inputs, 10), *tail)


class Unused(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.middle, self.last = nn.Linear(64, 32), nn.Linear(32, 32), nn.Linear(32, 10)

    def forward(self, x):
        return self.last(torch.relu(self.first(x)))


class Cut(Unused):
    def forward(self, x):
        return self.last(torch.relu(self.middle(torch.relu(self.first(x)).detach())))


class PassedBy(Unused):
    def forward(self, x):
        x = torch.relu(self.first(x))
        self.middle(x)
        return self.last(x)


def still_first_layer(model):
    first, *rest = (each for each in model if isinstance(each, nn.Linear))
    moving = [parameter for each in rest for parameter in each.parameters()]
    return torch.optim.Adam([{"params": first.parameters(), "lr": 0.0}, {"params": moving}], lr=3e-3)


class AroundTheNorm(Unused):
    """Places of its own beside the layers, and a way past the normalising layer."""

    def __init__(self):
        super().__init__()
        self.place, self.norm = nn.Parameter(torch.randn(8, 32)), nn.LayerNorm(32)

    def forward(self, x):
        x = self.first(x) + self.place.mean(0)
        return self.last(torch.relu(x + self.middle(self.norm(x))))


def adam(rate=3e-3):
    return lambda model: torch.optim.Adam(model.parameters(), lr=rate)


def sgd(rate):
    return lambda model: torch.optim.SGD(model.parameters(), lr=rate)


def watched(
    folder: Path, digits: Digits, *, model=layers, optimizer=None, loss=F.cross_entropy, steps=200, batch=32,
    X=None, y=None, test_labels=None, prepare=None, clear=True, order=None, schedule=None, evaluation=False,
    tested_in=(False,),
) -> Path:  # fmt: skip
    torch.manual_seed(0)
    network = model()
    if prepare is not None:
        prepare(network, digits)
    made = (optimizer or adam())(network)
    X, y = digits.X if X is None else X, digits.y if y is None else y
    X_test, y_test = X[TRAINING:], y[TRAINING:] if test_labels is None else test_labels(y[TRAINING:])
    generator = torch.Generator().manual_seed(1)
    with watch(network, made, folder, every=5) as watching:
        for step in range(steps):
            at = step % (TRAINING // batch)
            if at == 0:
                shuffled = torch.randperm(TRAINING, generator=generator) if order is None else order
            if schedule is not None:
                made.param_groups[0]["lr"] = schedule(step)
            index = shuffled[at * batch : (at + 1) * batch]
            network.train(not evaluation)
            output = network(X[index])
            value = loss(output, y[index])
            if clear:
                made.zero_grad()
            value.backward()
            watching.scalars(loss=value.detach(), accuracy=(output.argmax(1) == y[index]).float().mean())
            made.step()
            if step % 40 == 39:
                with torch.no_grad():
                    for training in tested_in:
                        told = network.train(training)(X_test)
                    watching.scalars(
                        test_accuracy=(told.argmax(1) == y_test).float().mean(), test_loss=F.cross_entropy(told, y_test)
                    )
    return folder


def freeze_all_but_the_last(network, digits):
    for parameter in list(network.parameters())[:-2]:
        parameter.requires_grad_(False)


def train_then_freeze(network, digits):
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    for step in range(120):
        index = slice(32 * (step % 40), 32 * (step % 40 + 1))
        optimizer.zero_grad()
        F.cross_entropy(network(digits.X[index]), digits.y[index]).backward()
        optimizer.step()
    freeze_all_but_the_last(network, digits)


def seed_every_layer(network, digits):
    for layer in network:
        if isinstance(layer, nn.Linear):
            torch.manual_seed(3)
            layer.reset_parameters()


def zero_head(network, digits):
    nn.init.zeros_(network[-1].weight)
    nn.init.zeros_(network[-1].bias)


def scale_weights(factor):
    def scale(network, digits):
        with torch.no_grad():
            for layer in network:
                if isinstance(layer, nn.Linear):
                    layer.weight.mul_(factor)

    return scale


def fill(network, digits):
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(0.01)
