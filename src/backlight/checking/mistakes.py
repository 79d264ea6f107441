"""The catalogue: each mistake as a change of the backward pass, tried on the user's own parameters.

A mistake takes `Terms` and gives other `Terms`, so two mistakes are one after the other. What a mistake *is*,
in words, stands in `wording`; here is only what it does to the numbers.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from backlight.checking.reference import ELEMENTWISE, Pass, Terms
from backlight.networks.activations import Array

Change = Callable[[Terms], Terms]
Slope = Callable[[Array, Array], Array]  # (z, a) ↦ what somebody takes for f′(z)


@dataclass(frozen=True)
class Hypothesis:
    """A mistake at a place.

    Attributes:
        name: of the mistake.
        site: where, in words: "layer 2", "all hidden layers", "dW1".
        detail: which form of the mistake, in signs: "1 − z²", "× N".
        change: what it does to the backward pass.
    """

    name: str
    site: str
    detail: str
    change: Change

    def __str__(self) -> str:
        return " ".join(part for part in (self.name, self.site, self.detail) if part)


def hypotheses(run: Pass) -> list[Hypothesis]:
    """All that apply to a network of this form, the likelier before the less likely."""
    families = (
        output_mistakes,
        scale_mistakes,
        slope_mistakes,
        penalty_mistakes,
        weight_mistakes,
        bias_mistakes,
        chain_mistakes,
        sample_mistakes,
        factor_mistakes,
    )
    single = [hypothesis for family in families for hypothesis in family(run)]
    return [*single, *repeated(single)]


def repeated(single: list[Hypothesis]) -> Iterator[Hypothesis]:
    """The same mistake in every layer, or in all but the last or the first: a line inside a loop."""
    groups: dict[tuple[str, str, str], list[Hypothesis]] = {}
    for hypothesis in single:
        if re.search(r"\d", hypothesis.site):
            key = (hypothesis.name, re.sub(r"\d", "", hypothesis.site), re.sub(r"\d", "", hypothesis.detail))
            groups.setdefault(key, []).append(hypothesis)
    for (name, site, _), members in groups.items():
        ranges = [members[:-1], members[1:]] if len(members) > 2 else []
        for chosen in [members, *ranges] if len(members) > 1 else []:
            where = f"every {site.strip()} of {chosen[0].site} … {chosen[-1].site}"
            yield Hypothesis(name, where, chosen[0].detail, in_turn(tuple(member.change for member in chosen)))


def in_turn(changes: tuple[Change, ...]) -> Change:
    def changed(terms: Terms) -> Terms:
        for change in changes:
            terms = change(terms)
        return terms

    return changed


# -- the output's δ ------------------------------------------------------------------------------------------


def replaced_output(delta: Callable[[Pass], Array]) -> Change:
    return lambda terms: replace(terms, output=lambda run, inner: run.objective.alpha * delta(run))


def times_output(factor: Callable[[Pass], Array | float]) -> Change:
    return lambda terms: replace(terms, output=lambda run, inner: terms.output(run, inner) * factor(run))


def relabelled(targets: Callable[[Pass], Array]) -> Change:
    """∂D/∂z with other targets: exact where δ = p − t, and for a squared error too."""

    def output(run: Pass, terms: Terms) -> Array:
        if run.canonical:
            return run.objective.alpha * (run.outputs - targets(run))
        shifted = 2.0 * run.objective.alpha * (run.outputs - targets(run))
        return shifted * terms.slope(run, run.depth - 1) if run.form.output else shifted

    return lambda terms: replace(terms, output=output)


def rows_indexed(run: Pass) -> Array:
    """p[y] −= 1: rows number y instead of column y of each row; each row once."""
    wrong = np.zeros((run.samples, run.outputs.shape[-1]))
    wrong[run.y[run.y < run.samples]] = 1.0
    return wrong


def output_mistakes(run: Pass) -> Iterator[Hypothesis]:
    last = run.depth - 1
    hidden = {function.name: function for function in run.form.hidden}
    if run.canonical or run.form.output is None:
        for name, f in hidden.items():
            shown = f"{name}′(z)"
            yield Hypothesis(
                "output-slope",
                "output",
                shown,
                times_output(lambda r, f=f: f.derivative(r.z[last], f.function(r.z[last]))),
            )
            yield Hypothesis(
                "output-slope",
                "output",
                f"{name}′ of the outputs",
                times_output(lambda r, f=f: f.derivative(r.a[-1], r.a[-1])),
            )
            yield Hypothesis(
                "output-slope",
                "output",
                f"{name}′(p)",
                times_output(lambda r, f=f: f.derivative(r.a[-1], f.function(r.a[-1]))),
            )
        yield Hypothesis(
            "output-squared-error-slope", "output", "p(1 − p)", times_output(lambda r: r.a[-1] * (1 - r.a[-1]))
        )
        for name, slope in slope_slips("sigmoid"):
            yield Hypothesis("output-slope", "output", name, times_output(lambda r, s=slope: s(r.z[last], r.a[-1])))
    if run.form.output is None and run.objective.data == "cross-entropy":
        yield Hypothesis(
            "softmax-diagonal", "output", "−t(1 − p)", replaced_output(lambda r: -r.targets * (1 - r.outputs))
        )
        yield Hypothesis(
            "softmax-diagonal",
            "output",
            "−t/p · p(1 − p) twice",
            replaced_output(lambda r: -r.targets * (1 - r.outputs) * r.outputs),
        )
        yield Hypothesis(
            "softmax-jacobian-missing", "output", "−t/p", replaced_output(lambda r: -r.targets / r.outputs)
        )
    yield Hypothesis("labels-not-subtracted", "output", "p", relabelled(lambda r: np.zeros_like(r.targets)))
    yield Hypothesis("one-from-all", "output", "p − 1", relabelled(lambda r: np.ones_like(r.targets)))
    yield Hypothesis("output-sign", "output", "t − p", times_output(lambda r: -1.0))
    if run.outputs.shape[-1] > 1:
        yield Hypothesis("labels-index-rows", "output", "p[y] −= 1", relabelled(rows_indexed))
        for shift in (1, -1):
            yield Hypothesis(
                "labels-shifted",
                "output",
                f"class y {'+−'[shift < 0]} 1",
                relabelled(lambda r, s=shift: np.roll(r.targets, s, axis=-1)),
            )
        yield Hypothesis(
            "labels-shifted", "output", "samples in another order", relabelled(lambda r: r.targets[..., ::-1, :])
        )
    if not run.canonical:
        yield Hypothesis(
            "output-slope-missing",
            "output",
            "p − t",
            lambda terms: replace(terms, slope=at(last, terms.slope, lambda z, a: np.ones_like(z))),
        )
        if run.form.output is None:
            yield Hypothesis(
                "softmax-jacobian-missing", "output", "2(p − t)", replaced_output(lambda r: 2 * r.residual)
            )
            yield Hypothesis("softmax-jacobian-missing", "output", "p − t", replaced_output(lambda r: r.residual))


# -- f′ ------------------------------------------------------------------------------------------------------


def at(
    layers: int | tuple[int, ...], before: Callable[[Pass, int], Array], slope: Slope
) -> Callable[[Pass, int], Array]:
    """`slope` in these layers, what was there before in all others."""
    chosen = (layers,) if isinstance(layers, int) else layers
    return lambda run, l: slope(run.z[l], run.a[l + 1]) if l in chosen else before(run, l)


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


def slopes_taken(name: str) -> Iterator[tuple[str, str, Slope]]:
    """(mistake, detail, slope) for a layer whose activation goes by this name."""
    own = next(function for function in ELEMENTWISE if function.name == name)
    yield "slope-missing", "1", lambda z, a: np.ones_like(z)
    yield "slope-at-activation", "f′(a)", lambda z, a: own.derivative(a, own.function(a))
    if name in ("tanh", "sigmoid"):
        yield "activation-formula-at-z", "1 − z²" if name == "tanh" else "z(1 − z)", lambda z, a: own.derivative(z, z)
    yield "activation-as-slope", "f(z)", lambda z, a: a
    yield "activation-as-slope", "z", lambda z, a: z
    if name == "relu" or name.startswith("leaky"):
        for detail, slope in rectifier_slips(0.0 if name == "relu" else float(name.split("(")[1].rstrip(")"))):
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
    names = [f.name for f in run.form.hidden]
    outer = run.form.output
    if outer is not None and not run.canonical:
        layers.append(run.depth - 1)
        names.append(outer.name)
    groups: list[tuple[str, tuple[int, ...]]] = []
    for name in dict.fromkeys(names):
        same = tuple(l for l in layers if names[l] == name)
        if len(same) > 1:
            groups.append((f"all {name} layers", same))
        if len(same) > 2 and same[-1] == run.depth - 1:
            groups.append((f"all hidden {name} layers", same[:-1]))
        groups += [("output" if l == run.depth - 1 else f"hidden layer {l + 1}", (l,)) for l in same]
    for site, chosen in groups:
        for mistake, detail, slope in slopes_taken(names[chosen[0]]):
            name = "output-slope-missing" if mistake == "slope-missing" and site == "output" else mistake
            if name != "output-slope-missing":
                yield Hypothesis(name, site, detail, lambda t, c=chosen, s=slope: replace(t, slope=at(c, t.slope, s)))
    yield from confused_slopes(run)


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
        yield Hypothesis("slope-of-neighbour", "all hidden layers", "f′ of the layer before", shifted_slopes(-1))
        yield Hypothesis("slope-of-neighbour", "all hidden layers", "f′ of the layer behind", shifted_slopes(1))


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


def shifted_slopes(by: int) -> Change:
    def slope(run: Pass, l: int) -> Array:
        other = min(max(l + by, 0), run.depth - 1)
        same = run.z[other].shape == run.z[l].shape
        own = run.form.hidden[min(l, len(run.form.hidden) - 1)]
        return own.derivative(run.z[other], own.function(run.z[other])) if same else run.own_slope(l)

    return lambda terms: replace(terms, slope=lambda run, l: slope(run, l))


# -- factors of a term ---------------------------------------------------------------------------------------


def scale_mistakes(run: Pass) -> Iterator[Hypothesis]:
    """1/N missing or twice: everywhere, in the data's part, in one kind of tensor, in one tensor, below a layer."""
    N = float(run.samples)
    if N == 1:
        return
    summed, twice = "summed-gradients", "averaged-twice"
    for name, c, shown in ((summed, N, "× N"), (twice, 1 / N, "÷ N")):
        yield Hypothesis(name, "every gradient", shown, whole(c))
        yield Hypothesis(name, "data part", shown, times_output(lambda r, c=c: c))
    yield Hypothesis("mean-only-in-weights", "biases", "× N", times("biases", N))
    yield Hypothesis("mean-only-in-biases", "weights", "× N", times("weights", N))
    yield Hypothesis("mean-only-in-weights", "weights", "÷ N", times("weights", 1 / N))
    yield Hypothesis("mean-only-in-biases", "biases", "÷ N", times("biases", 1 / N))
    for l in range(run.depth):
        for name, c, shown in ((summed, N, "× N"), (twice, 1 / N, "÷ N")):
            yield Hypothesis(name, f"dW{l + 1}", shown, times("weights", c, l))
            yield Hypothesis(name, f"db{l + 1}", shown, times("biases", c, l))
            yield Hypothesis(
                name, f"layer {l + 1}", shown, lambda t, c=c, l=l: times("biases", c, l)(times("weights", c, l)(t))
            )
            if l:
                yield Hypothesis(name, f"δ of layer {l}", shown, times("through", c, l))
    if run.depth > 2:
        for name, c, shown in ((summed, N, "× N"), (twice, 1 / N, "÷ N")):
            yield Hypothesis(name, "δ of every hidden layer", shown, times("through", c))


