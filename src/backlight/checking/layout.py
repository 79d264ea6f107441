"""Which of a program's arrays are W_l and b_l of which layer, and which way round they are stored."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from backlight.checking.gradient_places import bare, numbers
from backlight.checking.reference import Parameters
from backlight.checking.store import Slot
from backlight.networks.activations import Array

Fold = Literal["", "first", "last"]


@dataclass(frozen=True)
class Layout:
    """Indices into a subject's parameters, layer by layer.

    Attributes:
        weights: of W_l.
        biases: of b_l; None where a layer has none of its own.
        turned: whether the program stores W_l as (d_out, d_in).
        stored: the shapes of the arrays that hold W_l: a single vector for one unit is a matrix, too.
        folds: whether W_l has b_l as its first or last row, which a constant input of 1 is multiplied by.
        negated: whether b_l is subtracted: a threshold.
    """

    weights: tuple[int, ...]
    biases: tuple[int | None, ...]
    turned: bool
    stored: tuple[tuple[int, ...], ...] = ()
    folds: tuple[Fold, ...] = ()
    negated: bool = False

    @property
    def tensors(self) -> list[int | None]:
        """Where dW_L, db_L, …, dW_1, db_1 are to be found; None for biases that a layer has not."""
        found: list[int | None] = []
        for W, b, fold in reversed(list(zip(self.weights, self.biases, self.folds, strict=True))):
            found += [W, W if fold else b]
        return found

    def standard(self, values: Sequence[Array]) -> Parameters:
        """The program's parameters (or gradients of these shapes) as W (…, d_in, d_out) and b (…, 1, d_out).

        Values may carry a leading axis of points.
        """
        W, b = [], []
        for l, fold in enumerate(self.folds):
            whole = self.matrix(l, values[self.weights[l]])
            rows = whole[..., 1:, :] if fold == "first" else whole[..., :-1, :] if fold else whole
            W.append(rows)
            b.append(self.bias(l, whole, values))
        return W, b

    def matrix(self, l: int, value: Array) -> Array:
        if len(self.stored[l]) == 1:
            return value[..., None]
        return value.swapaxes(-1, -2) if self.turned else value

    def bias(self, l: int, whole: Array, values: Sequence[Array]) -> Array:
        index, fold = self.biases[l], self.folds[l]
        if fold:
            return whole[..., :1, :] if fold == "first" else whole[..., -1:, :]
        shape = (*whole.shape[:-2], 1, whole.shape[-1])
        if index is None:
            return np.zeros(shape)
        return self.sign * values[index].reshape(shape)

    @property
    def sign(self) -> float:
        return -1.0 if self.negated else 1.0

    def to_user(self, gradients: Parameters, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
        """W and b in the textbook's form as the program's arrays, in the program's order."""
        found: list[Array] = [np.zeros(0)] * len(shapes)
        for l, (W, b, fold) in enumerate(zip(*gradients, self.folds, strict=True)):
            parts = {"": [W], "first": [b, W], "last": [W, b]}[fold]
            whole = np.concatenate(parts, axis=-2)
            turned = whole.swapaxes(-1, -2) if self.turned else whole
            found[self.weights[l]] = whole[..., 0] if len(self.stored[l]) == 1 else turned
            own = self.biases[l]
            if own is not None:
                found[own] = self.sign * b.reshape((*b.shape[:-2], *shapes[own]))
        return found


def layouts(slots: Sequence[Slot], inputs: int, outputs: int) -> Iterator[Layout]:
    """Every way in which the arrays chain from `inputs` to `outputs`, the one that the names suggest first."""
    found: list[Layout] = []
    for matrices in dict.fromkeys(matrices_among(slots)):
        for layout in chained_layouts(slots, matrices, inputs, outputs):
            found.append(layout)
            yield layout
    for layout in found:
        if any(b is not None for b in layout.biases):
            yield replace(layout, negated=True)


