"""A formula that somebody takes for f′, found as a sum of simple functions of z and a."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from backlight.checking.catalogue.change import Hypothesis, Slope, replaced_slopes
from backlight.checking.functions import SIGMOID, TANH, is_rectifier
from backlight.checking.matcher import Matcher
from backlight.checking.reference import Pass
from backlight.networks.activations import Activation, Array


def other_slope(found: Matcher) -> Hypothesis | None:
    """One formula in place of f′, in the last layer whose gradient is wrong and in those of the same function."""
    first = next((i for i, ok in enumerate(found.right_ones) if not ok), None)
    layer = None if first is None else found.run.depth - 1 - first // 2
    functions = elementwise(found.run)
    if layer is None or layer >= len(functions):
        return None
    own = functions[layer]
    for basis in bases(own):
        formula = fitted(found, layer, basis)
        if formula is None:
            continue
        shown, slope = formula
        name = "relu-slope" if is_rectifier(own) else "slope-formula"
        alike = tuple(l for l, f in enumerate(functions) if f.name == own.name)
        for chosen in dict.fromkeys([alike, tuple(l for l in alike if l <= layer), (layer,)]):
            site = "layers " + ", ".join(str(l + 1) for l in chosen)
            hypothesis = Hypothesis(name, site, shown, replaced_slopes(chosen, slope))
            if found.explained([hypothesis]):
                return hypothesis
    return None


def elementwise(run: Pass) -> list[Activation]:
    """The functions whose slopes the backward pass multiplies by, layer by layer."""
    outer = [] if run.canonical or run.form.output is None else [run.form.output]
    return [*run.form.hidden, *outer]


Basis = dict[str, Slope]


def bases(own: Activation) -> Iterator[Basis]:
    """Functions that a slip in the derivative of this function may be made of, few first."""
    slope: Basis = {"f′": own.derivative, "f′²": lambda z, a: own.derivative(z, a) ** 2}
    if is_rectifier(own):
        yield {
            "1": lambda z, a: np.ones_like(z),
            "[z > 0]": lambda z, a: np.heaviside(z, 0.0),
            "z": lambda z, a: z,
            "z [z > 0]": lambda z, a: z * (z > 0),
        }
    yield {"1": lambda z, a: np.ones_like(z), "a": lambda z, a: a, "a²": lambda z, a: a * a, "a³": lambda z, a: a**3}
    yield {
        "1": lambda z, a: np.ones_like(z),
        "a": lambda z, a: a,
        "a²": lambda z, a: a * a,
        "z": lambda z, a: z,
        "za": lambda z, a: z * a,
        "z²": lambda z, a: z * z,
        **slope,
        "z f′": lambda z, a: z * own.derivative(z, a),
        "a f′": lambda z, a: a * own.derivative(z, a),
    }
    yield {**parts(SIGMOID, "σ"), **slope}
    yield {**parts(TANH, "tanh"), **slope}
    yield {
        "√f′": lambda z, a: np.sqrt(np.abs(own.derivative(z, a))),
        "√f′³": lambda z, a: np.abs(own.derivative(z, a)) ** 1.5,
        "a √f′": lambda z, a: a * np.sqrt(np.abs(own.derivative(z, a))),
        "a/z": lambda z, a: a / z,
        "1/f′": lambda z, a: 1 / own.derivative(z, a),
        "1/(1 + z²)": lambda z, a: 1 / (1 + z * z),
        "1/(1 + z²)²": lambda z, a: 1 / (1 + z * z) ** 2,
        **slope,
    }
    yield {
        "e^z": lambda z, a: np.exp(z),
        "e^−z": lambda z, a: np.exp(-z),
        "e^a": lambda z, a: np.exp(a),
        "e^−a": lambda z, a: np.exp(-a),
        "[z > 0]": lambda z, a: np.heaviside(z, 0.0),
        "a [z > 0]": lambda z, a: a * (z > 0),
        "e^z [z > 0]": lambda z, a: np.exp(z) * (z > 0),
        "1": lambda z, a: np.ones_like(z),
        "a": lambda z, a: a,
    }


def parts(inner: Activation, name: str) -> Basis:
    """What the product rule makes of z g(z), and what slips leave of it."""
    g, slope = inner.function, inner.derivative
    return {
        "1": lambda z, a: np.ones_like(z),
        f"{name}": lambda z, a: g(z),
        f"{name}′": lambda z, a: slope(z, g(z)),
        f"z {name}": lambda z, a: z * g(z),
        f"z {name}′": lambda z, a: z * slope(z, g(z)),
        f"a {name}": lambda z, a: a * g(z),
        f"a {name}′": lambda z, a: a * slope(z, g(z)),
    }


def fitted(found: Matcher, layer: int, basis: Basis) -> tuple[str, Slope] | None:
    """The sum of these functions that gives this layer's dW and db; None if there is none."""
    place = 2 * (found.run.depth - 1 - layer)
    columns = []
    with np.errstate(all="ignore"):
        for slope in basis.values():
            hypothesis = Hypothesis("slope-formula", "", "", replaced_slopes((layer,), slope))
            columns.append(found.predicted([hypothesis])[place : place + 2])
        nothing = Hypothesis("slope-formula", "", "", replaced_slopes((layer,), lambda z, a: np.zeros_like(z)))
        constant = found.predicted([nothing])[place : place + 2]
    chosen = [i for i in (0, 1) if found.asked[place + i]]
    wanted = np.concatenate([(found.given[place + i] - constant[i]).ravel() for i in chosen])
    matrix = np.stack([np.concatenate([(c[i] - constant[i]).ravel() for i in chosen]) for c in columns], axis=-1)
    scale = np.abs(matrix).max(axis=0)
    if not (np.isfinite(matrix).all() and np.isfinite(wanted).all() and scale.all()) or len(wanted) < 2 * len(columns):
        return None
    solution, *_ = np.linalg.lstsq(matrix / scale, wanted, rcond=1e-11)
    if not np.abs(matrix / scale @ solution - wanted).max() <= 10 * found.tolerance * np.abs(wanted).max():
        return None
    used = fewest(matrix / scale, wanted, 10 * found.tolerance) or tuple(range(len(columns)))
    weights = np.zeros(len(columns))
    weights[list(used)] = np.round(np.linalg.lstsq(matrix[:, used], wanted, rcond=1e-11)[0], 10)
    return None if is_multiple(used, weights, list(basis)) else spelled(basis, weights)