def factor_mistakes(run: Pass) -> Iterator[Hypothesis]:
    """A constant that does not belong there."""
    K = float(run.outputs.shape[-1])
    factors = [
        (2.0, "× 2"),
        (0.5, "× ½"),
        *([(K, "× K"), (1 / K, "÷ K")] if K > 2 else []),
        (-1.0, "× −1"),
        (10.0, "× 10"),
        (0.1, "× 0.1"),
        (3.0, "× 3"),
        (4.0, "× 4"),
        (0.25, "× ¼"),
        (100.0, "× 100"),
        (0.01, "× 0.01"),
    ]
    for c, shown in factors:
        name = "wrong-sign" if c < 0 else "constant-factor"
        yield Hypothesis("output-sign" if c < 0 else name, "every gradient", shown, whole(c))
        if c > 0:
            yield Hypothesis(name, "data part", shown, times_output(lambda r, c=c: c))
        yield Hypothesis(name, "all dW", shown, times("weights", c))
        yield Hypothesis(name, "all db", shown, times("biases", c))
        for l in range(run.depth):
            yield Hypothesis(name, f"dW{l + 1}", shown, times("weights", c, l))
            yield Hypothesis(name, f"db{l + 1}", shown, times("biases", c, l))
            if l:
                yield Hypothesis(name, f"δ of layer {l}", shown, times("through", c, l))
        if run.depth > 2:
            yield Hypothesis(name, "δ of every hidden layer", shown, times("through", c))