def matrices_among(slots: Sequence[Slot]) -> Iterator[tuple[int, ...]]:
    """Indices of the arrays that may be weights: by name and shape, by either alone, by turns, with a single vector."""
    flat = [slot.read().ndim == 2 for slot in slots]
    named = [is_named_bias(slot) for slot in slots]
    yield tuple(i for i, slot in enumerate(slots) if flat[i] and not is_bias(slot))
    columns = tuple(i for i in range(len(slots)) if flat[i] and not named[i])
    yield columns
    yield tuple(i for i in range(len(slots)) if flat[i] and 1 not in slots[i].read().shape)
    if all(flat[::2]):  # (h, 1) and (1, 1) of a layer with one unit are told apart by their order alone
        yield tuple(range(0, len(slots), 2))
    for i in range(len(slots)):
        if not flat[i] and not named[i]:
            yield tuple(sorted((*columns, i)))


def chained_layouts(slots: Sequence[Slot], matrices: tuple[int, ...], inputs: int, outputs: int) -> Iterator[Layout]:
    vectors = [i for i in range(len(slots)) if i not in matrices]
    ordered = sorted(matrices, key=lambda i: (numbers(slots[i].path), i))
    orders = [tuple(ordered), matrices, tuple(ordered[::-1])]
    if len(matrices) <= 4:
        orders += list(itertools.permutations(matrices))
    for order, turned in itertools.product(dict.fromkeys(orders), (False, True)):
        stored = tuple(slots[i].read().shape for i in order)
        ends = [oriented(shape, turned) for shape in stored]
        folded = chained(ends, inputs)
        if not ends or folded is None or ends[-1][1] != outputs:
            continue
        biases = matched_biases(order, [end[1] for end in ends], vectors, slots)
        if biases is not None and not (any(folded) and vectors):
            for fold in ("last", "first") if any(folded) else ("",):
                yield Layout(order, biases, turned, stored, tuple(fold if extra else "" for extra in folded))


def oriented(shape: tuple[int, ...], turned: bool) -> tuple[int, int]:
    """(d_in, d_out) of a matrix; a vector leads to one unit."""
    if len(shape) == 1:
        return shape[0], 1
    return (shape[1], shape[0]) if turned else (shape[0], shape[1])


def chained(ends: Sequence[tuple[int, int]], inputs: int) -> list[bool] | None:
    """For each layer whether it takes one input more than the layer before gives; None if they are no chain."""
    found, width = [], inputs
    for d_in, d_out in ends:
        if d_in - width not in (0, 1):
            return None
        found.append(d_in == width + 1)
        width = d_out
    return found


BIAS = r"^(b|thresh|offset|intercept|seuil|schwell)"


def is_bias(slot: Slot) -> bool:
    """By name where it tells, else by shape."""
    word = bare(slot.path)
    if word in ("w0", "theta0") and slot.read().shape[0] == 1:
        return True
    if re.match(r"^(w|theta|kernel|u|v|syn|poids|pesos?|gewicht|coef|matri|mat)", word):
        return False
    return is_named_bias(slot) or 1 in slot.read().shape


def is_named_bias(slot: Slot) -> bool:
    shape = slot.read().shape  # a matrix may well be called B
    return re.match(BIAS, bare(slot.path)) is not None and (len(shape) < 2 or 1 in shape)


def matched_biases(
    order: Sequence[int], widths: Sequence[int], vectors: Sequence[int], slots: Sequence[Slot]
) -> tuple[int | None, ...] | None:
    """One array of the right size for each layer, nearest by number and name; None if one is left over."""
    left = sorted(vectors, key=lambda i: (numbers(slots[i].path), i))
    found: list[int | None] = []
    for layer, width in zip(order, widths, strict=True):
        fitting = [i for i in left if slots[i].read().size == width]
        same = [i for i in fitting if numbers(slots[i].path) == numbers(slots[layer].path)]
        same = [i for i in same if slots[i].path[:-1] == slots[layer].path[:-1]] or same
        enough = len(left) == len(order) - len(found)
        chosen = same[0] if same else fitting[0] if fitting and enough else None
        found.append(chosen)
        if chosen is not None:
            left.remove(chosen)
    return None if left else tuple(found)
