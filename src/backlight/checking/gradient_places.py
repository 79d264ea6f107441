"""Where somebody's backward pass leaves its gradients: returned, kept beside the parameters, or applied at once."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from backlight.checking.store import Key, Slot, arrays, slots
from backlight.networks.activations import Array

MARKER = re.compile(
    r"^(d_?(?=[a-z]?\w)|grads?_?(of_?)?|gradients?_?|g_|nabla_?|delta_?|del_?|partial_?|dl_?d?|dj_?d?|"
    r"dloss_?|dc_?d?)|(_?grads?|_?gradients?|_d|_?grad_?\w?|_?deriv\w*|_prime)$",
    re.IGNORECASE,
)
UNLIKELY = -1e6


@dataclass(frozen=True)
class Place:
    """Where one parameter's gradient is read after a backward pass.

    Attributes:
        source: "returned", "state" (an array the program keeps), "update" (the change of the parameter itself)
            or "new" (the change to a parameter that is returned).
        path: keys from the returned value or from the root.
    """

    source: str
    path: tuple[Key, ...]


@dataclass(frozen=True)
class Candidate:
    place: Place
    name: tuple[Key, ...]  # path as named by the program
    value: Array


def named_returns(returned: Any, names: Sequence[str]) -> list[Candidate]:
    """Arrays of a returned value; the elements of a tuple go by the names of the `return` statement."""
    found = []
    for path, value in arrays(returned):
        name = path
        if path and isinstance(path[0], int) and isinstance(returned, tuple | list) and len(names) == len(returned):
            name = (names[path[0]], *path[1:])
        elif not path and len(names) == 1:
            name = (names[0],)
        found.append(Candidate(Place("returned", path), name, np.asarray(value, dtype=float)))
    return found


def state(root: Any) -> dict[tuple[Key, ...], Array]:
    return {slot.path: np.array(slot.read(), dtype=float) for slot in slots(root)}


def changed_state(before: dict[tuple[Key, ...], Array], root: Any, parameters: Sequence[Slot]) -> list[Candidate]:
    """Arrays under `root` that the backward pass made or changed, parameters aside."""
    own = {slot.path for slot in parameters}
    return [
        Candidate(Place("state", path), path, value)
        for path, value in state(root).items()
        if path not in own and not (path in before and np.array_equal(before[path], value))
    ]


def match(parameters: Sequence[Slot], candidates: Sequence[Candidate]) -> list[Place | None]:
    """The most plausible gradient of each parameter: by shape, name, neighbourhood; each candidate once."""
    if not candidates or not parameters:
        return [None] * len(parameters)
    scores = np.array([[plausibility(slot, candidate) for candidate in candidates] for slot in parameters])
    places: list[Place | None] = [None] * len(parameters)
    for row, column in zip(*linear_sum_assignment(-scores), strict=True):
        if scores[row, column] > 0:
            places[row] = candidates[column].place
    return by_elimination(parameters, candidates, places)


def by_elimination(
    parameters: Sequence[Slot], candidates: Sequence[Candidate], places: list[Place | None]
) -> list[Place | None]:
    """The only list of parameters without gradients gets the only list that is left, whatever its shapes are.

    Names tell nothing where parameters are `poids`, `biais` and gradients `nabla_w`, `nabla_b`.
    """
    taken = [place for place in places if place is not None]
    without = families([(index, slot.path) for index, slot in enumerate(parameters) if places[index] is None])
    left = families([(i, c.place.path) for i, c in enumerate(candidates) if c.place not in taken and c.value.ndim])
    returned = [family for family in left if candidates[family[0]].place.source == "returned"]
    if not taken or len(without) != 1 or len(returned) != 1 or not 1 < len(without[0]) == len(returned[0]):
        return places
    for index, other in zip(without[0], returned[0], strict=True):
        places[index] = candidates[other].place
    return places


def families(paths: Sequence[tuple[int, tuple[Key, ...]]]) -> list[list[int]]:
    """Indices of what stands in the same list, in the list's order."""
    found: dict[tuple[Key, ...], list[tuple[Key, int]]] = {}
    for index, path in paths:
        if path and isinstance(path[-1], int):
            found.setdefault(path[:-1], []).append((path[-1], index))
    return [[index for _, index in sorted(family)] for family in found.values()]


def plausibility(slot: Slot, candidate: Candidate) -> float:
    value, gradient = slot.read(), candidate.value
    related = name_relation(slot.path, candidate.name)
    if gradient.shape == value.shape:
        score = 6.0
    elif np.squeeze(gradient).shape == np.squeeze(value).shape:
        score = 5.0
    elif gradient.size == value.size and gradient.T.shape == value.shape:
        score = 2.0
    elif related >= 6:
        score = 0.0  # the name is right, the shape is wrong: that is a finding, not another array
    else:
        return UNLIKELY
    returned = 1.5 if candidate.place.source == "returned" else 0.0
    return score + related + returned


def name_relation(parameter: tuple[Key, ...], gradient: tuple[Key, ...]) -> float:
    """0 for nothing in common, 10 for dW1 beside W1."""
    last, other = bare(parameter), bare(gradient)
    score = 0.0
    if last == other and last:
        score += 8.0
    elif last[:1] == other[:1] and last:
        score += 1.5
    if numbers(parameter) and numbers(parameter) == numbers(gradient):
        score += 3.0
    if parameter[:-1] and parameter[:-1] == gradient[:-1]:
        score += 2.0
    if not marked(gradient):
        score -= 2.0
    return score


def bare(path: tuple[Key, ...]) -> str:
    """The last word of a path without what marks a gradient: w1 for dW1 and W1, w for nabla_w[0] and weights[0]."""
    words = [key for key in path if isinstance(key, str)]
    if not words:
        return ""
    word = words[-1]
    if is_collection_name(word) and len(words) > 1:
        word = words[-2]
    stripped = MARKER.sub("", word).strip("_").lower() or word.lower()
    return re.sub(r"^(weights?|kernel|coef\w*)", "w", re.sub(r"^bias(es)?", "b", stripped))


def is_collection_name(word: str) -> bool:
    return word.lower() in ("grads", "gradients", "params", "parameters")


def numbers(path: tuple[Key, ...]) -> tuple[int, ...]:
    found: list[int] = []
    for key in path:
        found += [key] if isinstance(key, int) else [int(digits) for digits in re.findall(r"\d+", key)]
    return tuple(found)


def marked(path: tuple[Key, ...]) -> bool:
    return any(isinstance(key, str) and MARKER.search(key) for key in path)


def keys_of(places: Iterable[Place | None]) -> set[str]:
    """Attributes and keys under which gradients are kept."""
    return {key for place in places if place is not None for key in place.path if isinstance(key, str)}