def times(term: str, factor: float, layer: int | None = None) -> Change:
    """One term (`weights`, `biases`, `through`) times a number, in one layer or in all."""

    def change(terms: Terms) -> Terms:
        before = getattr(terms, term)

        def after(run: Pass, l: int, delta: Array) -> Array:
            value: Array = before(run, l, delta)
            return value * factor if layer is None or l == layer else value

        return replace(terms, **{term: after})  # type: ignore[arg-type]

    return change


def whole(factor: float) -> Change:
    """Data part and penalty alike."""
    return lambda terms: replace(
        times_output(lambda run: factor)(terms),
        penalty=lambda run, l: factor * terms.penalty(run, l),
        bias_penalty=lambda run, l: factor * terms.bias_penalty(run, l),
    )


# -- penalty -------------------------------------------------------------------------------------------------


def penalty(term: Callable[[Pass, int], Array], layer: int | None = None) -> Change:
    return lambda terms: replace(
        terms, penalty=lambda run, l: term(run, l) if layer is None or l == layer else terms.penalty(run, l)
    )


def penalty_mistakes(run: Pass) -> Iterator[Hypothesis]:
    if not any(run.objective.beta):
        for shown, c in penalty_factors(run, run.strength):
            yield Hypothesis("loss-penalty-missing", "loss", shown, penalty(lambda r, l, c=c: c * r.weights[l]))
        return
    layers: list[tuple[str, int | None]] = [("all layers", None), *((f"dW{l + 1}", l) for l in range(run.depth))]
    base = max(run.objective.beta)
    for site, layer in layers:
        yield Hypothesis("penalty-missing", site, "0", penalty(lambda r, l: 0 * r.weights[l], layer))
        yield Hypothesis("penalty-sign", site, "−λW", penalty(lambda r, l: -2 * base * r.weights[l], layer))
        for shown, c in penalty_factors(run, 2 * base):
            yield Hypothesis("penalty-scale", site, shown, penalty(lambda r, l, c=c: c * r.weights[l], layer))
        for c in {2 * base, run.strength}:
            yield Hypothesis("penalty-of-gradient", site, "λ dW", penalty_of_gradient(c, layer))
            yield Hypothesis("penalty-form", site, "λ", penalty(lambda r, l, c=c: np.full_like(r.weights[l], c), layer))
            yield Hypothesis(
                "penalty-form", site, "λ sign W", penalty(lambda r, l, c=c: c * np.sign(r.weights[l]), layer)
            )
            yield Hypothesis("penalty-form", site, "λ |W|", penalty(lambda r, l, c=c: c * np.abs(r.weights[l]), layer))
            yield Hypothesis("penalty-form", site, "λ W²", penalty(lambda r, l, c=c: c * r.weights[l] ** 2, layer))
            yield Hypothesis(
                "penalty-form", site, "(λ/2) W²", penalty(lambda r, l, c=c: c / 2 * r.weights[l] ** 2, layer)
            )
            yield Hypothesis("penalty-form", site, "λ ΣW", penalty(lambda r, l, c=c: c * total(r.weights[l]), layer))
            yield Hypothesis(
                "penalty-form", site, "(λ/2) ΣW²", penalty(lambda r, l, c=c: c / 2 * total(r.weights[l] ** 2), layer)
            )
    if not run.objective.beta_bias:
        for c in (2 * base, run.strength, base):
            yield Hypothesis(
                "penalty-on-biases",
                "all layers",
                "λb",
                lambda t, c=c: replace(t, bias_penalty=lambda r, l: c * r.biases[l]),
            )
            for layer in range(run.depth):
                yield Hypothesis("penalty-on-biases", f"db{layer + 1}", "λb", bias_penalty(c, layer))
    if not all(run.objective.beta):
        yield Hypothesis(
            "loss-penalty-layers", "loss", "λW in every layer", penalty(lambda r, l: 2 * base * r.weights[l])
        )


