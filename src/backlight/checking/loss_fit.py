"""What a loss computes: which D it adds up over the samples, and which penalty, found by comparing numbers."""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from backlight.checking.losses import COSTS, SHOWN, Data, Target, picked
from backlight.checking.reference import Form, Pass
from backlight.networks.activations import Array
from backlight.networks.losses import Labels

TOLERANCE = 1e-7  # of outputs and of the loss, relative; log(p + 1e-8) and the like stay below


MARGINS: tuple[Data, ...] = ("margin", "hinge", "squared hinge")


class DataTerm(NamedTuple):
    """A sum over samples that a loss may be a multiple of.

    Attributes:
        data: what the gradient should belong to.
        mistake: name of the mistake in the loss; "" if there is none.
        shown: D in signs.
        target: what the outputs are compared with.
    """

    data: Data
    mistake: str
    shown: str
    target: Target = "labels"


class LossFit(NamedTuple):
    """L = α Σ D + β R + γ.

    Attributes:
        term: D.
        alpha, beta, gamma: the factors.
        penalty: R: "" for none, or its name in `penalties`.
        layers: which layers R takes in.
    """

    term: DataTerm
    alpha: float
    beta: float
    gamma: float
    penalty: str
    layers: tuple[bool, ...]


Value = Callable[[Array, Array, Labels], Array]  # (p, t, y) ↦ D (…, N)


def costs() -> dict[DataTerm, Value]:
    """What a loss may rightly be, the usual before the unusual."""
    targets: dict[Target, tuple[Data, ...]] = {
        "labels": tuple(COSTS),
        "signs": ("squared error", "absolute error", "hinge", "squared hinge"),  # margin: cross-entropy of a sigmoid
        "inputs": ("squared error", "binary cross-entropy", "absolute error"),
    }
    said: dict[Target, str] = {"labels": "", "signs": ", t = ±1", "inputs": ", t the inputs"}
    found = {}
    for target, data in targets.items():
        for each in data:
            mistake = "loss-no-square" if each == "absolute error" else ""
            found[DataTerm(each, mistake, SHOWN[each] + said[target], target)] = value_of(each)
    return found


def value_of(data: Data) -> Value:
    return lambda p, t, y: COSTS[data].value(p, t)


TERMS: dict[DataTerm, Value] = {
    **costs(),
    DataTerm("binary cross-entropy", "loss-half", "−t log p"): lambda p, t, y: -(t * np.log(p)).sum(-1),
    DataTerm("binary cross-entropy", "loss-half", "−(1 − t) log(1 − p)"): lambda p, t, y: (
        -((1 - t) * np.log(1 - p)).sum(-1)
    ),
    DataTerm("binary cross-entropy", "loss-half", "−t log p + (1 − t) log(1 − p)"): lambda p, t, y: (
        -t * np.log(p) + (1 - t) * np.log(1 - p)
    ).sum(-1),
    DataTerm("binary cross-entropy", "loss-wrong-class", "−(1 − t) log p − t log(1 − p)"): lambda p, t, y: (
        -((1 - t) * np.log(p) + t * np.log(1 - p)).sum(-1)
    ),
    DataTerm("cross-entropy", "loss-wrong-class", "−log p[−y]"): lambda p, t, y: -np.log(p[..., np.arange(len(y)), -y]),
    DataTerm("cross-entropy", "loss-wrong-class", "−log p[y + 1]"): lambda p, t, y: (
        -np.log(picked(p, np.roll(t, 1, -1)))
    ),
    DataTerm("cross-entropy", "loss-wrong-class", "−log p[y − 1]"): lambda p, t, y: (
        -np.log(picked(p, np.roll(t, -1, -1)))
    ),
    DataTerm("cross-entropy", "loss-integer-labels", "−y log p, y a number"): lambda p, t, y: (
        -(y[:, None] * np.log(p)).sum(-1)
    ),
    DataTerm("cross-entropy", "loss-integer-labels", "−y log p[y]"): lambda p, t, y: (
        -y.astype(float) * np.log(picked(p, t))
    ),
    DataTerm("cross-entropy", "loss-every-class", "−Σ_k log p"): lambda p, t, y: -np.log(p).sum(-1),
    DataTerm("cross-entropy", "loss-no-logarithm", "−p[y]"): lambda p, t, y: -picked(p, t),
    DataTerm("cross-entropy", "loss-wrong-class", "−log(1 − p[y])"): lambda p, t, y: -np.log(1 - picked(p, t)),
    DataTerm("cross-entropy", "loss-log-base", "−log(1 + p[y])"): lambda p, t, y: -np.log1p(picked(p, t)),
}


