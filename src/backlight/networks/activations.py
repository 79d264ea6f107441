"""Activation functions, each beside its derivative.

A derivative takes the pre-activation z *and* the activation a = f(z). For tanh and sigmoid f′ is a
polynomial in a, for the rectifiers a step in z; handing over both leaves no doubt at which of the two
it is evaluated, and nothing is computed twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from backlight.errors import SettingsError

Array: TypeAlias = NDArray[np.float64]
ActivationNames: TypeAlias = str | list[str] | tuple[str, ...]  # one for all hidden layers, or one for each

LEAKY_SLOPE = 0.1


def tanh(z: Array) -> Array:
    return np.tanh(z)


def tanh_derivative(z: Array, a: Array) -> Array:
    return 1.0 - a * a


def sigmoid(z: Array) -> Array:
    power = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, power) / (1.0 + power)  # 1 / (1 + e^−z), without overflow for large −z


def sigmoid_derivative(z: Array, a: Array) -> Array:
    return a * (1.0 - a)


def relu(z: Array) -> Array:
    return np.maximum(z, 0.0)


def relu_derivative(z: Array, a: Array) -> Array:
    return (z > 0.0).astype(z.dtype)  # undefined at 0, where it is taken as 0


def leaky_relu(z: Array) -> Array:
    return np.maximum(z, LEAKY_SLOPE * z)


def leaky_relu_derivative(z: Array, a: Array) -> Array:
    return np.where(z > 0.0, 1.0, LEAKY_SLOPE)


def identity(z: Array) -> Array:
    return z


def identity_derivative(z: Array, a: Array) -> Array:
    return np.ones_like(z)


@dataclass(frozen=True)
class Activation:
    """An elementwise function f and its derivative f′.

    Attributes:
        name: as settings and the command line spell it.
        function: z ↦ f(z), any shape, float64.
        derivative: (z, f(z)) ↦ f′(z), the same shape.
    """

    name: str
    function: Callable[[Array], Array]
    derivative: Callable[[Array, Array], Array]


ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation("tanh", tanh, tanh_derivative),
        Activation("sigmoid", sigmoid, sigmoid_derivative),
        Activation("relu", relu, relu_derivative),
        Activation("leaky_relu", leaky_relu, leaky_relu_derivative),
        Activation("identity", identity, identity_derivative),
    )
}


def activation_named(name: str) -> Activation:
    """The activation called `name`.

    Raises:
        SettingsError: if there is none of that name.

    >>> activation_named("relu").function(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    if name not in ACTIVATIONS:
        raise SettingsError(f"unknown activation {name!r}; choose one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]


def layer_activations(activation: ActivationNames, layers: int) -> list[Activation]:
    """The activation of each of `layers` layers: of the hidden ones as named, and identity of the last.

    Args:
        activation: one name for all hidden layers, or a name for each.

    Raises:
        SettingsError: for an unknown name, or another number of names than of hidden layers.

    >>> [each.name for each in layer_activations(("relu", "tanh"), 3)]
    ['relu', 'tanh', 'identity']
    """
    if isinstance(activation, list | tuple):
        hidden = [activation_named(name) for name in activation]
    else:
        hidden = [activation_named(activation)] * (layers - 1)
    if len(hidden) != layers - 1:
        raise SettingsError(
            f"{layers - 1} hidden layers need one activation for all or one for each, not {len(hidden)}: "
            f"{', '.join(each.name for each in hidden) or 'none'}"
        )
    return [*hidden, ACTIVATIONS["identity"]]