def total(weights: Array) -> Array:
    return weights.sum(axis=(-2, -1), keepdims=True) * np.ones_like(weights)


def penalty_factors(run: Pass, right: float) -> list[tuple[str, float]]:
    N = float(run.samples)
    tried = {
        "× 2": 2 * right,
        "× ½": right / 2,
        "÷ N": right / N,
        "× N": right * N,
        "÷ 2N": right / (2 * N),
        "× 2N": right * 2 * N,
        "2 ÷ N": 2 * right / N,
        "½ N": right * N / 2,
        "λ": run.strength,
        "2λ": 2 * run.strength,
        "λ/2": run.strength / 2,
        "λ²": run.strength**2,
        "λ/N": run.strength / N,
        "without λ": 1.0,
        "2 without λ": 2.0,
        "× rate": right * run.rate,
        "1 ÷ N without λ": 1 / N,
    }
    return [(shown, c) for shown, c in tried.items() if abs(c - right) > 1e-9 * right]


def penalty_of_gradient(c: float, layer: int | None) -> Change:
    """dW += λ dW: the penalty is gone and the data's part 1 + λ times what it should be."""
    chosen = None if layer is None else layer
    return lambda terms: times("weights", 1 + c, chosen)(penalty(lambda r, l: 0 * r.weights[l], chosen)(terms))


