"""Mistakes in f′: what is taken for the derivative of an activation, and where."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from backlight.checking.catalogue.change import Change, Hypothesis, Slope, at
from backlight.checking.functions import ELEMENTWISE, is_rectifier, slope_below_zero
from backlight.checking.reference import Pass, Terms
from backlight.networks.activations import Activation, Array


def slope_slips(name: str) -> list[tuple[str, Slope]]:
    """Algebra slips in the derivative of a function, in terms of z and a = f(z)."""
    if name == "tanh":
        return [
            ("1 − a", lambda z, a: 1 - a),
            ("1 + a²", lambda z, a: 1 + a * a),
            ("(1 − a)²", lambda z, a: (1 - a) ** 2),
            ("a²", lambda z, a: a * a),
            ("1/cosh z", lambda z, a: 1 / np.cosh(z)),
            ("1 − a³", lambda z, a: 1 - a**3),
            ("1 − tanh(a)", lambda z, a: 1 - np.tanh(a)),
            ("1 − tanh(z²)", lambda z, a: 1 - np.tanh(z * z)),
        ]
    if name == "sigmoid":
        return [
            ("a(1 + a)", lambda z, a: a * (1 + a)),
            ("1 − a", lambda z, a: 1 - a),
            ("a²", lambda z, a: a * a),
            ("1 − a²", lambda z, a: 1 - a * a),
            ("a − 1", lambda z, a: a - 1),
            ("a − a³", lambda z, a: a - a**3),
            ("a(1 − z)", lambda z, a: a * (1 - z)),
            ("z(1 − a)", lambda z, a: z * (1 - a)),
            ("a²(1 − a)", lambda z, a: a * a * (1 - a)),
            ("a(1 − a)²", lambda z, a: a * (1 - a) ** 2),
            ("e^−z/(1 + e^−z)", lambda z, a: np.exp(-z) / (1 + np.exp(-z))),
            ("e^z/(1 + e^z)²·e^z", lambda z, a: a * a),
        ]
    return []


def rectifier_slips(slope: float) -> list[tuple[str, Slope]]:
    """What is taken for the derivative of max(z, slope · z)."""
    slips: list[tuple[str, Slope]] = [
        ("clip(a, 0, 1)", lambda z, a: np.clip(a, 0, 1)),
        ("z < 0", lambda z, a: (z < 0).astype(float)),
        ("−1 below 0", lambda z, a: np.where(z > 0, 1.0, -1.0)),
        ("z > 1", lambda z, a: (z > 1).astype(float)),
        ("0.01 below 0", lambda z, a: np.where(z > 0, 1.0, 0.01)),
        ("0.1 below 0", lambda z, a: np.where(z > 0, 1.0, 0.1)),
        ("0.2 below 0", lambda z, a: np.where(z > 0, 1.0, 0.2)),
        ("0 above 0, 1 below", lambda z, a: np.where(z > 0, 0.0, 1.0)),
        ("a factor z below 0", lambda z, a: np.where(z > 0, 1.0, slope * z)),
        ("z above 0", lambda z, a: np.where(z > 0, z, slope)),
        ("sign reversed below 0", lambda z, a: np.where(z > 0, 1.0, -slope)),
        ("slope and 1 swapped", lambda z, a: np.where(z > 0, slope, 1.0)),
    ]
    if slope:
        slips.append(("0 below 0", lambda z, a: (z > 0).astype(float)))
    return slips


def slopes_taken(own: Activation) -> Iterator[tuple[str, str, Slope]]:
    """(mistake, detail, slope) for a layer with this activation."""
    name = own.name
    yield "slope-missing", "1", lambda z, a: np.ones_like(z)
    yield "slope-at-activation", "f′(a)", lambda z, a: own.derivative(a, own.function(a))
    if name in ("tanh", "sigmoid"):
        yield "activation-formula-at-z", "1 − z²" if name == "tanh" else "z(1 − z)", lambda z, a: own.derivative(z, z)
    yield "activation-as-slope", "f(z)", lambda z, a: a
    yield "activation-as-slope", "z", lambda z, a: z
    yield "activation-as-slope", "f(a)", lambda z, a: own.function(a)
    if is_rectifier(own):
        for detail, slope in rectifier_slips(slope_below_zero(own)):
            yield "relu-slope", detail, slope
    for detail, slope in slope_slips(name):
        yield "slope-formula", detail, slope
    yield "slope-twice", "f′(z)²", lambda z, a: own.derivative(z, a) ** 2
    yield "slope-formula", "1/f′(z)", lambda z, a: 1 / own.derivative(z, a)
    for other in ELEMENTWISE[:3]:
        if other.name != name:
            yield "slope-of-other-function", f"{other.name}′(z)", lambda z, a, o=other: o.derivative(z, o.function(z))
            yield "slope-of-other-function", f"{other.name}′ in terms of a", lambda z, a, o=other: o.derivative(a, a)
            yield "slope-of-other-function", f"{other.name}′(a)", lambda z, a, o=other: o.derivative(a, o.function(a))
            if other.name != "relu":
                yield (
                    "slope-of-other-function",
                    f"{other.name}′ in terms of z",
                    lambda z, a, o=other: o.derivative(z, z),
                )


def slope_mistakes(run: Pass) -> Iterator[Hypothesis]:
    layers = list(range(run.depth - 1))
    functions = list(run.form.hidden)
    outer = run.form.output
    if outer is not None and not run.canonical:
        layers.append(run.depth - 1)
        functions.append(outer)
    names = [f.name for f in functions]
    groups: list[tuple[str, tuple[int, ...]]] = []
    for name in dict.fromkeys(names):
        same = tuple(l for l in layers if names[l] == name)
        if len(same) > 1:
            groups.append((f"all {name} layers", same))
        if len(same) > 2 and same[-1] == run.depth - 1:
            groups.append((f"all hidden {name} layers", same[:-1]))
        groups += [("output" if l == run.depth - 1 else f"hidden layer {l + 1}", (l,)) for l in same]
    for site, chosen in groups:
        for mistake, detail, slope in slopes_taken(functions[chosen[0]]):
            name = "output-slope-missing" if mistake == "slope-missing" and site == "output" else mistake
            if name != "output-slope-missing":
                yield Hypothesis(name, site, detail, lambda t, c=chosen, s=slope: replace(t, slope=at(c, t.slope, s)))
    yield from confused_slopes(run)


def scaled_slopes(run: Pass) -> Iterator[Hypothesis]:
    """A sign or a factor in f′, which gives the same numbers as one in the δ that it is multiplied with."""
    hidden = range(run.depth - 1)
    for chosen in dict.fromkeys([tuple(hidden), *((l,) for l in hidden)]):
        for c, shown in ((-1.0, "−f′(z)"), (2.0, "2 f′(z)"), (0.5, "½ f′(z)")):
            site = "hidden layers " + ", ".join(str(l + 1) for l in chosen)
            yield Hypothesis("slope-formula", site, shown, multiplied_slopes(chosen, c))


def multiplied_slopes(layers: tuple[int, ...], factor: float) -> Change:
    return lambda terms: replace(
        terms, slope=lambda run, l: factor * terms.slope(run, l) if l in layers else terms.slope(run, l)
    )


def confused_slopes(run: Pass) -> Iterator[Hypothesis]:
    """f′ of another layer, and a ReLU's mask taken of the gradient itself."""
    widths = [z.shape[-1] for z in run.z]
    for l in range(run.depth - 1):
        for other in range(run.depth):
            if other != l and widths[other] in (widths[l], 1):
                site = f"hidden layer {l + 1}"
                yield Hypothesis("slope-of-neighbour", site, f"f′(z{other + 1})", neighbour(l, other, False))
                yield Hypothesis("slope-of-neighbour", site, f"f′ by a{other + 1}", neighbour(l, other, True))
    rectified = tuple(l for l, f in enumerate(run.form.hidden) if f.name == "relu")
    for chosen in dict.fromkeys([rectified, *((l,) for l in rectified)]):
        if chosen:
            site = "layers " + ", ".join(str(l + 1) for l in chosen)
            yield Hypothesis("relu-slope", site, "where δ > 0, not z", masked_by_itself(chosen))
    if run.depth > 2:
        for by, where in ((-1, "before"), (1, "behind")):
            for shown, activated in (("f′", False), ("f′ by a", True)):
                yield Hypothesis(
                    "slope-of-neighbour",
                    "all hidden layers",
                    f"{shown} of the layer {where}",
                    shifted_slopes(by, activated),
                )


