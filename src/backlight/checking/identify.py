"""Which network and which objective a program computes, found by comparing numbers with the textbook's."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from backlight.checking.layout import Layout, layouts
from backlight.checking.reference import ELEMENTWISE, Data, Form, Objective, Pass
from backlight.checking.subject import Subject, generic_values
from backlight.networks.activations import Activation, Array

TOLERANCE = 1e-7  # of outputs and of the loss, relative; log(p + 1e-8) and the like stay below
POINTS = 12


@dataclass(frozen=True)
class Network:
    """A subject in the textbook's form."""

    layout: Layout
    form: Form

    def run(self, subject: Subject, values: Sequence[Array], objective: Objective, strength: float) -> Pass:
        weights, biases = self.layout.standard(values)
        return Pass(self.form, objective, subject.feed.X, subject.feed.y, weights, biases, strength=strength)


def identify_network(subject: Subject) -> Network | None:
    """The first of `candidate_networks`; None where none fits."""
    return next(candidate_networks(subject), None)


def candidate_networks(subject: Subject) -> Iterator[Network]:
    """Layouts and activations under which the textbook's outputs are the program's, at two points.

    There may be several: outputs without a function may be values, or logits whose softmax the loss takes.
    """
    outputs = []
    points = [generic_values(subject, seed) for seed in (1, 2)]
    for values in points:
        subject.assign(values)
        outputs.append(subject.outputs())
    if any(p is None for p in outputs):
        return
    given = np.stack(outputs)  # type: ignore[arg-type]
    stacked = [np.stack(pair) for pair in zip(*points, strict=True)]
    for layout in layouts(subject.slots, subject.feed.X.shape[1], subject.feed.classes):
        for form in forms(len(layout.weights) - 1):
            network = Network(layout, form)
            with np.errstate(all="ignore"):
                run = network.run(subject, stacked, NOTHING, 0.0)
                if close(run.outputs, given):
                    yield network
                    if form.output is not None and form.output.name == "identity":
                        yield Network(layout, Form(form.hidden, None))
                        yield Network(layout, Form(form.hidden, ELEMENTWISE[1]))
                    return


NOTHING = Objective("squared error", 0.0, ())


def forms(hidden: int) -> Iterator[Form]:
    """One function in all hidden layers first, then every mixture of the common ones."""
    outputs: list[Activation | None] = [None, *ELEMENTWISE[1:2], ELEMENTWISE[3], ELEMENTWISE[0], *ELEMENTWISE[2:3]]
    for function, output in itertools.product(ELEMENTWISE, outputs):
        yield Form((function,) * hidden, output)
    if 1 < hidden <= 3:
        for mixture in itertools.product(ELEMENTWISE[:6], repeat=hidden):
            if len(set(mixture)) > 1:
                for output in outputs:
                    yield Form(mixture, output)


def close(a: Array, b: Array) -> bool:
    return a.shape == b.shape and float(np.abs(a - b).max()) <= TOLERANCE * (1.0 + float(np.abs(b).max()))


class DataTerm(NamedTuple):
    """A sum over samples that a loss may be a multiple of.

    Attributes:
        data: what the gradient should belong to.
        mistake: name of the mistake in the loss; "" if there is none.
        shown: D in signs.
    """

    data: Data
    mistake: str
    shown: str


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


