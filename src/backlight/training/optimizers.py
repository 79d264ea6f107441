"""Gradient descent, momentum and Adam on lists of NumPy arrays, updated in place; in order of complexity.

Same formulas and same defaults as `torch.optim`, so that the two can be held against each other.
Learning rates refer to the *mean* loss over a batch.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from backlight.errors import SettingsError
from backlight.networks.activations import Array


class Optimizer(Protocol):
    """Holds the parameters it updates and whatever it remembers between steps."""

    state: list[Array]

    def step(self, gradients: Sequence[Array]) -> None: ...


class GradientDescent:
    """w ← w − η g."""

    def __init__(self, parameters: Sequence[Array], learning_rate: float):
        self.parameters = parameters
        self.learning_rate = learning_rate
        self.state: list[Array] = []

    def step(self, gradients: Sequence[Array]) -> None:
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter -= self.learning_rate * gradient


class Momentum:
    """v ← μ v + g, w ← w − η v (Polyak 1964, in the form of `torch.optim.SGD`)."""

    def __init__(self, parameters: Sequence[Array], learning_rate: float, momentum: float = 0.9):
        self.parameters = parameters
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.state: list[Array] = [np.zeros_like(parameter) for parameter in parameters]

    def step(self, gradients: Sequence[Array]) -> None:
        for parameter, velocity, gradient in zip(self.parameters, self.state, gradients, strict=True):
            velocity *= self.momentum
            velocity += gradient
            parameter -= self.learning_rate * velocity


class Adam:
    """Kingma & Ba 2015, algorithm 1: m and v with bias correction, w ← w − η m̂ / (√v̂ + ε)."""

    def __init__(
        self,
        parameters: Sequence[Array],
        learning_rate: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ):
        self.parameters = parameters
        self.learning_rate = learning_rate
        self.betas = betas
        self.epsilon = epsilon
        first = [np.zeros_like(parameter) for parameter in parameters]
        second = [np.zeros_like(parameter) for parameter in parameters]
        self.state: list[Array] = [np.zeros(1), *first, *second]  # [number of steps, m…, v…]

    def step(self, gradients: Sequence[Array]) -> None:
        beta1, beta2 = self.betas
        count = len(self.parameters)
        steps, firsts, seconds = self.state[0], self.state[1 : count + 1], self.state[count + 1 :]
        steps += 1
        rate = self.learning_rate / (1 - beta1 ** steps[0])
        correction = np.sqrt(1 - beta2 ** steps[0])
        for parameter, first, second, gradient in zip(self.parameters, firsts, seconds, gradients, strict=True):
            first += (1 - beta1) * (gradient - first)
            second += (1 - beta2) * (gradient * gradient - second)
            parameter -= rate * first / (np.sqrt(second) / correction + self.epsilon)


OPTIMIZERS: dict[str, Callable[[Sequence[Array], float], Optimizer]] = {
    "sgd": GradientDescent,
    "momentum": Momentum,
    "adam": Adam,
}


def optimizer_named(name: str, parameters: Sequence[Array], learning_rate: float) -> Optimizer:
    """The optimiser called `name`, holding `parameters`.

    Raises:
        SettingsError: if there is none of that name.
    """
    if name not in OPTIMIZERS:
        raise SettingsError(f"unknown optimizer {name!r}; choose one of {', '.join(OPTIMIZERS)}")
    return OPTIMIZERS[name](parameters, learning_rate)


def one_cycle(step: int, total_steps: int, peak: float, warmup_share: float = 0.3) -> float:
    """Learning rate at `step` (0-based) of a one-cycle schedule: a cosine from peak/25 to peak, then to peak/250,000.

    A function of the step alone, so that a resumed run needs to remember nothing
    (Smith & Topin 2018; agrees with `torch.optim.lr_scheduler.OneCycleLR`).
    """
    start, end = peak / 25, peak / 25e4
    summit = warmup_share * total_steps - 1
    if summit < 1:  # too few steps to go up and down
        return peak
    if step <= summit:
        low, high, progress = start, peak, step / summit
    else:
        low, high, progress = end, peak, 1 - (step - summit) / (total_steps - 1 - summit)
    return low + (high - low) * (1 - float(np.cos(np.pi * progress))) / 2
