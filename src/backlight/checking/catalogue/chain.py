"""Mistakes on the way from one layer to the one before."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from backlight.checking.catalogue.change import Change, Hypothesis, at, in_turn, through, times
from backlight.checking.reference import Pass, Terms
from backlight.networks.activations import Array


def chain_mistakes(run: Pass) -> Iterator[Hypothesis]:
    shapes = [W.shape[-2:] for W in run.weights]
    square = [l for l in range(1, run.depth) if shapes[l][0] == shapes[l][1]]
    if len(square) > 1:
        yield Hypothesis("weights-not-transposed", "all square layers", "δW", untransposed(None))
    for l in range(1, run.depth):
        site = f"δ of layer {l}"
        if l in square:
            yield Hypothesis("weights-not-transposed", site, f"δ W{l + 1}", untransposed(l))
            yield Hypothesis("layer-skipped", site, "δ ⊙ f′ of the layer behind", through(l, lambda r, i, d: d))
            yield Hypothesis("layer-skipped", site, "δ of the layer behind", skipped(l))
        for other in range(run.depth):
            if other != l and shapes[other] == shapes[l]:
                yield Hypothesis(
                    "wrong-weights",
                    site,
                    f"δ W{other + 1}ᵀ",
                    through(l, lambda r, i, d, o=other: d @ r.weights[o].swapaxes(-1, -2)),
                )
            if other != l and shapes[other][::-1] == shapes[l]:
                yield Hypothesis(
                    "wrong-weights", site, f"δ W{other + 1}", through(l, lambda r, i, d, o=other: d @ r.weights[o])
                )
        yield Hypothesis("wrong-weights", site, f"δ dW{l + 1}ᵀ", through_gradient(l))
        yield Hypothesis("gradient-cut", f"below layer {l + 1}", "0", times("through", 0.0, l))
        for rate in dict.fromkeys((run.rate, 0.1, 0.01, 0.5, 1.0)):
            yield Hypothesis("weights-updated-first", site, f"W{l + 1} − {rate} dW{l + 1}", updated_first(l, rate))
    same = [l for l in range(1, run.depth) if shapes[l] == shapes[0]]
    if len(same) > 1:
        yield Hypothesis("wrong-weights", "every layer", "W1", in_turn(tuple(through(l, of_layer(0)) for l in same)))
    for by, shown in ((-1, "W of the layer before"), (1, "W of the layer behind")):
        moved = {l: l + by for l in range(1, run.depth) if 0 <= l + by < run.depth and shapes[l + by] == shapes[l]}
        if len(moved) > 1:
            yield Hypothesis(
                "wrong-weights", "every layer", shown, in_turn(tuple(through(l, of_layer(o)) for l, o in moved.items()))
            )
    if run.depth > 2:
        yield Hypothesis("wrong-weights", "every layer", "δ dWᵀ", through_gradient(None))
        for rate in dict.fromkeys((run.rate, 0.1, 0.01, 0.5, 1.0)):
            yield Hypothesis("weights-updated-first", "every layer", f"W − {rate} dW", updated_first(None, rate))


def of_layer(other: int) -> Callable[[Pass, int, Array], Array]:
    return lambda run, l, delta: delta @ run.weights[other].swapaxes(-1, -2)


def through_gradient(layer: int | None) -> Change:
    """δ goes through the gradient of the weights instead of the weights."""

    def changed(terms: Terms) -> Terms:
        def after(run: Pass, l: int, delta: Array) -> Array:
            if layer is not None and l != layer:
                return terms.through(run, l, delta)
            return delta @ (terms.weights(run, l, delta) + terms.penalty(run, l)).swapaxes(-1, -2)

        return replace(terms, through=after)

    return changed


def skipped(layer: int) -> Change:
    """δ_{l−1} = δ_l: neither the weights nor f′."""

    def change(terms: Terms) -> Terms:
        handed = through(layer, lambda run, l, delta: delta)(terms)
        return replace(handed, slope=at(layer - 1, terms.slope, lambda z, a: np.ones_like(z)))

    return change


def untransposed(layer: int | None) -> Change:
    def change(run: Pass, l: int, delta: Array) -> Array:
        W = run.weights[l]
        return delta @ (W if W.shape[-2] == W.shape[-1] else W.swapaxes(-1, -2))

    return through(layer, change)


def updated_first(layer: int | None, rate: float, one_by_one: bool = False) -> Change:
    """δ goes through W − rate · dW; `one_by_one`: of each sample's own dW, where samples are taken one at a time."""

    def changed(terms: Terms) -> Terms:
        def after(run: Pass, l: int, delta: Array) -> Array:
            if layer is not None and l != layer:
                return terms.through(run, l, delta)
            if one_by_one:  # δ[n] (W − rate · N a[n]ᵀ δ[n])ᵀ
                size: Array = (delta * delta).sum(axis=-1, keepdims=True)
                return terms.through(run, l, delta) - rate * run.samples * size * run.a[l]
            step = terms.weights(run, l, delta) + terms.penalty(run, l)
            return delta @ (run.weights[l] - rate * step).swapaxes(-1, -2)

        return replace(terms, through=after)

    return changed
