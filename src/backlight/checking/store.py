"""Arrays inside somebody's objects: found wherever they are kept, read and written in place."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from backlight.networks.activations import Array

Key = str | int
DEPTH = 6
CONTAINERS = (dict, list, np.ndarray)


@dataclass(frozen=True)
class Slot:
    """One array and how it is reached: attributes, dict keys and list indices from a root."""

    holder: Any
    path: tuple[Key, ...]

    @property
    def key(self) -> Key:
        return self.path[-1]

    @property
    def name(self) -> str:
        """As the program would spell it: `params['W1']`, `layers[0].W`; a key of a bare dict as itself."""
        text = str(self.path[0])
        for before, key in zip(self.path, self.path[1:], strict=False):
            text += f"[{key}]" if isinstance(key, int) else f".{key}" if isinstance(before, int) else f"[{key!r}]"
        return text

    def read(self) -> Array:
        if isinstance(self.holder, (*CONTAINERS, tuple)):
            held: Array = self.holder[self.key]  # type: ignore[index]  # the key is of the holder's kind
        else:
            held = getattr(self.holder, str(self.key))
        return held

    def write(self, value: Array) -> None:
        """In place where the array allows it, so that other references to it stay true."""
        there = self.read()
        if isinstance(there, np.ndarray) and there.dtype == np.float64 and there.flags.writeable:
            there[...] = value
        elif isinstance(self.holder, CONTAINERS):
            self.holder[self.key] = value.copy()  # type: ignore[index]  # the key is of the holder's kind
        else:
            setattr(self.holder, str(self.key), value.copy())

    def replace(self, value: Array) -> None:
        if isinstance(self.holder, CONTAINERS):
            self.holder[self.key] = value  # type: ignore[index]  # the key is of the holder's kind
        else:
            setattr(self.holder, str(self.key), value)


def writable(value: Array) -> bool:
    """Whether an array can be changed where it stands, in a tuple, too."""
    return value.dtype == np.float64 and value.flags.writeable and value.flags.owndata


def is_number_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "fiu" and value.size > 0


def children(value: Any) -> Iterator[tuple[Key, Any]]:
    if isinstance(value, dict):
        yield from ((key, child) for key, child in value.items() if isinstance(key, str | int))
    elif isinstance(value, list | tuple) or (
        isinstance(value, np.ndarray) and value.dtype == object and value.ndim == 1
    ):
        yield from enumerate(value)
    elif hasattr(value, "__dict__") and not isinstance(value, type) and not callable_module(value):
        yield from vars(value).items()
    elif hasattr(type(value), "__slots__"):
        yield from ((name, getattr(value, name)) for name in type(value).__slots__ if hasattr(value, name))


def callable_module(value: Any) -> bool:
    return type(value).__name__ in {
        "module",
        "function",
        "method",
        "builtin_function_or_method",
        "Generator",
        "RandomState",
    }


def slots(root: Any, path: tuple[Key, ...] = (), seen: set[int] | None = None) -> Iterator[Slot]:
    """Every number array that can be reached from `root`, each once, in the order of the program."""
    seen = set() if seen is None else seen
    if len(path) > DEPTH or id(root) in seen:
        return
    seen.add(id(root))
    for key, child in list(children(root)):
        if is_number_array(child):
            if id(child) not in seen and (not isinstance(root, tuple) or writable(child)):
                seen.add(id(child))
                yield Slot(root, (*path, key))
        elif child is not None and not isinstance(child, str | bytes | int | float | complex | bool | np.generic):
            yield from slots(child, (*path, key), seen)


def arrays(root: Any, path: tuple[Key, ...] = ()) -> list[tuple[tuple[Key, ...], Array]]:
    """(path, array) of every number array in a returned value, tuples included; a bare array has the path ()."""
    if is_number_array(root) or isinstance(root, np.floating):  # a sum over everything is a number
        return [(path, np.asarray(root))]
    if len(path) > DEPTH or root is None or isinstance(root, str | bytes | int | float | np.generic):
        return []
    return [found for key, child in children(root) for found in arrays(child, (*path, key))]


def hold_weights(found: Iterable[Slot]) -> bool:
    """Whether there is a matrix among them, or a row of units that have a vector each."""
    values = [(slot, slot.read()) for slot in found]
    if any(value.ndim == 2 and value.dtype.kind == "f" for _, value in values):
        return True
    vectors = [slot.key for slot, value in values if value.ndim == 1 and value.size > 1 and value.dtype.kind == "f"]
    return any(isinstance(key, str) and vectors.count(key) > 2 for key in vectors)
