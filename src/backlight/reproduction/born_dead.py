"""Networks that are dead before training: measured, beside what symmetric weights predict.

With weights symmetric around 0 and no biases, the N units of a layer are off for one given input with probability
2^−N, whatever came before. So some hidden layer is all off with probability 1 − Π_l (1 − 2^−N_l), which also bounds
the share of networks that are off for every input (Lu, Shin, Su & Karniadakis 2020). The mistaken f′(z_L) closes the
output as well, with probability 2^−K.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from backlight.intervals import Interval, mean_interval, rate_interval
from backlight.networks.activations import Array
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.reproduction.points_claims import GRID_SIZES
from backlight.reproduction.population import moons

# |x| on one input, ten layers of equal width: the example of Lu et al.
DEEP_SIZES = tuple((1, *[width] * 9, 1) for width in (2, 3, 5, 10))


@dataclass(frozen=True)
class BornDead:
    """One architecture before training, over seeds.

    Attributes:
        sizes: its widths.
        blocked_formula, blocked: share of samples that some hidden layer does not let through.
        gated_formula, gated: the same, or no positive logit.
        dead: share of networks with a hidden layer that is off for every sample.
        silent: share of networks with a hidden unit that is off for every sample.
    """

    sizes: tuple[int, ...]
    blocked_formula: float
    blocked: Interval
    gated_formula: float
    gated: Interval
    dead: Interval
    silent: Interval


def blocked_probability(sizes: Sequence[int]) -> float:
    """1 − Π_l (1 − 2^−N_l) over the hidden layers.

    >>> blocked_probability((2, 3, 2))
    0.125
    """
    return 1 - prod(1 - 2.0**-width for width in sizes[1:-1])


def gated_probability(sizes: Sequence[int]) -> float:
    """The same with the output layer among the gates."""
    return 1 - (1 - blocked_probability(sizes)) * (1 - 2.0 ** -sizes[-1])


def born_dead(seeds: int) -> list[BornDead]:
    """The report's architectures on their moons, and Lu et al.'s on a line."""
    line = np.linspace(-np.sqrt(3), np.sqrt(3), 200)[:, None]  # an even number: 0 itself is not among them
    points = [measure(sizes, [moons(seed).X for seed in range(seeds)]) for sizes in GRID_SIZES]
    return points + [measure(sizes, [line] * seeds) for sizes in DEEP_SIZES]


def measure(sizes: tuple[int, ...], draws: Sequence[Array]) -> BornDead:
    """One network a draw of points, of that seed."""
    blocked, gated, dead, silent = [], [], [], []
    for seed, X in enumerate(draws):
        passes = DeepNeuralNetwork(sizes, "relu", seed).forward(X)
        on = [passed.activation > 0 for passed in passes]  # hidden layers and the output, (N, d_l)
        off = np.any([~layer.any(axis=1) for layer in on[:-1]], axis=0)
        blocked.append(off.mean())
        gated.append((off | ~on[-1].any(axis=1)).mean())
        dead.append(any(not layer.any() for layer in on[:-1]))
        silent.append(any((~layer.any(axis=0)).any() for layer in on[:-1]))
    return BornDead(
        sizes,
        blocked_probability(sizes),
        mean_interval(blocked),
        gated_probability(sizes),
        mean_interval(gated),
        rate_interval(dead),
        rate_interval(silent),
    )
