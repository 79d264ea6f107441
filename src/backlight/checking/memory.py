"""Everything that can be reached from a network, remembered, so that it can be put back to the bit."""

import copy
import random
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from backlight.checking.store import children

DRAWS = (np.random.Generator, np.random.RandomState, random.Random)
PLAIN = (str, bytes, int, float, complex, type, types.ModuleType, types.FunctionType, types.MethodType)


def carry_out(restores: Sequence[Callable[[], None]]) -> None:
    for restore in restores:
        restore()


def memories(root: Any) -> Iterator[Callable[[], None]]:
    """What puts back everything that can be reached from `root`: arrays, attributes, lists, dicts, generators."""
    pending, seen = [root], list[Any]()  # objects that are held keep their ids to themselves
    known: set[int] = set()
    while pending:
        value = pending.pop()
        if id(value) in known or isinstance(value, PLAIN):
            continue
        known.add(id(value))
        seen.append(value)
        yield from memory(value)
        if not isinstance(value, DRAWS):
            pending += [child for _, child in children(value)]


def memory(value: Any) -> Iterator[Callable[[], None]]:
    """What puts back one object itself, not what it holds."""
    if isinstance(value, np.ndarray):
        if value.flags.writeable:
            yield partial(np.copyto, value, value.copy())
    elif isinstance(value, DRAWS):
        yield memory_of_draws(value)
    elif isinstance(value, list):
        yield partial(value.__setitem__, slice(None), list(value))
    elif isinstance(value, dict):
        yield partial(refill, value, dict(value))
    else:
        if hasattr(value, "__dict__"):
            yield partial(refill, vars(value), dict(vars(value)))
        for name in getattr(type(value), "__slots__", ()):
            if hasattr(value, name):
                yield partial(setattr, value, name, getattr(value, name))


def memory_of_draws(value: Any) -> Callable[[], None]:
    if isinstance(value, np.random.Generator):
        return partial(setattr, value.bit_generator, "state", copy.deepcopy(value.bit_generator.state))
    if isinstance(value, np.random.RandomState):
        return partial(value.set_state, value.get_state())
    return partial(value.setstate, value.getstate())


def refill(held: Any, values: Mapping[Any, Any]) -> None:
    held.clear()
    held.update(values)