def fewest(columns: Array, wanted: Array, tolerance: float) -> tuple[int, ...] | None:
    """At most three columns whose sum is what is wanted."""
    for count in (1, 2, 3):
        for used in itertools.combinations(range(columns.shape[-1]), count):
            some = columns[:, used]
            solution, *_ = np.linalg.lstsq(some, wanted, rcond=None)
            if np.abs(some @ solution - wanted).max() <= tolerance * np.abs(wanted).max():
                return used
    return None


def is_multiple(used: Sequence[int], weights: Array, names: Sequence[str]) -> bool:
    """A factor beside a known slip is a second mistake; a sign or a 2 may belong to the formula."""
    return len(used) == 1 and (names[used[0]] == "1" or abs(float(weights[used[0]])) not in (0.5, 1.0, 2.0))


def spelled(basis: Basis, weights: Array) -> tuple[str, Slope]:
    used = [(w, name, slope) for w, (name, slope) in zip(weights, basis.items(), strict=True) if w]
    shown = " + ".join(name if abs(w - 1) < 1e-9 else f"{w:.4g} · {name}" for w, name, _ in used)

    def slope(z: Array, a: Array) -> Array:
        total: Array = np.zeros_like(z)
        for weight, _, part in used:
            total = total + weight * part(z, a)
        return total

    return shown, slope
