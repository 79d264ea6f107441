"""What a decision boundary looks like, in numbers: how sharp it is, and how much of the plane is flat."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from backlight.engine.outcome import Outcome
from backlight.networks.activations import Array
from backlight.networks.deep_network import DeepNeuralNetwork

WINDOW = (-1.75, 2.75, -1.25, 1.75)  # x from, to, y from, to: the moons with a margin
GRID = 90
CHUNK = 100  # networks
FLAT = 1e-9  # second difference relative to the margin's range: round-off of float64, and no curvature


def plane_margins(network: DeepNeuralNetwork) -> tuple[Array, float, float]:
    """z_1 − z_0 on a grid over the window: (S, GRID, GRID), rows along y, and the grid's steps in x and y."""
    x, dx = np.linspace(WINDOW[0], WINDOW[1], GRID, retstep=True)
    y, dy = np.linspace(WINDOW[2], WINDOW[3], GRID, retstep=True)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    logits = network.logits(points)
    margins = (logits[..., 1] - logits[..., 0]).reshape(*logits.shape[:-2], GRID, GRID)
    return margins, float(dx), float(dy)


def boundary_sharpness(outcome: Outcome) -> NDArray[np.float64]:
    """Mean slope of the class probability across the boundary, per unit of length: (S,), NaN without a boundary."""
    return in_chunks(stack_sharpness, outcome)


def flat_share(outcome: Outcome) -> NDArray[np.float64]:
    """Share of the window where the margin is linear to round-off: (S,); all but the kinks for ReLU."""
    return in_chunks(stack_flat_share, outcome)


def in_chunks(function: Callable[[DeepNeuralNetwork], NDArray[np.float64]], outcome: Outcome) -> NDArray[np.float64]:
    """The function of all networks, a hundred at a time: a grid of margins for thousands would fill the memory."""
    return np.concatenate([function(outcome.networks(start, start + CHUNK)) for start in range(0, len(outcome), CHUNK)])


def stack_sharpness(network: DeepNeuralNetwork) -> NDArray[np.float64]:
    """At P = 1/2 the slope of σ(m) is ‖∇m‖/4; taken at the grid cells in which the margin m changes its sign."""
    margins, dx, dy = plane_margins(network)
    slope_y, slope_x = np.gradient(margins, dy, dx, axis=(-2, -1))
    slope = np.hypot(slope_x, slope_y)[..., :-1, :-1] / 4
    positive = margins > 0
    here = positive[..., :-1, :-1]
    crossing = (here != positive[..., 1:, :-1]) | (here != positive[..., :-1, 1:])
    cells = crossing.sum(axis=(-2, -1))
    return np.where(cells > 0, (slope * crossing).sum(axis=(-2, -1)) / np.maximum(cells, 1), np.nan)


def stack_flat_share(network: DeepNeuralNetwork) -> NDArray[np.float64]:
    margins, _, _ = plane_margins(network)
    inner = margins[..., 1:-1, 1:-1]
    second = [
        margins[..., 1:-1, 2:] - 2 * inner + margins[..., 1:-1, :-2],
        margins[..., 2:, 1:-1] - 2 * inner + margins[..., :-2, 1:-1],
    ]
    spread = np.ptp(margins, axis=(-2, -1))[..., None, None]
    flat = (np.abs(second) <= FLAT * spread).all(axis=0)
    share: NDArray[np.float64] = flat.mean(axis=(-2, -1))
    return share