def with_epsilon(epsilon: float) -> None:
    """log(p + ε), which many write against log 0."""
    cross = DataTerm("cross-entropy", "loss-epsilon", f"−log(p[y] + {epsilon:g})")
    TERMS[cross] = lambda p, t, y: -np.log(picked(p, t) + epsilon)
    binary = DataTerm(
        "binary cross-entropy", "loss-epsilon", f"−t log(p + {epsilon:g}) − (1 − t) log(1 − p + {epsilon:g})"
    )
    TERMS[binary] = lambda p, t, y: -(t * np.log(p + epsilon) + (1 - t) * np.log(1 - p + epsilon)).sum(-1)


for _epsilon in (1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2):
    with_epsilon(_epsilon)


Tensors = list[Array]
AXES = (-2, -1)
# R of some layers' W and b, in each form that is met: (points,)
PENALTIES: dict[str, Callable[[Tensors, Tensors], Array]] = {
    "ΣW²": lambda W, b: sum(np.square(w).sum(AXES) for w in W),
    "ΣW² + Σb²": lambda W, b: sum(np.square(v).sum(AXES) for v in (*W, *b)),
    "(ΣW)²": lambda W, b: sum(w.sum(AXES) ** 2 for w in W),
    "Σ|W|": lambda W, b: sum(np.abs(w).sum(AXES) for w in W),
    "Σ‖W‖": lambda W, b: sum(np.sqrt(np.square(w).sum(AXES)) for w in W),
    "(ΣΣW)²": lambda W, b: sum(w.sum(AXES) for w in W) ** 2,
    "ΣW": lambda W, b: sum(w.sum(AXES) for w in W),
    "Σb²": lambda W, b: sum(np.square(v).sum(AXES) for v in b),
}
USUAL = ("ΣW²", "Σ|W|")


def ordered(form: Form, simple: bool) -> list[tuple[DataTerm, Value]]:
    """What may belong to such outputs; −t log p is the cross-entropy of a softmax, and half of a sigmoid's.

    `simple`: only what is right, and compared with labels.
    """
    elementwise = form.output is not None
    probable = form.output_name in ("softmax", "sigmoid")  # outputs in (0, 1)
    terms = [
        (term, value)
        for term, value in TERMS.items()
        if (probable or "entropy" not in term.data)
        and not (form.output is None and (term.data, term.mistake) == ("binary cross-entropy", ""))
        and not (probable and term.data in MARGINS)
        and not (simple and (term.mistake or term.target != "labels"))
    ]
    return sorted(terms, key=lambda item: (elementwise and item[0].data == "cross-entropy", item[0].mistake != ""))


def fitted(term: DataTerm, data: Array, measured: Array, run: Pass, simple: bool = False) -> LossFit | None:
    depth = run.depth
    subsets: list[tuple[bool, ...]] = [(True,) * depth]
    if depth > 1 and not simple:
        subsets += [s for s in itertools.product((True, False), repeat=depth) if any(s) and not all(s)][:14]
    none = solve(term, [data], measured)
    if term.data in MARGINS and none is not None and none[-1]:
        return None  # a sum over some of the samples only, and a constant for the others
    if none is not None:
        return LossFit(term, none[0], 0.0, none[-1], "", (False,) * depth)
    for chosen in subsets:
        W, b = ([v for v, take in zip(values, chosen, strict=True) if take] for values in (run.weights, run.biases))
        for name in USUAL if simple else PENALTIES:
            solution = solve(term, [data, PENALTIES[name](W, b)], measured)
            if solution is not None:
                return LossFit(term, solution[0], solution[1], solution[2], name, chosen)
    return None


def solve(term: DataTerm, columns: list[Array], measured: Array) -> Array | None:
    """Least squares with a constant; None unless it is exact and each column counts. γ comes last."""
    matrix = np.stack([*columns, np.ones_like(measured)], axis=-1)
    scale = np.abs(matrix).max(axis=0)
    if not (scale > 0).all():
        return None
    solution, *_ = np.linalg.lstsq(matrix / scale, measured, rcond=None)
    if np.abs(matrix / scale @ solution - measured).max() > TOLERANCE * np.abs(measured).max():
        return None
    found: Array = solution / scale
    if abs(found[0]) * np.ptp(columns[0]) < 1e-6 * np.ptp(measured):
        return None
    found[np.abs(found * scale) < 1e-6 * np.abs(measured).max()] = 0.0
    return found
