"""Networks that a script puts together from layer objects: the same stack again, in the widths wanted here."""

import ast
import inspect
import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache, partial
from types import FunctionType
from typing import Any

import numpy as np

from backlight.checking.construct import Maker, Sizes, call_with, is_parameter_name
from backlight.checking.guesses import makes_parameters
from backlight.checking.own_code import Reference, return_names, short
from backlight.checking.program import Program
from backlight.checking.roles import BACKWARD, FORWARD, INIT, LOSS, is_called, roles_of, size_role
from backlight.checking.store import slots
from backlight.checking.subject import seeded
from backlight.networks.activations import Array

LAYER_FORWARD = r"(forward\w*|fprop|__call__|feed_?forward|fwd|predict)"
# What a backward pass is called with that gets a gradient from the layer behind it.
BEHIND = r".*(grad|dout|dvalues|delta|error|d_?(a|y|z|l|h|out\w*)$|upstream|^g$|^da|^dz|^dy).*"
MADE_HERE = "functions"  # over parameters that no function of the program makes
SETTINGS = ("compile", "set", "configure", "use", "use_loss", "set_loss", "finalize", "build", "loss")


@dataclass(frozen=True)
class LayerCall:
    """One layer of the script's stack.

    Attributes:
        name: of the class.
        call: as it stands in the source.
        dense: whether the layer has parameters.
    """

    name: str
    call: ast.Call
    dense: bool


def required(function: Callable[..., Any]) -> list[str]:
    """Names of the arguments that must be given, self aside."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []
    return [
        p.name for p in parameters if p.name != "self" and p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]


def method(kind: Any, pattern: str) -> str | None:
    """The method of this kind; `__call__`, which often only leads to another, last."""
    return method_of(kind if isinstance(kind, type) else type(kind), pattern)


@lru_cache(maxsize=512)
def method_of(kind: type, pattern: str) -> str | None:
    fitting = [name for name in dir(kind) if is_called(pattern, name) and callable(getattr(kind, name))]
    return next((name for name in fitting if name != "__call__"), fitting[0] if fitting else None)


def is_layer(kind: type) -> bool:
    """forward(x) and backward(…): one input, no labels."""
    forward, backward = method(kind, LAYER_FORWARD), method(kind, BACKWARD)
    if forward is None:
        return False
    arguments = [name for name in required(getattr(kind, forward)) if not {"quiet", "many"} & set(roles_of(name))]
    return len(arguments) == 1 and (backward is not None or "softmax" in kind.__name__.lower())


def is_network(kind: type) -> bool:
    """A class that layers are handed to: `Model([…])`, `Sequential()` with `add`."""
    takes = [
        name for name in inspect.signature(kind).parameters if "layer" in name or "network" in name or "modules" in name
    ]
    adds = any(is_called(r"add\w*|append|push", name) for name in dir(kind))
    return bool(takes) or adds


def stacks(program: Program) -> list[list[LayerCall]]:
    """Layer calls of each function, and of the script itself, in order; the longest stack first."""
    kinds = {name: kind for name, kind in program.classes().items() if is_layer(kind) and not is_network(kind)}
    found: dict[str, list[LayerCall]] = {}
    for tree in program.trees.values():
        for scope, statement in statements(tree):
            for call in outer_calls(statement, set(kinds)):
                name = called(call)
                found.setdefault(scope, []).append(LayerCall(name, call, is_dense(kinds[name])))
    usable = [stack for stack in found.values() if any(layer.dense for layer in stack)]
    return sorted(usable, key=lambda stack: -len(stack))


def statements(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """(scope, statement) for what stands outside of classes; the main guard belongs to the script."""
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef):
            yield from ((statement.name, inner) for inner in statement.body)
        elif not isinstance(statement, ast.ClassDef):
            yield "", statement


def outer_calls(node: ast.AST, names: set[str]) -> Iterator[ast.Call]:
    """Calls of these names that are no argument of another one, in source order."""
    if isinstance(node, ast.Call) and called(node) in names:
        yield node
        return
    for child in ast.iter_child_nodes(node):
        yield from outer_calls(child, names)


def called(call: ast.Call) -> str:
    return str(getattr(call.func, "id", getattr(call.func, "attr", "")))


def is_dense(kind: type) -> bool:
    words = kind.__name__.lower()
    return any(word in words for word in ("dense", "linear", "affine", "fc", "fully", "layer_dense")) or len(
        [name for name in inspect.signature(kind).parameters if size_role(name)]
    ) >= 2 or any(is_called(r".*(unit|neuron|n_out|size|dim).*", name) for name in required(kind))  # fmt: skip


def rebuilt(program: Program, stack: list[LayerCall], sizes: Sizes) -> list[Any]:
    """The stack's layers anew, each dense one from the width before it to the next."""
    dense = [index for index, layer in enumerate(stack) if layer.dense]
    widths = sizes.of_depth(len(dense))
    made = []
    for index, layer in enumerate(stack):
        kind = program.namespace[layer.name] if layer.name in program.namespace else program.classes()[layer.name]
        if layer.dense:
            place = dense.index(index)
            made.append(
                kind(**dense_arguments(program, kind, layer.call, widths[place], widths[place + 1], place == 0))
            )
        else:
            positional, named = arguments(program, layer.call)
            made.append(kind(*positional, **named))
    return made