def bias_penalty(c: float, layer: int) -> Change:
    return lambda terms: replace(
        terms, bias_penalty=lambda r, l: c * r.biases[l] if l == layer else terms.bias_penalty(r, l)
    )


# -- dW and db -----------------------------------------------------------------------------------------------


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
            for last in {run.depth, run.depth - 1}:
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


def on_delta(terms: Terms, term: str, layer: int, change: Callable[[Pass, Array], Array]) -> Terms:
    before = getattr(terms, term)
    return replace(terms, **{term: lambda run, l, d: before(run, l, change(run, d) if l == layer else d)})  # type: ignore[arg-type]


def turned(layer: int, before: Callable[[Pass, int, Array], Array]) -> Callable[[Pass, int, Array], Array]:
    return lambda run, l, delta: before(run, l, delta).swapaxes(-1, -2) if l == layer else before(run, l, delta)


def bias_mistakes(run: Pass) -> Iterator[Hypothesis]:
    N = run.samples
    forms: list[tuple[str, str, Callable[[Pass, int, Array], Array]]] = [
        ("bias-missing", "0", lambda r, l, d: 0 * d.sum(axis=-2, keepdims=True)),
        ("bias-first-row", "δ[0]", lambda r, l, d: d[..., :1, :]),
        ("bias-first-row", "N δ[0]", lambda r, l, d: N * d[..., :1, :]),
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


# -- the way through the layers ------------------------------------------------------------------------------


def through(layer: int | None, change: Callable[[Pass, int, Array], Array]) -> Change:
    def changed(terms: Terms) -> Terms:
        def after(run: Pass, l: int, delta: Array) -> Array:
            return change(run, l, delta) if layer is None or l == layer else terms.through(run, l, delta)

        return replace(terms, through=after)

    return changed


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
        yield Hypothesis("gradient-cut", f"below layer {l + 1}", "0", times("through", 0.0, l))
        for rate in dict.fromkeys((run.rate, 0.1, 0.01, 0.5, 1.0)):
            yield Hypothesis("weights-updated-first", site, f"W{l + 1} − {rate} dW{l + 1}", updated_first(l, rate))
    for by, shown in ((-1, "W of the layer before"), (1, "W of the layer behind")):
        moved = {l: l + by for l in range(1, run.depth) if 0 <= l + by < run.depth and shapes[l + by] == shapes[l]}
        if len(moved) > 1:
            yield Hypothesis(
                "wrong-weights", "every layer", shown, in_turn(tuple(through(l, of_layer(o)) for l, o in moved.items()))
            )
    if run.depth > 2:
        for rate in dict.fromkeys((run.rate, 0.1, 0.01, 0.5, 1.0)):
            yield Hypothesis("weights-updated-first", "every layer", f"W − {rate} dW", updated_first(None, rate))


def of_layer(other: int) -> Callable[[Pass, int, Array], Array]:
    return lambda run, l, delta: delta @ run.weights[other].swapaxes(-1, -2)


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


def updated_first(layer: int | None, rate: float) -> Change:
    def changed(terms: Terms) -> Terms:
        def after(run: Pass, l: int, delta: Array) -> Array:
            if layer is not None and l != layer:
                return terms.through(run, l, delta)
            step = terms.weights(run, l, delta) + terms.penalty(run, l)
            return delta @ (run.weights[l] - rate * step).swapaxes(-1, -2)

        return replace(terms, through=after)

    return changed


def of_sample(index: int, factor: float) -> Change:
    """Every dW from one sample alone."""

    def weights(run: Pass, l: int, delta: Array) -> Array:
        one = slice(index, index + 1 or None)
        return factor * (run.a[l][..., one, :].swapaxes(-1, -2) @ delta[..., one, :])

    return lambda terms: replace(terms, weights=weights)


def sample_mistakes(run: Pass) -> Iterator[Hypothesis]:
    if run.samples == 1:
        return
    for index, shown in ((-1, "the last sample"), (0, "the first sample")):
        for factor, times_n in ((1.0, ""), (float(run.samples), " × N")):
            yield Hypothesis("one-sample", "all dW", shown + times_n, of_sample(index, factor))
    for index, shown in ((-1, "the last sample"), (0, "the first sample")):
        for factor, times_n in ((1.0, ""), (float(run.samples), " × N")):
            yield Hypothesis("one-sample", "every gradient", shown + times_n, only(index, factor))
    yield Hypothesis("one-sample", "every gradient", "all but the last sample", all_but(-1))
    yield Hypothesis("one-sample", "every gradient", "all but the first sample", all_but(0))


def only(index: int, factor: float) -> Change:
    def output(run: Pass, terms: Terms, before: Callable[[Pass, Terms], Array]) -> Array:
        mask = np.zeros((run.samples, 1))
        mask[index] = factor
        return before(run, terms) * mask

    return lambda terms: replace(terms, output=lambda run, inner: output(run, inner, terms.output))


def all_but(index: int) -> Change:
    def output(run: Pass, terms: Terms, before: Callable[[Pass, Terms], Array]) -> Array:
        mask = np.ones((run.samples, 1))
        mask[index] = 0.0
        return before(run, terms) * mask

    return lambda terms: replace(terms, output=lambda run, inner: output(run, inner, terms.output))
