"""Which entries of one flat vector are which parameter, seen by following marked numbers through the program."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backlight.checking.binding import TooLongError
from backlight.checking.frames import RETURNED, ends_of_functions
from backlight.checking.store import Key, arrays
from backlight.checking.subject import EndedError, seeded
from backlight.networks.activations import Array

LONG = 4999  # a vector in which every slice finds what it looks for
CORRECTIONS = 10  # of its length, by what the program's errors say
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Region:
    """A parameter inside a vector: name, first entry, shape, and how far apart neighbours are along each axis."""

    name: str
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, vector: Array) -> Array:
        """The parameter as a view: what is written into it is written into the vector."""
        width = vector.itemsize
        return np.lib.stride_tricks.as_strided(
            vector[self.start :], self.shape, tuple(stride * width for stride in self.strides)
        )

    @property
    def indices(self) -> Indices:
        return self.start + sum(
            (stride * axis for stride, axis in zip(self.strides, np.indices(self.shape), strict=True)),
            start=np.zeros(self.shape, dtype=np.int64),
        )


@dataclass(frozen=True)
class Unrolled:
    """How a vector of this length is cut into parameters; `complete` if the call that showed it came to its end."""

    length: int
    regions: tuple[Region, ...]
    complete: bool


@dataclass(frozen=True)
class Seen:
    """Where in the program a part of the vector was met, and which."""

    path: tuple[Key, ...]
    indices: Indices


def unrolled(call: Callable[[Array], Any], lengths: Sequence[int]) -> Unrolled | None:
    """The layout of the vector that `call` takes, for the first of the lengths that fits, else for one that is found.

    Where slices to the end of too long a vector meet shapes that are fixed, the error says how long it should be.
    """
    for length in lengths:
        found, error = tried(call, length)
        if found is not None and (error is None or (consistent(found) and balanced(found))):
            return found
    length = LONG
    for _ in range(CORRECTIONS):
        found, error = tried(call, length)
        if found is not None and consistent(found) and (error is None or balanced(found)):
            return found
        shorter = corrected(length, error) if error is not None else None
        if shorter is None or shorter == length or shorter < 4:
            break
        length = shorter
    return guessed(call) if length == LONG else None


def guessed(call: Callable[[Array], Any]) -> Unrolled | None:
    """Where no error tells how long the last part should be: one of the widths that make biases for all matrices."""
    frames, _ = watched(call, LONG)
    used = [part.indices for seen in frames for part in seen if part.indices.size < LONG // 2]
    end = max((int(indices.max()) + 1 for indices in used), default=0)
    widths = sorted({width for indices in used if indices.ndim == 2 for width in indices.shape})
    for length in (end, *(end + width for width in widths)) if end else ():
        found, _ = tried(call, length)
        if found is not None and consistent(found) and balanced(found):
            return found
    return None


def balanced(found: Unrolled) -> bool:
    """Whether there are no biases, or one for each matrix, as long as this is wide; or a vector is a matrix of one."""
    shapes = [region.shape for region in found.regions]
    matrices = [shape for shape, letter in zip(shapes, letters(shapes), strict=True) if letter == "W"]
    vectors = sorted(max(shape) for shape, letter in zip(shapes, letters(shapes), strict=True) if letter == "b")
    outs = (sorted(shape[axis] for shape in matrices) for axis in (0, 1))
    return not vectors or any(vectors == out for out in outs) or len(matrices) < len(vectors)


def tried(call: Callable[[Array], Any], length: int) -> tuple[Unrolled | None, BaseException | None]:
    """The layout that one call shows, if it uses up the vector, and what the call raised."""
    frames, error = watched(call, length)
    for seen in [*frames, list(itertools.chain.from_iterable(frames))]:
        parts = partition(seen, length)
        if parts is not None:
            regions = named(parts)
            if regions is not None:
                return Unrolled(length, regions, error is None), error
    return None, error


def watched(call: Callable[[Array], Any], length: int) -> tuple[list[list[Seen]], BaseException | None]:
    """For each function that ended during a call, the parts of the vector among its variables."""
    vector = np.random.default_rng(3).normal(0.0, 0.3, length)
    order = np.argsort(vector)
    marked = vector[order]
    frames: list[list[Seen]] = []

    def look(_: str, variables: dict[str, Any]) -> None:
        seen = [Seen(path, found) for path, value in arrays(variables) if (found := places(value)) is not None]
        if seen:
            frames.append(seen)

    def places(value: Array) -> Indices | None:
        whole = value.size == length and max(value.shape, default=0) == length
        value = np.atleast_1d(value)  # a bias of one unit may be a number
        if value.dtype != np.float64 or value.ndim > 2 or value.size > length or whole:
            return None
        at = np.minimum(np.searchsorted(marked, value), length - 1)
        return order[at] if np.array_equal(marked[at], value) else None

    try:
        with ends_of_functions(look):
            seeded(lambda: call(vector.copy()))
    except (Exception, TooLongError, EndedError) as error:
        return frames, error
    return frames, None


def partition(seen: Sequence[Seen], length: int) -> list[Seen] | None:
    """Parts that make up the whole vector, each entry once: matrices before vectors, large before small."""
    used, parts = np.zeros(length, dtype=bool), []
    for part in sorted(
        seen, key=lambda part: (-part.indices.ndim, -part.indices.size, len(part.path), part.path[0] == RETURNED)
    ):
        flat = part.indices.ravel()
        if not used[flat].any():
            used[flat] = True
            parts.append(part)
    matrices = any(part.indices.ndim == 2 for part in parts)
    return sorted(parts, key=lambda part: int(part.indices.min())) if used.all() and matrices else None


def named(parts: Sequence[Seen]) -> tuple[Region, ...] | None:
    """Regions under the names that the program has for them; W1, b1, … where it has none of their own."""
    regions = [region_of(part) for part in parts]
    words = [next((key for key in reversed(part.path) if isinstance(key, str)), "") for part in parts]
    own = (
        RETURNED not in words
        and len(set(words)) == len(words)
        and not any(isinstance(part.path[-1], int) for part in parts)
    )
    counts = {"W": itertools.count(1), "b": itertools.count(1)}
    found = []
    for region, word, letter in zip(regions, words, letters([part.indices.shape for part in parts]), strict=True):
        if region is None:
            return None
        found.append(replace(region, name=word if own else f"{letter}{next(counts[letter])}"))
    return tuple(found)


def letters(shapes: Sequence[tuple[int, ...]]) -> list[str]:
    """W for matrices, b for vectors; (1, h) and (h, 1) are matrices where vectors have one axis, or W and b in turn."""
    flat = any(len(shape) == 1 for shape in shapes)
    turns = not flat and len(shapes) % 2 == 0 and all(1 in shape for shape in shapes[1::2])
    if turns:
        return ["W", "b"] * (len(shapes) // 2)
    return ["W" if len(shape) == 2 and (flat or min(shape) > 1) else "b" for shape in shapes]


def region_of(part: Seen) -> Region | None:
    """None where entries do not follow each other regularly."""
    indices = part.indices
    strides = tuple(int(np.diff(indices, axis=axis).flat[0]) if n > 1 else 1 for axis, n in enumerate(indices.shape))
    region = Region("", int(indices.flat[0]), indices.shape, strides)
    return region if np.array_equal(region.indices, indices) else None


def consistent(found: Unrolled) -> bool:
    """Whether every vector is as long as some matrix is wide: the last one takes what is left over, however long."""
    shapes = [region.shape for region in found.regions]
    widths = {width for shape in shapes if len(shape) == 2 for width in shape}
    return all(max(shape) in widths for shape in shapes)


def corrected(length: int, error: BaseException) -> int | None:
    """The length of a vector whose last part fits, from what NumPy says about one that is too long."""
    for size, wanted in mismatches(str(error)):
        if size > length // 2 and 0 < wanted < length // 2:
            return length - size + wanted
    return None


def mismatches(message: str) -> Iterator[tuple[int, int]]:
    """(size, size that was wanted) in the words of NumPy's errors."""
    reshaped = re.search(r"cannot reshape array of size (\d+) into shape \(([\d,\s]+)\)", message)
    if reshaped:
        yield int(reshaped[1]), int(np.prod(numbers_in(reshaped[2])))
    shapes = [numbers_in(text) for text in re.findall(r"\(([\d,\s]+)\)", message)]
    for a, b in itertools.permutations(shapes[:2], 2) if len(shapes) > 1 else ():
        yield from zip(a[::-1], b[::-1], strict=False)


def numbers_in(text: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", text)]


def cut(value: Any, length: int, regions: Sequence[Region]) -> Any:
    """A returned value in which every vector of the length is a dict of its parts."""
    if isinstance(value, np.ndarray):
        whole = value.dtype.kind == "f" and value.size == length and max(value.shape, default=0) == length
        return {region.name: value.ravel()[region.indices] for region in regions} if whole else value
    if isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        return type(value)(cut(part, length, regions) for part in value)
    if isinstance(value, Mapping):
        return {key: cut(part, length, regions) for key, part in value.items()}
    return value
