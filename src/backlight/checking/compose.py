"""Every way in which a program may make a network, carried out with the widths wanted here."""

import inspect
import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from backlight.checking.construct import Maker, call_with, is_parameter_name
from backlight.checking.flat_finding import flat_networks
from backlight.checking.guesses import makes_parameters
from backlight.checking.layers import is_mere_layer, methods, required
from backlight.checking.own_code import Reference, return_names, short
from backlight.checking.program import Program
from backlight.checking.rehearsal import assembled, layer_classes
from backlight.checking.roles import BACKWARD, FORWARD, INIT, LOSS, is_called
from backlight.checking.store import hold_weights, slots
from backlight.checking.subject import seeded
from backlight.networks.activations import Array

MADE_HERE = "functions"  # over parameters that no function of the program makes


@dataclass(frozen=True)
class Made:
    """A network, and how to make it again."""

    shown: str
    network: Any
    build: Callable[[Program], Any]
    as_argument: bool
    arguments: dict[str, Any] = field(default_factory=dict)  # what it was made with


def networks(program: Program, maker: Maker, target: str | None) -> Iterator[Made]:
    """Objects of network classes, stacks of layers, results of `initialize…`, parameters made here, globals."""
    classes, layered = network_classes(program, target), False
    if target is None:
        parts = layer_classes(program, maker)
        classes = [name for name in classes if name not in parts]
    for plan in flat_networks(program, maker) if target is None else ():
        with suppress(Exception):
            yield Made(plan.shown(MADE_HERE), plan.build(program), plan.build, True, plan.owner.arguments)
    yield from objects(program, classes, maker)
    for description, build in assembled(program, maker):
        layered = True
        with suppress(Exception):
            network = seeded(partial(build, program))
            yield Made(description, network, build, isinstance(network, list))
    if target is None or target in program.functions():
        yield from function_networks(program, maker)
    if target is None and globals_assigned(program):
        yield Made("globals", Globals(program), Globals, False)
    if target is None and not classes and not layered:  # whatever their methods are called
        yield from objects(program, [n for n, kind in program.classes().items() if len(methods(kind)) > 2], maker)


def objects(program: Program, names: list[str], maker: Maker) -> Iterator[Made]:
    for name in names:
        made = make_one(program.classes()[name], name, maker)
        if made is not None:
            yield Made(shown(name, made[0]), made[1], partial(make_object, name, made[0], maker), False, made[0])


class Globals:
    """Parameters that a script keeps in global variables, as attributes of an object."""

    def __init__(self, program: Program) -> None:
        self.__dict__ = program.namespace


def globals_assigned(program: Program) -> list[str]:
    """Names of parameters that the script keeps as float arrays at module level."""
    found = {name: value for name, value in program.namespace.items() if is_parameter_name(name)}
    return [name for name, value in found.items() if isinstance(value, np.ndarray) and value.dtype.kind == "f"]


def shown(name: str, arguments: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={short(value)}' for key, value in arguments.items())})"


def make_object(name: str, arguments: dict[str, Any], maker: Maker, program: Program) -> Any:
    network = seeded(lambda: call_with(program.classes()[name], arguments))
    if not has_weights(network):
        initialise(network, maker)
    return network


def make_parameters(name: str, arguments: dict[str, Any], program: Program) -> Any:
    returned = seeded(lambda: call_with(program.functions()[name], arguments))
    return named(returned, return_names(program, Reference("", name), None))


def network_classes(program: Program, target: str | None) -> list[str]:
    classes = {name: kind for name, kind in program.classes().items() if name == target or may_be_network(kind)}
    if target is not None:
        return [target] if target in classes else []
    score = {
        name: sum(
            weight
            for pattern, weight in ((BACKWARD, 3), (LOSS, 2), (FORWARD, 1), (r".*(train|fit|sgd|update|learn).*", 1))
            if any(is_called(pattern, method) for method in methods(kind))
        )
        for name, kind in classes.items()
    }
    return sorted((name for name in classes if score[name] >= 2), key=lambda name: -score[name])


def may_be_network(kind: type) -> bool:
    return not is_mere_layer(kind) and not issubclass(kind, tuple)


def make_one(function: Callable[..., Any], name: str, maker: Maker) -> tuple[dict[str, Any], Any] | None:
    """Arguments under which a class or function makes something that holds weights, and what it made."""
    for arguments in maker.calls(function, name):
        with suppress(Exception):
            network = seeded(partial(call_with, function, arguments))
            if network is not None and has_weights(network):
                return arguments, network
            if network is not None and isinstance(function, type):
                with suppress(Exception):  # parameters may be made by a method of their own
                    initialise(network, maker)
                    if has_weights(network):
                        return arguments, network
    return None


def initialise(network: Any, maker: Maker) -> None:
    for name in methods(type(network)):
        if is_called(rf"{INIT}|compile|build", name) and name != "__init__":
            arguments = next(iter(maker.calls(getattr(network, name), name)), {})
            seeded(partial(call_with, getattr(network, name), arguments))


def has_weights(network: Any) -> bool:
    return hold_weights(slots(list(network) if isinstance(network, tuple) else network))


def function_networks(program: Program, maker: Maker) -> Iterator[Made]:
    functions = program.functions()
    for name, function in functions.items():
        if not makes_parameters(name, required(function)):
            continue
        made = make_one(function, name, maker)
        if made is not None:
            network = named(made[1], return_names(program, Reference("", name), None))
            yield Made(shown(name, made[0]), network, partial(make_parameters, name, made[0]), True, made[0])
    for name, function in functions.items():
        if is_called(FORWARD, name):
            for created in made_here(function, maker):
                yield Made(MADE_HERE, dict(created), partial(copied, created), True)


def copied(created: dict[str, Array], program: Program) -> dict[str, Array]:
    return {name: value.copy() for name, value in created.items()}


def named(network: Any, names: list[str]) -> Any:
    """A returned tuple W1, b1, W2, b2 as a dict by these names; lists and dicts as they are."""
    if hasattr(network, "_fields"):
        return network
    if isinstance(network, tuple) and len(names) == len(network):
        return dict(zip(names, network, strict=True))
    return list(network) if isinstance(network, tuple) else network


def made_here(forward: Callable[..., Any], maker: Maker) -> Iterator[dict[str, Array]]:
    """Parameters for functions that take W1, b1, … one by one and leave it to the script to make them.

    In both orientations: W_l (d_in, d_out) with b_l (1, d_out), and W_l (d_out, d_in) with b_l (d_out, 1).
    """
    names = [name for name in inspect.signature(forward).parameters if is_parameter_name(name)]
    weights = [name for name in names if not name.lower().startswith("b")]
    if not weights:
        return
    widths = maker.sizes.of_depth(len(weights))
    shapes = dict(zip(weights, itertools.pairwise(widths), strict=True))
    shapes |= {
        name: (1, width) for name, width in zip([n for n in names if n not in weights], widths[1:], strict=False)
    }
    plain = {name: np.ones(shapes[name]) for name in names if name in shapes}
    turned = {name: np.ones(shapes[name][::-1]) for name in names if name in shapes}
    columns = maker.feed is not None and maker.feed.layout != "rows"
    yield from (turned, plain) if columns else (plain, turned)
