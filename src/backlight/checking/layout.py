"""Which of a program's arrays are W_l and b_l of which layer, and which way round they are stored."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from backlight.checking.gradient_places import bare, numbers
from backlight.checking.reference import Parameters
from backlight.checking.store import Slot
from backlight.networks.activations import Array


@dataclass(frozen=True)
class Layout:
    """Indices into a subject's parameters, layer by layer.

    Attributes:
        weights: of W_l.
        biases: of b_l; None where a layer has none.
        turned: whether the program stores W_l as (d_out, d_in).
    """

    weights: tuple[int, ...]
    biases: tuple[int | None, ...]
    turned: bool

    def standard(self, values: Sequence[Array]) -> Parameters:
        """The program's parameters (or gradients of these shapes) as W (…, d_in, d_out) and b (…, 1, d_out).

        Values may carry a leading axis of points.
        """
        W = [values[index].swapaxes(-1, -2) if self.turned else values[index] for index in self.weights]
        b = []
        for matrix, index in zip(W, self.biases, strict=True):
            shape = (*matrix.shape[:-2], 1, matrix.shape[-1])
            b.append(np.zeros(shape) if index is None else values[index].reshape(shape))
        return W, b

    def to_user(self, gradients: Parameters, shapes: Sequence[tuple[int, ...]]) -> list[Array]:
        """W and b in the textbook's form as the program's arrays, in the program's order."""
        found: list[Array] = [np.zeros(0)] * len(shapes)
        for l, index in enumerate(self.weights):
            W = gradients[0][l]
            found[index] = W.swapaxes(-1, -2) if self.turned else W
        for l, bias in enumerate(self.biases):
            if bias is not None:
                b = gradients[1][l]
                found[bias] = b.reshape((*b.shape[:-2], *shapes[bias]))
        return found


def layouts(slots: Sequence[Slot], inputs: int, outputs: int) -> Iterator[Layout]:
    """Every way in which the arrays chain from `inputs` to `outputs`, the one that the names suggest first."""
    shapes = [slot.read().shape for slot in slots]
    sure = [i for i, slot in enumerate(slots) if len(shapes[i]) == 2 and not is_bias(slot)]
    unsure = [i for i, slot in enumerate(slots) if len(shapes[i]) == 2 and is_bias(slot) and not is_named_bias(slot)]
    for more in itertools.chain([()], itertools.combinations(unsure, 1)):  # a last layer (h, 1) is shaped like a bias
        yield from layouts_of(sorted([*sure, *more]), slots, inputs, outputs)


def layouts_of(matrices: list[int], slots: Sequence[Slot], inputs: int, outputs: int) -> Iterator[Layout]:
    """The same, where it is known which arrays are weights."""
    shapes = [slot.read().shape for slot in slots]
    vectors = [i for i in range(len(slots)) if i not in matrices]
    ordered = sorted(matrices, key=lambda i: (numbers(slots[i].path), i))
    orders = [tuple(ordered), tuple(matrices), tuple(ordered[::-1])]
    if len(matrices) <= 4:
        orders += list(itertools.permutations(matrices))
    for order, turned in itertools.product(dict.fromkeys(orders), (False, True)):
        ends = [shapes[i][::-1] if turned else shapes[i] for i in order]
        chained = all(a[1] == b[0] for a, b in itertools.pairwise(ends))
        if ends and chained and ends[0][0] == inputs and ends[-1][1] == outputs:
            biases = matched_biases(order, [end[1] for end in ends], vectors, slots)
            if biases is not None:
                yield Layout(order, biases, turned)


def is_bias(slot: Slot) -> bool:
    """By name where it tells, else by shape."""
    word = bare(slot.path)
    if word in ("w0", "theta0") and slot.read().shape[0] == 1:
        return True
    if re.match(r"^(w|theta|kernel|u|v|poids|pesos?|gewicht|coef|matri|mat)", word):
        return False
    return is_named_bias(slot) or 1 in slot.read().shape


def is_named_bias(slot: Slot) -> bool:
    return re.match(r"^b", bare(slot.path)) is not None


def matched_biases(
    order: Sequence[int], widths: Sequence[int], vectors: Sequence[int], slots: Sequence[Slot]
) -> tuple[int | None, ...] | None:
    """One array of the right size for each layer, nearest by number and name; None if one is left over."""
    left = sorted(vectors, key=lambda i: (numbers(slots[i].path), i))
    found: list[int | None] = []
    for layer, width in zip(order, widths, strict=True):
        fitting = [i for i in left if slots[i].read().size == width]
        same = [i for i in fitting if numbers(slots[i].path) == numbers(slots[layer].path)]
        enough = len(left) == len(order) - len(found)
        chosen = same[0] if same else fitting[0] if fitting and enough else None
        found.append(chosen)
        if chosen is not None:
            left.remove(chosen)
    return None if left else tuple(found)
