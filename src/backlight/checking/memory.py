"""Putting back whatever a call changes: arrays, attributes, lists, dicts and generators, to the bit."""

import copy
import random
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from backlight.checking.store import children

DRAWS = (np.random.Generator, np.random.RandomState, random.Random)
PLAIN = (str, bytes, int, float, complex, type, types.ModuleType, types.FunctionType, types.MethodType)


@contextmanager
def kept(network: Any) -> Iterator[None]:
    """Whatever is done inside: afterwards the network and the global generators are as they were, to the bit."""
    states = random.getstate(), np.random.get_state()  # noqa: NPY002  # the global one is meant
    restores = list(memories(network))
    try:
        yield
    finally:
        carry_out(restores)
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002  # the global one is meant


def carry_out(restores: Sequence[Callable[[], None]]) -> None:
    for restore in restores:
        restore()


def memories(root: Any, known_kind: Callable[[type], bool] = lambda kind: True) -> Iterator[Callable[[], None]]:
    """What puts back everything that can be reached from `root`: arrays, attributes, lists, dicts, generators.

    Objects of kinds that are not known are left alone, with all that they hold.
    """
    pending, seen = [root], list[Any]()  # objects that are held keep their ids to themselves
    known: set[int] = set()
    while pending:
        value = pending.pop()
        if id(value) in known or isinstance(value, PLAIN) or not known_kind(type(value)):
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
        if isinstance(getattr(value, "__dict__", None), dict):
            yield partial(refill, vars(value), dict(vars(value)))
        for name in getattr(type(value), "__slots__", ()):
            if hasattr(value, name):
                yield partial(setattr, value, name, getattr(value, name))


def memories_of_draws(roots: Sequence[Any]) -> Iterator[Callable[[], None]]:
    """What puts back the generators alone that can be reached from any of these."""
    pending, known = list(roots), set[int]()
    while pending:
        value = pending.pop()
        if id(value) in known or isinstance(value, (*PLAIN, np.ndarray)):
            continue
        known.add(id(value))
        if isinstance(value, DRAWS):
            yield memory_of_draws(value)
        else:
            pending += [child for _, child in children(value)]


def memory_of_draws(value: Any) -> Callable[[], None]:
    if isinstance(value, np.random.Generator):
        return partial(setattr, value.bit_generator, "state", copy.deepcopy(value.bit_generator.state))
    if isinstance(value, np.random.RandomState):
        return partial(value.set_state, value.get_state())
    return partial(value.setstate, value.getstate())


def refill(held: Any, values: Mapping[Any, Any]) -> None:
    held.clear()
    held.update(values)
