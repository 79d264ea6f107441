"""Activation functions that people write into networks, each beside its derivative; some with numbers to be found."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from backlight.networks.activations import Activation, Array, activation_named, sigmoid, sigmoid_derivative

TANH, SIGMOID, RELU, IDENTITY = (activation_named(name) for name in ("tanh", "sigmoid", "relu", "identity"))


def rectifier(slope: float, name: str = "") -> Activation:
    """A rectifier with another slope below zero."""
    called = name or f"leaky ReLU ({slope:g})"
    return Activation(called, lambda z: np.where(z > 0, z, slope * z), lambda z, a: np.where(z > 0, 1.0, slope))


def elu(alpha: float, scale: float = 1.0, name: str = "") -> Activation:
    return Activation(
        name or f"ELU ({alpha:g})",
        lambda z: scale * np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0))),
        lambda z, a: np.where(z > 0, scale, a + scale * alpha),
    )


def scaled_tanh(height: float, steepness: float, name: str = "") -> Activation:
    return Activation(
        name or f"{height:g} tanh({steepness:g} z)",
        lambda z: height * np.tanh(steepness * z),
        lambda z, a: steepness * (height - a * a / height),
    )


def scaled_sigmoid(steepness: float) -> Activation:
    return Activation(
        f"sigmoid({steepness:g} z)",
        lambda z: sigmoid(steepness * z),
        lambda z, a: steepness * a * (1.0 - a),
    )


def swish(beta: float, name: str = "") -> Activation:
    return Activation(
        name or f"z sigmoid({beta:g} z)",
        lambda z: z * sigmoid(beta * z),
        lambda z, a: sigmoid(beta * z) + beta * z * sigmoid_derivative(z, sigmoid(beta * z)),
    )


def softplus(z: Array) -> Array:
    return np.logaddexp(0.0, z)


def normal_below(z: Array) -> Array:
    """The share of a standard normal distribution below z."""
    found: Array = np.vectorize(math.erf, otypes=[float])(z / np.sqrt(2.0))
    return 0.5 * (1.0 + found)


def gelu(z: Array) -> Array:
    return z * normal_below(z)


def gelu_slope(z: Array, a: Array) -> Array:
    return normal_below(z) + z * np.exp(-z * z / 2.0) / math.sqrt(2.0 * math.pi)


INNER = math.sqrt(2.0 / math.pi)


def gelu_by_tanh(z: Array) -> Array:
    return 0.5 * z * (1.0 + np.tanh(INNER * (z + 0.044715 * z**3)))


def gelu_by_tanh_slope(z: Array, a: Array) -> Array:
    t = np.tanh(INNER * (z + 0.044715 * z**3))
    return 0.5 * (1.0 + t) + 0.5 * z * (1.0 - t * t) * INNER * (1.0 + 3 * 0.044715 * z * z)


def mish(z: Array) -> Array:
    return z * np.tanh(softplus(z))


def mish_slope(z: Array, a: Array) -> Array:
    t = np.tanh(softplus(z))
    return t + z * (1.0 - t * t) * sigmoid(z)


def step(low: float, high: float) -> Callable[[Array, Array], Array]:
    """1 where low < z < high."""
    return lambda z, a: ((z > low) & (z < high)).astype(float)


COMMON = (TANH, SIGMOID, RELU, IDENTITY, *(rectifier(slope) for slope in (0.01, 0.1)))  # these are also mixed
ELEMENTWISE: tuple[Activation, ...] = (
    *COMMON,
    *(rectifier(slope) for slope in (0.2, 0.05, 0.3, 0.02, 0.001)),
    Activation("softplus", softplus, lambda z, a: sigmoid(z)),
    elu(1.0, name="ELU"),
    Activation("sine", np.sin, lambda z, a: np.cos(z)),
    scaled_tanh(1.7159, 2 / 3, "scaled tanh"),
    swish(1.0, "swish"),
    Activation("softsign", lambda z: z / (1.0 + np.abs(z)), lambda z, a: 1.0 / (1.0 + np.abs(z)) ** 2),
    Activation("arctan", np.arctan, lambda z, a: 1.0 / (1.0 + z * z)),
    Activation("GELU", gelu, gelu_slope),
    Activation("GELU by tanh", gelu_by_tanh, gelu_by_tanh_slope),
    elu(1.6732632423543772, 1.0507009873554805, "SELU"),
    elu(1.67326, 1.0507, "SELU (rounded)"),
    Activation("cosine", np.cos, lambda z, a: -np.sin(z)),
    Activation("Gaussian", lambda z: np.exp(-z * z), lambda z, a: -2.0 * z * a),
    Activation("ReLU6", lambda z: np.clip(z, 0.0, 6.0), step(0.0, 6.0)),
    Activation("hard tanh", lambda z: np.clip(z, -1.0, 1.0), step(-1.0, 1.0)),
    Activation(
        "hard sigmoid (0.2)", lambda z: np.clip(0.2 * z + 0.5, 0.0, 1.0), lambda z, a: 0.2 * step(-2.5, 2.5)(z, a)
    ),
    Activation("hard sigmoid", lambda z: np.clip(z / 6 + 0.5, 0.0, 1.0), lambda z, a: step(-3.0, 3.0)(z, a) / 6),
    Activation("mish", mish, mish_slope),
    Activation("square", np.square, lambda z, a: 2.0 * z),
    Activation("cube", lambda z: z**3, lambda z, a: 3.0 * z * z),
    Activation("absolute value", np.abs, lambda z, a: np.sign(z)),
    Activation("exponential", np.exp, lambda z, a: a),
    Activation("log-sigmoid", lambda z: -softplus(-z), lambda z, a: sigmoid(-z)),
)


@dataclass(frozen=True)
class Family:
    """Functions with numbers in them that a program may have chosen freely.

    Attributes:
        member: the function for given numbers.
        starts: where the search for the numbers begins.
    """

    member: Callable[..., Activation]
    starts: tuple[tuple[float, ...], ...]


FAMILIES = (
    Family(rectifier, ((0.05,), (0.4,))),
    Family(elu, ((0.7,),)),
    Family(scaled_tanh, ((1.5, 0.7),)),
    Family(scaled_sigmoid, ((2.0,),)),
    Family(swish, ((1.5,),)),
)


def is_rectifier(function: Activation) -> bool:
    return function.name == "relu" or function.name.startswith("leaky")


def slope_below_zero(function: Activation) -> float:
    z = np.array([-1.0])
    return float(function.derivative(z, function.function(z))[0])
