"""Networks that a script puts together from layer objects: the same stack again, in the widths wanted here."""

import ast
import inspect
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from backlight.checking.construct import Sizes
from backlight.checking.program import Program
from backlight.checking.roles import BACKWARD, FORWARD, is_called, roles_of, size_role
from backlight.checking.store import slots

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
    return next((name for name in dir(kind) if is_called(pattern, name) and callable(getattr(kind, name))), None)


def is_layer(kind: type) -> bool:
    """forward(x) and backward(…): one input, no labels."""
    forward, backward = method(kind, r"(forward\w*|fprop|__call__|feed_?forward|fwd|predict)"), method(kind, BACKWARD)
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
    hidden = list(sizes.hidden) + [sizes.hidden[-1]] * len(dense)
    widths = [sizes.inputs, *hidden[: len(dense) - 1], sizes.classes]
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
                    yield (
                        f"{name}([{shown}])",
                        lambda p, n=name, i=index: into_network(p, n, rebuilt(p, stacks(p)[i], sizes)),
                    )
        yield f"[{shown}]", lambda p, i=index: rebuilt(p, stacks(p)[i], sizes)


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


__all__ = ["FORWARD", "LayerCall", "assembled", "is_layer", "method", "required", "stacks"]
