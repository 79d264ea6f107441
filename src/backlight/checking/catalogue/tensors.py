"""Mistakes in one dW or db, with the δ that reach them right."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from backlight.checking.catalogue.change import Change, Hypothesis, in_turn, on_delta, times
from backlight.checking.reference import Pass, Terms
from backlight.networks.activations import Array


def weights_from(layer: int, left: Callable[[Pass], Array]) -> Change:
    """dW_l = leftᵀ δ_l."""

    def change(terms: Terms) -> Terms:
        def after(run: Pass, l: int, delta: Array) -> Array:
            return left(run).swapaxes(-1, -2) @ delta if l == layer else terms.weights(run, l, delta)

        return replace(terms, weights=after)

    return change


def weight_mistakes(run: Pass) -> Iterator[Hypothesis]:
    widths = [a.shape[-1] for a in run.a]
    if run.depth > 2:
        yield Hypothesis(
            "preactivation-in-weights",
            "all dW",
            "zᵀδ",
            lambda t: replace(t, weights=lambda r, l, d: (r.z[l - 1] if l else r.a[0]).swapaxes(-1, -2) @ d),
        )
    for l in range(run.depth):
        site = f"dW{l + 1}"
        if l:
            yield Hypothesis("preactivation-in-weights", site, f"z{l}ᵀδ", weights_from(l, lambda r, l=l: r.z[l - 1]))
        if widths[l + 1] == widths[l]:
            yield Hypothesis(
                "own-activation-in-weights", site, f"a{l + 1}ᵀδ", weights_from(l, lambda r, l=l: r.a[l + 1])
            )
            yield Hypothesis("weights-transposed", site, "δᵀa", lambda t, l=l: replace(t, weights=turned(l, t.weights)))
        for other in range(run.depth):
            if other != l and widths[other] == widths[l]:
                shown = "Xᵀδ" if other == 0 else f"a{other}ᵀδ"
                yield Hypothesis("input-in-weights", site, shown, weights_from(l, lambda r, o=other: r.a[o]))
        yield Hypothesis("weights-missing", site, "0", times("weights", 0.0, l))
        yield Hypothesis(
            "activations-averaged",
            site,
            "mean(a)ᵀ Σδ",
            weights_from(l, lambda r, l=l: r.a[l].mean(axis=-2, keepdims=True) * np.ones_like(r.a[l])),
        )
    before = [l for l in range(1, run.depth) if widths[l - 1] == widths[l]]
    if len(before) > 1:
        changes = tuple(weights_from(l, lambda r, l=l: r.a[l - 1]) for l in before)
        yield Hypothesis("input-in-weights", "every dW", "aᵀδ, a of one layer earlier", in_turn(changes))
    for l in range(run.depth - 1):
        yield Hypothesis("slope-missing", f"dW{l + 1} alone", "δ before f′", undone("weights", l))
        yield Hypothesis("slope-missing", f"db{l + 1} alone", "δ before f′", undone("biases", l))
        yield Hypothesis("slope-twice", f"dW{l + 1} alone", "δ ⊙ f′", slope_again("weights", l))
        yield Hypothesis("slope-twice", f"db{l + 1} alone", "δ ⊙ f′", slope_again("biases", l))
    passed = range(1, run.depth if run.form.output else run.depth - 1)
    for l in passed:
        yield Hypothesis("slope-twice", f"δ handed on by layer {l + 1}", "δ ⊙ f′", slope_again("through", l))
        yield Hypothesis("slope-missing", f"δ handed on by layer {l + 1}", "δ before f′", undone("through", l))
    if len(passed) > 1:
        for change, name, shown in ((slope_again, "slope-twice", "δ ⊙ f′"), (undone, "slope-missing", "δ before f′")):
            for last in dict.fromkeys((passed.stop, run.depth - 1)):  # a softmax has no slope of its own
                yield Hypothesis(name, f"δ handed on, up to layer {last}", shown, in_hidden("through", last, change))
    if run.depth > 2:
        yield Hypothesis("slope-twice", "every hidden db", "δ ⊙ f′", in_hidden("biases", run.depth - 1, slope_again))
        yield Hypothesis("slope-twice", "every hidden dW", "δ ⊙ f′", in_hidden("weights", run.depth - 1, slope_again))
        yield Hypothesis("slope-missing", "every hidden db", "δ before f′", in_hidden("biases", run.depth - 1, undone))
        yield Hypothesis("slope-missing", "every hidden dW", "δ before f′", in_hidden("weights", run.depth - 1, undone))


def in_hidden(term: str, layers: int, change: Callable[[str, int], Change]) -> Change:
    """The same change in one term of every hidden layer."""

    def changed(terms: Terms) -> Terms:
        for layer in range(layers):
            terms = change(term, layer)(terms)
        return terms

    return changed


def slope_again(term: str, layer: int) -> Change:
    return lambda terms: on_delta(terms, term, layer, lambda run, delta: delta * run.own_slope(layer))


def undone(term: str, layer: int) -> Change:
    """The tensor is made of W δ before it was multiplied by f′: only in this tensor, what goes on below is right."""

    def before_slope(run: Pass, delta: Array) -> Array:
        with np.errstate(all="ignore"):
            slope = run.own_slope(layer)
            return np.where(slope != 0, delta / slope, np.nan)

    return lambda terms: on_delta(terms, term, layer, before_slope)


def turned(layer: int, before: Callable[[Pass, int, Array], Array]) -> Callable[[Pass, int, Array], Array]:
    return lambda run, l, delta: before(run, l, delta).swapaxes(-1, -2) if l == layer else before(run, l, delta)


def bias_mistakes(run: Pass) -> Iterator[Hypothesis]:
    N = run.samples
    forms: list[tuple[str, str, Callable[[Pass, int, Array], Array]]] = [
        ("bias-missing", "0", lambda r, l, d: 0 * d.sum(axis=-2, keepdims=True)),
        ("bias-first-row", "δ[0]", lambda r, l, d: d[..., :1, :]),
        ("bias-first-row", "N δ[0]", lambda r, l, d: N * d[..., :1, :]),
        ("bias-first-row", "δ[0] ÷ N", lambda r, l, d: d[..., :1, :] / N),
        ("bias-first-row", "δ[−1]", lambda r, l, d: d[..., -1:, :]),
        ("bias-first-row", "N δ[−1]", lambda r, l, d: N * d[..., -1:, :]),
        ("bias-scalar", "ΣΣδ", lambda r, l, d: spread(d.sum(axis=(-2, -1), keepdims=True), d)),
        ("bias-scalar", "mean δ", lambda r, l, d: spread(d.mean(axis=(-2, -1), keepdims=True), d)),
        ("bias-scalar", "ΣΣδ ÷ N", lambda r, l, d: spread(d.sum(axis=(-2, -1), keepdims=True) / N, d)),
        ("bias-scalar", "N mean δ", lambda r, l, d: spread(d.mean(axis=(-2, -1), keepdims=True) * N, d)),
        ("bias-of-weights", "Σ dW", lambda r, l, d: (r.a[l].swapaxes(-1, -2) @ d).sum(axis=-2, keepdims=True)),
        ("bias-of-maximum", "max δ", lambda r, l, d: d.max(axis=-2, keepdims=True)),
    ]
    for name, shown, form in forms:
        yield Hypothesis(name, "all db", shown, lambda t, f=form: replace(t, biases=f))
        for layer in range(run.depth):
            yield Hypothesis(
                name,
                f"db{layer + 1}",
                shown,
                lambda t, f=form, i=layer: replace(
                    t, biases=lambda r, l, d: f(r, l, d) if l == i else t.biases(r, l, d)
                ),
            )


def spread(value: Array, like: Array) -> Array:
    return value * np.ones_like(like[..., :1, :])
