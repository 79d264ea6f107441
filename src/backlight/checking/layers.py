"""What a class is, by its methods: a layer, a dense one, a network that layers are handed to."""

import inspect
import re
from collections.abc import Callable
from functools import lru_cache
from types import FunctionType
from typing import Any

from backlight.checking.roles import BACKWARD, LOSS, is_called, roles_of, size_role

LAYER_FORWARD = (
    r"(forward\w*|fprop|__call__|call|feed_?forward|fwd|predict|vor(wae?rts)?\w*|a[ct]?tivar|propag\w*|"
    r".*_?(adelante|avanti|avant|frente|ileri))"
)
# What a backward pass is called with that gets a gradient from the layer behind it.
BEHIND = r".*(grad|dout|dvalues|delta|error|d_?(a|y|z|l|h|out\w*)$|upstream|^g$|^da|^dz|^dy).*"


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
    if backward is not None and re.fullmatch(r"_*(derivatives?|grad(ient)?)", backward):  # of an activation, by z
        taken = required(getattr(kind, backward))
        backward = backward if not taken or re.match(BEHIND, taken[0], re.IGNORECASE) else None
    return len(arguments) == 1 and (backward is not None or "softmax" in kind.__name__.lower())


def is_network(kind: type) -> bool:
    """A class that layers are handed to: `Model([…])`, `Sequential()` with `add`."""
    takes = [
        name for name in inspect.signature(kind).parameters if "layer" in name or "network" in name or "modules" in name
    ]
    adds = any(is_called(r"add\w*|append|push", name) for name in dir(kind))
    return bool(takes) or adds


def is_dense(kind: type) -> bool:
    words = kind.__name__.lower()
    return any(word in words for word in ("dense", "linear", "affine", "fc", "fully", "layer_dense")) or len(
        [name for name in inspect.signature(kind).parameters if size_role(name)]
    ) >= 2 or any(is_called(r".*(unit|neuron|n_out|size|dim).*", name) for name in required(kind))  # fmt: skip


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