def masked_by_itself(layers: tuple[int, ...]) -> Change:
    """δ ⊙ (δ > 0) for δ ⊙ (z > 0): the mask is taken of the gradient itself."""

    def change(terms: Terms) -> Terms:
        def carried(run: Pass, l: int, delta: Array) -> Array:
            gradient = terms.through(run, l, delta)
            return gradient * (gradient > 0) if l - 1 in layers else gradient

        return replace(terms, through=carried, slope=at(layers, terms.slope, lambda z, a: np.ones_like(z)))

    return change


def neighbour(l: int, other: int, activated: bool) -> Change:
    def slope(run: Pass, layer: int, before: Callable[[Pass, int], Array]) -> Array:
        if layer != l:
            return before(run, layer)
        own, z = run.form.hidden[l], run.z[other]
        return own.derivative(z, run.a[other + 1] if activated else own.function(z)) * np.ones_like(run.z[l])

    return lambda terms: replace(terms, slope=lambda run, layer: slope(run, layer, terms.slope))


def shifted_slopes(by: int, activated: bool) -> Change:
    """f′ at the z of the layer before or behind, or by its a, wherever that has the same width."""

    def slope(run: Pass, l: int) -> Array:
        other = min(max(l + by, 0), run.depth - 1)
        if run.z[other].shape != run.z[l].shape:
            return run.own_slope(l)
        own, z = run.form.hidden[min(l, len(run.form.hidden) - 1)], run.z[other]
        return own.derivative(z, run.a[other + 1] if activated else own.function(z))

    return lambda terms: replace(terms, slope=lambda run, l: slope(run, l))
