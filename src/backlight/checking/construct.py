"""Making objects of somebody's classes: what to hand to a constructor, by the names of its arguments."""

import ast
import copy
import inspect
import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from backlight.checking.feed import Feed
from backlight.checking.program import Program
from backlight.checking.roles import is_activation, roles_of, size_role, tokens

ACTIVATION_NAMES = ("tanh", "sigmoid", "relu", "leaky_relu", "leakyrelu", "lrelu", "logistic", "elu", "softplus",
                    "linear", "identity")  # fmt: skip
PENALTY = 0.1
TRIES = 80
SAMPLE_NAMES = ("x", "inputs", "x_train", "data", "y", "y_train", "labels", "targets")


@dataclass(frozen=True)
class Sizes:
    """Widths to try: d inputs, hidden layers, K outputs."""

    inputs: int
    hidden: tuple[int, ...]
    classes: int

    @property
    def all(self) -> list[int]:
        return [self.inputs, *self.hidden, self.classes]

    @property
    def equal(self) -> bool:
        """Whether the inputs and all hidden layers are equally wide, so that shapes tell nothing apart."""
        return {self.inputs} == set(self.hidden)

    def of_depth(self, layers: int) -> list[int]:
        """Widths of a network of so many layers of weights: d, h_1 … h_{layers − 1}, K."""
        hidden = [*self.hidden, *self.hidden[-1:] * layers][: layers - 1]
        return [self.inputs, *hidden, self.classes]


# All widths differ, so that every array's shape says which it is; then what code that is written for one
# output, for two classes, or only works where layers are equally wide needs.
TRIED_SIZES = (Sizes(3, (5, 6), 4), Sizes(3, (5, 6), 1), Sizes(2, (5, 6), 2), Sizes(4, (4, 4), 4), Sizes(2, (2, 2), 1))


@lru_cache(maxsize=16)
def spelled_activations(program: Program) -> list[str]:
    """Names of activation functions among the strings of the source, in the program's own spelling."""
    found: dict[str, None] = {}
    for tree in program.trees.values():
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            if text.lower().replace(" ", "_") in ACTIVATION_NAMES:
                found[text] = None
    return list(found)


def activation_values(program: Program, preferred: str | None) -> list[Any]:
    """What an argument for an activation may be given: names, functions or classes of the program."""
    names = spelled_activations(program)
    plain = [name for name in names if name.lower() not in ("linear", "identity")]
    ordered = sorted(plain, key=lambda name: name.lower() != "tanh")
    if preferred is not None:
        ordered = [preferred, *(name for name in ordered if name != preferred)]
    objects: list[Any] = []
    for wanted in ("tanh", "sigmoid", "relu"):
        for name, value in program.namespace.items():
            if callable(value) and name.lower().replace("_", "") == wanted and program.file_of(value):
                objects += [value, value()] if isinstance(value, type) and makes_itself(value) else [value]
    return [*ordered, *objects, "tanh", np.tanh]


def makes_itself(kind: type) -> bool:
    try:
        kind()
    except Exception:
        return False
    return True


def is_parameter_name(name: str) -> bool:
    return (
        re.fullmatch(r"(w|b|theta|weights?|bias(es)?)_?(\d+|ih|ho|hh|xh|hy|h|o|in|out|hidden|output)", name, re.I)
        is not None
    )


