"""How networks and samples lie in memory for the kernels: flat parameters, plans, blocks of samples."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import psutil
from numpy.typing import DTypeLike, NDArray

from backlight.data.dataset import Samples
from backlight.engine.kernels import codes
from backlight.engine.kernels.codes import Blocks
from backlight.errors import SettingsError
from backlight.networks.activations import ActivationNames, Array, layer_activations
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.networks.layer import Layer

Reals: TypeAlias = NDArray[np.floating[Any]]  # float32, or float64 for the reference's digits

LANES = 16  # samples of a vector instruction in float32; blocks are filled up to a multiple of it
WIDEST_BLOCK = 512  # a block's rows of a small network fit into the first two caches
MATRIX_CONNECTIONS, MATRIX_WIDTH = 49, 3  # from here on BLAS is faster than rows; benchmarks/engine_scaling.py
SEGMENTS = 16  # most parts that the threads of one network share; a function of the data alone, as sums depend on it
ACTIVATION_CODES = {
    "tanh": codes.TANH,
    "sigmoid": codes.SIGMOID,
    "relu": codes.RELU,
    "leaky_relu": codes.LEAKY_RELU,
    "identity": codes.IDENTITY,
}


def parameter_count(sizes: Sequence[int]) -> int:
    return sum((d_in + 1) * d_out for d_in, d_out in pairwise(sizes))


def unflatten(parameters: Array, sizes: Sequence[int]) -> list[Array]:
    """(…, P) as views [W_1 (…, d_0, d_1), b_1 (…, 1, d_1), …], as `DeepNeuralNetwork.parameters` has them."""
    arrays, at = [], 0
    for d_in, d_out in pairwise(sizes):
        for rows in (d_in, 1):
            part = parameters[..., at : at + rows * d_out]
            arrays.append(part.reshape(*parameters.shape[:-1], rows, d_out))
            at += rows * d_out
    return arrays


def flatten(arrays: Sequence[Array]) -> Array:
    """The inverse of `unflatten`, for one network."""
    return np.concatenate([array.ravel() for array in arrays])


def network_of(sizes: Sequence[int], activation: ActivationNames, parameters: Reals) -> DeepNeuralNetwork:
    """The network, or stack of networks, whose flat parameters (…, P) these are, in float64."""
    arrays = unflatten(parameters.astype(np.float64), sizes)
    functions = layer_activations(activation, len(sizes) - 1)
    return DeepNeuralNetwork.from_layers(
        [Layer(W, b, function) for W, b, function in zip(arrays[::2], arrays[1::2], functions, strict=True)]
    )


def plan_of(sizes: Sequence[int], activation: ActivationNames, as_contrast: bool = False) -> NDArray[np.int64]:
    """(L, 5): inputs, outputs, index of the first weight, row of the first unit and activation of each layer.

    Hidden layers are followed by a row of ones. As a contrast, the two outputs are one whose weights lie behind all
    others.
    """
    plan, at, row = [], 0, 0
    functions = layer_activations(activation, len(sizes) - 1)
    for d_in, d_out, function in zip(sizes[:-1], sizes[1:], functions, strict=True):
        plan.append([d_in, d_out, at, row, ACTIVATION_CODES[function.name]])
        at, row = at + (d_in + 1) * d_out, row + d_out + 1
    if as_contrast:
        plan[-1][1:3] = 1, at
    return np.array(plan, dtype=np.int64)


def pays_by_matrix(sizes: Sequence[int]) -> bool:
    """Whether products of matrices beat rows for this network: some layer is neither small nor narrow."""
    return any(
        d_in * d_out >= MATRIX_CONNECTIONS and min(d_in, d_out) >= MATRIX_WIDTH for d_in, d_out in pairwise(sizes)
    )


def block_width(count: int) -> int:
    """Equal blocks of at most WIDEST_BLOCK samples, filled up to whole vectors."""
    blocks = -(-count // WIDEST_BLOCK)
    return -(-count // (blocks * LANES)) * LANES


def blocks_of(draws: Sequence[Samples], dtype: DTypeLike) -> Blocks:
    """Samples of equal number as the kernels read them; the last block is filled up with samples of share 0."""
    count, features = draws[0].X.shape
    width = block_width(count)
    blocks = -(-count // width)
    place = np.arange(blocks * width)
    index = np.where(place < count, place, 0)
    X = np.ones((len(draws), blocks, features + 1, width), dtype)
    y = np.empty((len(draws), blocks, width), np.int32)
    for number, draw in enumerate(draws):
        X[number, :, :-1] = draw.X[index].reshape(blocks, width, features).swapaxes(1, 2)
        y[number] = draw.y[index].reshape(blocks, width)
    share = np.where(place < count, 1 / count, 0).astype(dtype).reshape(blocks, width)
    return Blocks(X, y, share)


def empty_blocks(count: int, features: int, dtype: DTypeLike) -> Blocks:
    """Room for a mini-batch of `count` samples."""
    width = block_width(count)
    blocks = -(-count // width)
    shape = (1, blocks, features + 1, width)
    return Blocks(np.ones(shape, dtype), np.zeros((1, blocks, width), np.int32), np.zeros((blocks, width), dtype))


def check_memory(networks: int, sizes: Sequence[int], looks: int = 100) -> None:
    """Raises SettingsError if so many networks with their optimiser's state and curves do not fit into memory."""
    parameters = parameter_count(sizes)
    needed = networks * (parameters * 8 * 4 + looks * codes.MEASURES * 8 * 2)
    available = psutil.virtual_memory().available
    if needed > available:
        raise SettingsError(
            f"{networks:,} networks of {parameters:,} parameters need about {needed / 2**30:,.1f} GiB of memory, "
            f"{available / 2**30:,.1f} GiB are available; train fewer at a time"
        )
