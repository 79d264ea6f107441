"""A network whose parameters are one flat vector, shown as its parts."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any

import numpy as np

from backlight.checking.binding import Pool
from backlight.checking.construct import call_with
from backlight.checking.flat_layout import Region, Unrolled
from backlight.checking.layers import methods
from backlight.checking.program import Program
from backlight.checking.subject import seeded
from backlight.networks.activations import Array

Functions = dict[str, Callable[..., Any]]


@dataclass(frozen=True)
class Owner:
    """What has the functions: an object of a class, what a function has made, or ("") the module."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def make(self, program: Program) -> Any:
        return seeded(lambda: call_with(program.namespace[self.name], self.arguments)) if self.name else None


class Flat(dict[str, Array]):
    """One vector as a dict of its parts, which are views into it.

    Attributes:
        vector, regions: the vector and how it is cut.
        owner: the object whose methods are the network's; None for functions of the module.
        functions: those of the owner.
        setter: the function that the owner takes the vector by, or ".attribute" that it keeps it under; "" where each
            function is handed it.
        names: arguments that are the vector, by function.
        sizes: widths, by the names of the arguments that ask for them.
    """

    __slots__ = ("functions", "names", "owner", "regions", "setter", "sizes", "vector")

    def __init__(self, vector: Array, regions: Sequence[Region], owner: Any, sizes: Pool) -> None:
        super().__init__({region.name: region.of(vector) for region in regions})
        self.vector, self.regions, self.owner, self.sizes = vector, regions, owner, sizes
        self.functions, self.setter = functions_of(owner), ""
        self.names: dict[str, str] = {}

    def __getattr__(self, name: str) -> Any:
        if name in Flat.__slots__ or name not in self.functions:
            raise AttributeError(name)
        return self.functions[name]

    def install(self) -> None:
        """Hands the vector to an owner that keeps it, or what it is cut into."""
        if self.setter.startswith("."):
            setattr(self.owner, self.setter[1:], self.vector)
        elif self.setter:
            self.functions[self.setter](self.vector.copy())


def functions_of(owner: Any) -> Functions:
    """By name: an object's methods, a closure itself, several closures in a tuple or dict."""
    if isinstance(owner, FunctionType):
        return {owner.__name__: owner}
    if isinstance(owner, tuple | list):
        return {name: function for part in owner for name, function in functions_of(part).items()}
    if isinstance(owner, dict):
        return {str(name): function for name, function in owner.items() if isinstance(function, FunctionType)}
    own = [] if owner is None else [name for name in methods(type(owner)) if name != "__init__"]
    return {name: getattr(owner, name) for name in own}


@dataclass(frozen=True)
class Plan:
    """How a flat network is made again, also from a patched program."""

    owner: Owner
    layout: Unrolled
    sizes: Pool
    names: dict[str, str]
    setter: str
    start: Owner | None  # the function that makes the first vector, by name and arguments

    def build(self, program: Program) -> Flat:
        owner = self.owner.make(program)
        network = Flat(self.first(program, owner), self.layout.regions, owner, self.sizes)
        network.names, network.setter = self.names, self.setter
        return network

    def first(self, program: Program, owner: Any) -> Array:
        if self.start is not None:
            with suppress(Exception):
                vector = started(functions_of(owner) | program.functions(), self.start)
                if len(vector) == self.layout.length:
                    return vector
        return np.random.default_rng(0).normal(0.0, 0.3, self.layout.length)

    def shown(self, unmade: str) -> str:
        return self.start.name if self.start else unmade


def started(functions: Functions, start: Owner) -> Array:
    made = np.asarray(seeded(lambda: call_with(functions[start.name], start.arguments)))
    if made.dtype.kind != "f" or made.size < 4 or made.size != max(made.shape):
        raise ValueError("this is no vector of parameters")
    return made.astype(float).ravel()