def call_with(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """A call in which the value of "*name" is spread over the positional arguments.

    The function is given copies: it may keep a list, and what it does to that must not be there in the next call.
    """
    with suppress(Exception):
        arguments = copy.deepcopy(arguments)
    spread = [value for key, values in arguments.items() if key.startswith("*") for value in values]
    return function(*spread, **{key: value for key, value in arguments.items() if not key.startswith("*")})


@lru_cache(maxsize=16)
def constants(program: Program) -> dict[str, Any]:
    """Values of literal assignments anywhere in the source, also where the program itself is not run."""
    found: dict[str, Any] = {}
    for tree in program.trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                value = handed(program, node.value, {})
                if value is not None:
                    found.setdefault(node.targets[0].id, value)
    return found


@lru_cache(maxsize=256)
def literal_arguments(program: Program, name: str) -> list[tuple[list[Any], dict[str, Any]]]:
    """Literals and objects in every call of `name` in the source; what is neither is None."""
    calls, known = [], constants(program)
    for tree in program.trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", None)) == name:
                named = {word.arg: handed(program, word.value, known) for word in node.keywords if word.arg}
                calls.append(([handed(program, argument, known) for argument in node.args], named))
    return calls


def handed(program: Program, node: ast.expr, known: dict[str, Any]) -> Any:
    """The value of a literal; of an object that is made on the spot, its class."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        kind = program.namespace.get(node.func.id)
        return kind if isinstance(kind, type) and program.file_of(kind) is not None else None
    return literal(node, known)


def literal(node: ast.expr, known: dict[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return known.get(node.id)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return None


def described_layers(value: Any) -> bool:
    """Whether this is an architecture written layer by layer: dicts or tuples with widths in them."""
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(isinstance(layer, dict | tuple | list) and bool(widths_in(layer)) for layer in value)
        and not all(isinstance(layer, tuple | list) and all(type(v) is not str for v in layer) for layer in value)
    )


def widths_in(layer: Any) -> list[Any]:
    """Keys (or indices) under which a layer's description has its widths, the input's first."""
    items = list(layer.items()) if isinstance(layer, dict) else list(enumerate(layer))
    keys = [key for key, value in items if type(value) is int and (isinstance(key, int) or size_role(key) is not None)]
    return sorted(keys, key=lambda key: isinstance(key, str) and size_role(key) != "input")[:2]


def with_widths(layers: list[Any], sizes: Sizes) -> list[Any]:
    """The same architecture in these sizes; what else it says of its layers stays."""
    widths, changed = sizes.of_depth(len(layers)), []
    for layer, before, after in zip(layers, widths, widths[1:], strict=False):
        keys = widths_in(layer)
        given = dict(zip(keys, (before, after) if len(keys) == 2 else (after,), strict=True))
        if isinstance(layer, dict):
            changed.append({**layer, **given})
        else:
            changed.append(type(layer)(given.get(index, value) for index, value in enumerate(layer)))
    return changed


@dataclass(frozen=True)
class Maker:
    """Values for arguments: of sizes, feeds and the program's own habits."""

    program: Program
    sizes: Sizes
    feed: Feed | None = None
    activation: str | None = None

    def calls(self, function: Callable[..., Any], name: str) -> Iterator[dict[str, Any]]:
        """Keyword arguments to try with a constructor or an `initialize…` function, the likeliest first."""
        try:
            parameters = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):
            return
        spread = {f"*{p.name}": self.sizes.all for p in parameters[:1] if self.takes_widths(p)}
        parameters = [p for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name != "self"]
        hints = {} if spread else self.hints(name, [p.name for p in parameters])
        options = [self.options(parameter, hints.get(parameter.name)) for parameter in parameters]
        for values in itertools.islice(itertools.product(*options), TRIES):
            yield spread | {p.name: v for p, v in zip(parameters, values, strict=True) if v is not DEFAULT}

    def takes_widths(self, parameter: inspect.Parameter) -> bool:
        """`*sizes`: widths one by one."""
        sized = size_role(parameter.name) is not None or "size_list" in roles_of(parameter.name)
        return parameter.kind is parameter.VAR_POSITIONAL and (sized or parameter.name in ("args", "n"))

    def hints(self, name: str, parameters: list[str]) -> dict[str, Any]:
        """Literals that the program itself hands over, by parameter."""
        found: dict[str, Any] = {}
        for positional, named in literal_arguments(self.program, name):
            found = {**dict(zip(parameters, positional, strict=False)), **named, **found}
        return {key: value for key, value in found.items() if value is not None}

    def options(self, parameter: inspect.Parameter, hint: Any) -> list[Any]:
        optional = parameter.default is not parameter.empty
        known = self.settings(parameter, hint)
        hint = None if isinstance(hint, type) else hint
        known = known or self.known(parameter, hint, parameter.default if optional else None)
        if optional:
            return [*known, DEFAULT] if known else [DEFAULT]
        if known:
            return known
        guesses = [hint] if hint is not None else []
        shared = self.program.namespace.get(parameter.name)
        guesses += [shared] if isinstance(shared, list | dict | str | int | float) else []
        return [
            *guesses,
            self.sizes.all,
            self.sizes.hidden[0],
            *activation_values(self.program, self.activation)[:2],
            0.1,
        ]

    def settings(self, parameter: inspect.Parameter, hint: Any) -> list[Any]:
        """An object of the program's own class, of which the program hands one over or by which it annotates."""
        note = getattr(parameter.annotation, "__name__", str(parameter.annotation)).split(".")[-1]
        if note == "Generator":
            return [np.random.default_rng(0)]
        kind = hint if isinstance(hint, type) else self.program.classes().get(note)
        if kind is not None:
            for arguments in self.calls(kind, kind.__name__):
                with suppress(Exception):
                    return [call_with(kind, arguments)]
        return []

    def known(self, parameter: inspect.Parameter, hint: Any, default: Any) -> list[Any]:
        """Values whose role the name (or the literal that the program hands over) gives away."""
        name, roles = parameter.name, roles_of(parameter.name)
        if name.lower() in ("dtype",):
            return [np.float64]
        if ("activation" in roles or is_activation(default)) and (
            isinstance(default, str) or default is None or callable(default)
        ):
            return self.activations(default, hint)
        if "many" in roles and not {"size_list"} & set(roles) and (default is None or type(default) is int):
            return [1]  # a constructor or an `initialize…` that trains at once makes one step
        example = hint if hint is not None else default
        if example is None and "size_list" in roles:
            example = next((value for value in constants(self.program).values() if described_layers(value)), None)
        if described_layers(example):
            return [with_widths(example, self.sizes)]
        if isinstance(example, list | tuple) and example and all(type(v) is int for v in example):
            whole = "hidden" not in tokens(name)
            widths = self.sizes.all if whole else list(self.sizes.hidden)
            return [type(example)(widths)]
        if isinstance(example, str | bool | float) and not (isinstance(example, float) and "penalty" in roles):
            return [] if default is not None else [example]
        if "penalty" in roles:
            return [default] if isinstance(default, float) and default > 0 else [PENALTY]
        if {"seed", "rate", "many", "batch", "quiet"} & set(roles):
            return [] if default is not None else self.plain(roles)
        if "size_list" in roles and not isinstance(example, int):
            if "hidden" in tokens(name):
                return [list(self.sizes.hidden), self.sizes.hidden[0]]
            counted = [self.sizes.hidden[0]] if size_role(name) == "hidden" else []  # n_units
            return [self.sizes.all, list(self.sizes.hidden), *counted]
        role = size_role(name)
        if role is not None and (example is None or isinstance(example, int)):
            return self.width(role, name)
        if self.feed is not None and {"input", "labels"} & set(roles):
            return [self.feed.inputs() if "input" in roles else self.feed.labels()]
        return []

    def activations(self, default: Any, hint: Any) -> list[Any]:
        if self.activation is not None:
            return [self.activation] if isinstance(default, str) or default is None else []
        if default is not None:
            return []
        return ([hint] if isinstance(hint, str) else []) + activation_values(self.program, self.activation)

    def plain(self, roles: tuple[str, ...]) -> list[Any]:
        if "seed" in roles:
            return [0, np.random.default_rng(0)]
        return (
            [0.1]
            if "rate" in roles
            else [1]
            if "many" in roles
            else [self.feed_size()]
            if "batch" in roles
            else [False]
        )

    def feed_size(self) -> int:
        return len(self.feed.X) if self.feed else 7

    def width(self, role: str, name: str) -> list[Any]:
        if self.feed is not None and name.lower() in SAMPLE_NAMES:
            return [self.feed.inputs() if name.lower() in SAMPLE_NAMES[:4] else self.feed.labels()]
        if role == "depth":
            return [len(self.sizes.hidden) + 1, len(self.sizes.hidden) + 2, 2]
        if role == "hidden":
            second = any(word.startswith("2") for word in tokens(name))
            return [self.sizes.hidden[1] if second else self.sizes.hidden[0], list(self.sizes.hidden)]
        return [self.sizes.inputs if role == "input" else self.sizes.classes]


class _Default:
    """Marks an argument that keeps its default."""


DEFAULT = _Default()
