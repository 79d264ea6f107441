"""The objective: softmax cross-entropy, averaged over the samples, plus an L2 penalty on the weights.

    L = −(1/N) Σ_n log softmax(z_n)[y_n] + (λ/2) Σ_l ‖W_l‖²

All functions take logits of shape (..., N, K) and labels of shape (..., N); leading axes are
independent networks (populations in one array).
"""

from functools import reduce
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from backlight.networks.activations import Array

Labels: TypeAlias = NDArray[np.int64]


def row_max(logits: Array) -> Array:
    """max over the last axis, kept: (..., N, 1). K comparisons of columns, since NumPy reduces short rows slowly."""
    largest: Array = reduce(np.maximum, np.moveaxis(logits, -1, 0))
    return largest[..., None]


def row_sum(powers: Array) -> Array:
    """Σ over the last axis, kept: (..., N, 1), as a product with a column of ones."""
    return powers @ np.ones((powers.shape[-1], 1))


def log_softmax(logits: Array) -> Array:
    """log softmax(z) = z − max z − log Σ exp(z − max z), row by row; finite for any finite logits."""
    shifted = logits - row_max(logits)
    return shifted - np.log(row_sum(np.exp(shifted)))


def softmax(logits: Array) -> Array:
    """Class probabilities, shape of `logits`; each row sums to 1.

    >>> softmax(np.array([[1000.0, 1000.0]]))
    array([[0.5, 0.5]])
    """
    powers = np.exp(logits - row_max(logits))
    return powers / row_sum(powers)


def one_hot(y: Labels, classes: int) -> NDArray[np.bool_]:
    """(..., N) labels as (..., N, K) rows with a single True."""
    hot: NDArray[np.bool_] = y[..., None] == np.arange(classes)
    return hot


def cross_entropy(logits: Array, y: Labels) -> Array:
    """−(1/N) Σ_n log softmax(z_n)[y_n]: shape (...), in nats.

    >>> cross_entropy(np.zeros((4, 2)), np.array([0, 1, 1, 0])).round(4)  # ln 2 where nothing is known
    np.float64(0.6931)
    """
    log_likelihoods = np.where(one_hot(y, logits.shape[-1]), log_softmax(logits), 0.0)
    mean: Array = -log_likelihoods.sum(axis=(-2, -1)) / logits.shape[-2]
    return mean


def cross_entropy_gradient(logits: Array, y: Labels) -> Array:
    """∂/∂z of `cross_entropy`: (softmax(z) − onehot(y)) / N, shape (..., N, K)."""
    gradient: Array = residuals(logits, y) / logits.shape[-2]
    return gradient


def residuals(logits: Array, y: Labels) -> Array:
    """softmax(z) − onehot(y), shape (..., N, K): each sample's own gradient at the logits."""
    return softmax(logits) - one_hot(y, logits.shape[-1])


def l2_penalty(weights: Array, l2: float) -> Array:
    """(λ/2) ‖W‖² of each matrix in a stack (..., d_in, d_out): shape (...)."""
    squares: Array = np.square(weights).sum(axis=(-2, -1))
    return 0.5 * l2 * squares