def dense_arguments(
    program: Program, kind: type, call: ast.Call, before: int, after: int, first: bool
) -> dict[str, Any]:
    """The script's arguments with the two widths exchanged: by name where names tell, else the first two."""
    names = [name for name in inspect.signature(kind).parameters if name != "self"]
    given: dict[str, Any] = dict(zip(names, [value_of(program, node) for node in call.args], strict=False))
    given |= {word.arg: value_of(program, word.value) for word in call.keywords if word.arg}
    wide = [name for name in given if isinstance(given[name], int | _Unknown) and not isinstance(given[name], bool)]
    wide = [name for name in wide if not {"seed", "penalty", "rate"} & set(roles_of(name))]
    inputs = [name for name in wide if size_role(name) == "input"]
    if len(wide) >= 2:
        one = inputs[0] if inputs else wide[0]
        other = next(name for name in wide if name != one)
        given |= {one: before, other: after}
    elif wide:
        given[wide[0]] = before if inputs and len(required(kind)) > 1 else after
        unset = [name for name in names if size_role(name) == "input" and name not in given]
        if first and unset:
            given[unset[0]] = before
    for name, value in list(given.items()):  # a generator or a matrix of the script's own
        if isinstance(value, _Unknown) or "regulari" in name:  # a penalty that the script adds to its loss itself
            del given[name]
    return given


class _Unknown:
    """An argument whose value only running the script would give."""


def value_of(program: Program, node: ast.expr) -> Any:
    try:
        return eval(compile(ast.Expression(node), "<argument>", "eval"), program.namespace)  # the user's own expression
    except Exception:
        return _Unknown()


def arguments(program: Program, call: ast.Call) -> tuple[list[Any], dict[str, Any]]:
    positional = [value_of(program, node) for node in call.args if not isinstance(node, ast.Starred)]
    named = {word.arg: value_of(program, word.value) for word in call.keywords if word.arg}
    return (
        [value for value in positional if not isinstance(value, _Unknown)],
        {name: value for name, value in named.items() if not isinstance(value, _Unknown)},
    )


def assembled(program: Program, sizes: Sizes) -> Iterator[tuple[str, Callable[[Program], Any]]]:
    """(description, builder) of networks made of the script's stacks: its own network class, then plain lists."""
    for index, stack in enumerate(stacks(program)[:3]):
        shown = ", ".join(layer.name for layer in stack)
        for name, kind in program.classes().items():
            with suppress(TypeError, ValueError):
                if is_network(kind):
                    yield f"{name}([{shown}])", partial(stacked, index, sizes, name)
        yield f"[{shown}]", partial(stacked, index, sizes, None)


def stacked(index: int, sizes: Sizes, network: str | None, program: Program) -> Any:
    layers = rebuilt(program, stacks(program)[index], sizes)
    return layers if network is None else into_network(program, network, layers)


def into_network(program: Program, name: str, layers: list[Any]) -> Any:
    """Layers handed to a network class in the way that it takes them, then set up as the script does."""
    kind = program.classes()[name]
    network = None
    for attempt in (lambda: kind(layers), lambda: kind(*layers), lambda: added(kind(), layers)):
        with suppress(Exception):
            candidate = attempt()
            if any(True for _ in slots(candidate)):
                network = candidate
                break
    if network is None:
        raise ValueError(f"{name} took no layers")
    for tree in program.trees.values():
        for _, statement in statements(tree):
            for call in outer_calls(statement, set(SETTINGS)):
                if isinstance(call.func, ast.Attribute) and hasattr(network, call.func.attr):
                    positional, named = arguments(program, call)
                    with suppress(Exception):
                        getattr(network, call.func.attr)(*positional, **named)
    return network


def added(network: Any, layers: list[Any]) -> Any:
    add = next(name for name in dir(network) if is_called(r"add\w*|append|push", name))
    for layer in layers:
        getattr(network, add)(layer)
    return network


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
    yield from objects(program, network_classes(program, target), maker)
    for description, build in assembled(program, maker.sizes):
        with suppress(Exception):
            network = seeded(partial(build, program))
            yield Made(description, network, build, isinstance(network, list))
    if target is None or target in program.functions():
        yield from function_networks(program, maker)
    if target is None and globals_assigned(program):
        yield Made("globals", Globals(program), Globals, False)
    if target is None and not network_classes(program, None) and not stacks(program):
        yield from objects(program, untelling_classes(program), maker)


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
    classes = {name: kind for name, kind in program.classes().items() if name == target or not is_mere_layer(kind)}
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


def untelling_classes(program: Program) -> list[str]:
    """Classes with several methods of whatever names, where no class has methods of known ones."""
    return [name for name, kind in program.classes().items() if len(methods(kind)) > 2 and not is_mere_layer(kind)]


def is_mere_layer(kind: type) -> bool:
    """backward(gradient from behind) and no loss: one layer of a network, not a network."""
    names = methods(kind)
    passes = [name for name in names if is_called(BACKWARD, name)]
    if not passes or any(is_called(LOSS, name) for name in names):
        return False
    return all(
        any(re.match(BEHIND, argument, re.IGNORECASE) for argument in required(getattr(kind, name))) for name in passes
    )


def methods(kind: type) -> list[str]:
    """Names of a class's functions, inherited ones included, in the order of their definition."""
    found: dict[str, None] = {}
    for base in reversed(kind.__mro__[:-1]):
        found |= {
            name: None
            for name, value in vars(base).items()
            if isinstance(value, FunctionType | staticmethod | classmethod)
        }
    return list(found)


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
        if is_called(INIT, name) and name != "__init__":
            arguments = next(iter(maker.calls(getattr(network, name), name)), {})
            seeded(partial(call_with, getattr(network, name), arguments))


def has_weights(network: Any) -> bool:
    return any(
        slot.read().ndim == 2 and slot.read().dtype.kind == "f"
        for slot in slots(list(network) if isinstance(network, tuple) else network)
    )


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
