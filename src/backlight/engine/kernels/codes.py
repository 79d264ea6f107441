"""What the kernels share with the Python around them: codes, and the bundles of arrays they are given."""

from typing import NamedTuple

import numpy as np

TANH, SIGMOID, RELU, LEAKY_RELU, IDENTITY = range(5)
GRADIENT_DESCENT, MOMENTUM, ADAM = range(3)
INPUTS, OUTPUTS, WEIGHTS, ROW, ACTIVATION = range(5)  # columns of a plan, which has a row per layer
LOSS, TRAIN_ACCURACY, TEST_ACCURACY, ZERO_GRADIENT, NO_POSITIVE_LOGIT, DEAD_LAYER, SILENT, SATURATED = range(8)
MEASURES = 8


class Rule(NamedTuple):
    """How networks are trained: codes of output gate and optimiser; the batch, 0 for all samples.

    Layers are computed row by row, or by products of matrices.

    The gate is IDENTITY. Any other activation multiplies δ_L by its derivative: a mistake that is worth studying.
    """

    gate: int
    optimizer: int
    batch: int
    by_matrix: bool


class Blocks(NamedTuple):
    """Samples in blocks: X (draws, blocks, d + 1, B), y (draws, blocks, B) int32, share (blocks, B).

    The last row of X is 1. A sample's share in the mean is 1/N; what only fills up the last block has share 0.
    """

    X: np.ndarray
    y: np.ndarray
    share: np.ndarray


class Networks(NamedTuple):
    """S networks of one architecture: parameters (S, P), optimiser state (S, 2, P), and what differs between them."""

    parameters: np.ndarray
    state: np.ndarray
    learning_rate: np.ndarray
    l2: np.ndarray
    draw: np.ndarray


class Watch(NamedTuple):
    """Looks (T,) at which curves (S, T, MEASURES) are written, steps done (S,), and a flag (1,) that stops all."""

    looks: np.ndarray
    curves: np.ndarray
    done: np.ndarray
    stop: np.ndarray


class Lanes(NamedTuple):
    """Threads that share a network: partial gradients (2, segments, P′) by parity of the step, arrivals (lanes,)."""

    partial: np.ndarray
    arrived: np.ndarray