TERMS = {
    DataTerm("cross-entropy", "", "−log p[y]"): lambda p, t, y: -np.log(picked(p, t)),
    DataTerm("binary cross-entropy", "", "−t log p − (1 − t) log(1 − p)"): lambda p, t, y: (
        -(t * np.log(p) + (1 - t) * np.log(1 - p)).sum(-1)
    ),
    DataTerm("squared error", "", "(p − t)²"): lambda p, t, y: ((p - t) ** 2).sum(-1),
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
    DataTerm("cross-entropy", "loss-integer-labels", "−y log p[y]"): lambda p, t, y: -y * np.log(picked(p, t)),
    DataTerm("cross-entropy", "loss-every-class", "−Σ_k log p"): lambda p, t, y: -np.log(p).sum(-1),
    DataTerm("cross-entropy", "loss-no-logarithm", "−p[y]"): lambda p, t, y: -picked(p, t),
    DataTerm("cross-entropy", "loss-wrong-class", "−log(1 − p[y])"): lambda p, t, y: -np.log(1 - picked(p, t)),
    DataTerm("cross-entropy", "loss-log-base", "−log(1 + p[y])"): lambda p, t, y: -np.log1p(picked(p, t)),
    DataTerm("squared error", "loss-no-square", "|p − t|"): lambda p, t, y: np.abs(p - t).sum(-1),
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


def picked(p: Array, t: Array) -> Array:
    """p of the true class: (…, N)."""
    return (p * t).sum(-1)


def penalties(weights: list[Array], biases: list[Array], chosen: tuple[bool, ...]) -> dict[str, Array]:
    """R of the layers that are chosen, in each form that is met: (points,)."""
    W = [w for w, take in zip(weights, chosen, strict=True) if take]
    b = [v for v, take in zip(biases, chosen, strict=True) if take]
    axes = (-2, -1)
    square = sum(np.square(w).sum(axes) for w in W)
    return {
        "ΣW²": square,
        "ΣW² + Σb²": square + sum(np.square(v).sum(axes) for v in b),
        "(ΣW)²": sum(w.sum(axes) ** 2 for w in W),
        "Σ|W|": sum(np.abs(w).sum(axes) for w in W),
        "Σ‖W‖": sum(np.sqrt(np.square(w).sum(axes)) for w in W),
        "(ΣΣW)²": sum(w.sum(axes) for w in W) ** 2,
        "ΣW": sum(w.sum(axes) for w in W),
        "Σb²": sum(np.square(v).sum(axes) for v in b),
    }


@dataclass(frozen=True)
class Measured:
    """The program's loss at `POINTS` generic points."""

    values: list[Array]  # each parameter, stacked
    losses: Array


def measure(subject: Subject) -> Measured | None:
    """None where the loss is not finite everywhere."""
    values, losses = [], []
    for seed in range(20, 20 + POINTS):
        values.append(generic_values(subject, seed))
        subject.assign(values[-1])
        losses.append(subject.loss())
    if not np.isfinite(losses).all():
        return None
    return Measured([np.stack(each) for each in zip(*values, strict=True)], np.array(losses))


def identify_loss(subject: Subject, network: Network, measured: Measured, simple: bool = False) -> LossFit | None:
    """The simplest α Σ D + β R + γ that is the program's loss; `simple` tries correct terms alone."""
    run = network.run(subject, measured.values, NOTHING, 0.0)
    y = subject.feed.y
    terms = {term: function for term, function in TERMS.items() if not (simple and term.mistake)}
    with np.errstate(all="ignore"):
        sums = {term: function(run.outputs, run.targets, y).sum(-1) for term, function in terms.items()}
    for term, data in ordered(sums, network.form):
        if np.isfinite(data).all():
            fit = fitted(term, data, measured.losses, run, simple)
            if fit is not None:
                return fit
    return None


def identify_both(subject: Subject, measured: Measured) -> tuple[Network, LossFit] | None:
    """Network and loss together, for programs that show no outputs."""
    for layout in layouts(subject.slots, subject.feed.X.shape[1], subject.feed.classes):
        for form in itertools.islice(forms(len(layout.weights) - 1), 4 * len(ELEMENTWISE)):
            network = Network(layout, form)
            fit = identify_loss(subject, network, measured, simple=True)
            if fit is not None:
                return network, fit
    return None


def ordered(sums: dict[DataTerm, Array], form: Form) -> list[tuple[DataTerm, Array]]:
    """−t log p is the cross-entropy of a softmax, and half a cross-entropy of a sigmoid."""
    elementwise = form.output is not None
    return sorted(
        sums.items(), key=lambda item: (elementwise and item[0].data == "cross-entropy", item[0].mistake != "")
    )


def fitted(term: DataTerm, data: Array, measured: Array, run: Pass, simple: bool = False) -> LossFit | None:
    depth = run.depth
    subsets: list[tuple[bool, ...]] = [(True,) * depth]
    if depth > 1 and not simple:
        subsets += [s for s in itertools.product((True, False), repeat=depth) if any(s) and not all(s)][:14]
    none = solve(term, [data], measured)
    if none is not None:
        return LossFit(term, none[0], 0.0, none[-1], "", (False,) * depth)
    for chosen in subsets:
        for name, R in penalties(run.weights, run.biases, chosen).items():
            solution = solve(term, [data, R], measured)
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
    solution = solution / scale
    if abs(solution[0]) * np.ptp(columns[0]) < 1e-6 * np.ptp(measured):
        return None
    solution[np.abs(solution * scale) < 1e-6 * np.abs(measured).max()] = 0.0
    return solution
