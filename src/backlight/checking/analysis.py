"""From a reading to named mistakes: the loss first, then the gradient, then whether it is one at all."""

import ast
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from backlight.checking.gradients import CURL_TOLERANCE, curl_of
from backlight.checking.identify import Network
from backlight.checking.layout import is_bias
from backlight.checking.loss_fit import DataTerm, LossFit
from backlight.checking.losses import Data
from backlight.checking.matcher import Matcher, Name
from backlight.checking.naming import pair, single
from backlight.checking.readings import POINTS, Reading, gradient_errors
from backlight.checking.reference import Objective
from backlight.checking.store import Slot
from backlight.checking.subject import Subject, generic_values
from backlight.checking.verdict import GradientClass
from backlight.networks.activations import Array

NO_FIT = "its values at a dozen random parameters are no known loss of the outputs plus a penalty"


@dataclass(frozen=True)
class LossMistake:
    name: str
    shown: str


@dataclass(frozen=True)
class Analysis:
    """What is wrong with one reading.

    Attributes:
        reading: which.
        errors: relative error of each gradient against central differences, the largest of three points.
        objective: what the gradient was held against; None where the network was not recognised.
        loss: mistakes in the loss.
        name: the mistake or mistakes in the gradient; None where it is right or nothing matched.
        shapes: names of gradients whose shape is wrong, with the mistake that this is.
        right: whether the gradient is that of the loss, or of what the loss should have been.
        gradient_class: by the curl test.
        first_wrong: index of the first wrong parameter, from the output backwards.
        run: the passes at the three points.
        matcher: for more questions about the same numbers.
    """

    reading: Reading
    errors: tuple[float, ...]
    objective: Objective | None
    loss: tuple[LossMistake, ...]
    name: Name | None
    shapes: tuple[tuple[int, str], ...]
    right: bool
    gradient_class: GradientClass
    first_wrong: int | None
    matcher: Matcher | None


def analyse(reading: Reading, strength: float) -> Analysis:
    subject = reading.subject
    errors = gradient_errors(subject, POINTS) if subject.has_loss else ()
    gradients = gradients_at_points(subject)
    shapes = wrong_shapes(subject, gradients)
    passes = bool(errors) and max(errors) <= 1e-5
    loss = loss_mistakes(reading, strength)
    serious = [m for m in loss if m.name not in NOTES]
    if reading.network is None or (reading.fit is None and subject.has_loss):
        klass = "right" if passes else class_of(subject)
        usual = None if passes or shapes else of_usual_loss(reading, gradients, strength)
        objective, first = (None, wrong_by(errors, subject)) if usual is None else (usual.run.objective, None)
        return Analysis(reading, errors, objective, tuple(loss), None, shapes, passes, klass, first, usual)
    candidates = objectives(reading, serious)
    matchers = [matcher(reading, objective, gradients, shapes, strength) for objective in candidates]
    right = next((m for m in matchers if m.is_right()), None)
    if (passes or right is not None) and not shapes:
        chosen = right or matchers[0]
        mistakes = tuple(m for m in loss if not passes or m.name in WRONG_EVEN_IF_CONSISTENT or m.name in NOTES)
        return Analysis(reading, errors, chosen.run.objective, mistakes, None, (), True, "right", None, chosen)
    best, name = (right, None) if right is not None else best_name(matchers)
    return Analysis(
        reading,
        errors,
        best.run.objective,
        tuple(loss),
        name,
        shapes,
        False,
        class_of(subject),
        first_wrong(best, reading),
        best,
    )


def of_usual_loss(reading: Reading, gradients: list[list[Array | None]], strength: float) -> Matcher | None:
    """What an unknown loss should have been: the usual one whose gradient, to round-off, is the program's."""
    network, subject = reading.network, reading.subject
    if network is None:
        return None
    plain = assumed_objectives(network, len(subject.feed.X), subject.feed.classes, by_outputs(subject))
    penalised = [replace(each, beta=(strength / 2,) * len(each.beta)) for each in plain]
    matchers = (matcher(reading, each, gradients, (), strength) for each in [*plain, *penalised])
    return next((each for each in matchers if each.is_right()), None)


def best_name(matchers: Sequence[Matcher]) -> tuple[Matcher, Name | None]:
    """One mistake beside any of the objectives; else two, beside the first two of them."""
    for found in matchers:
        name = single(found)
        if name is not None:
            return found, name
    for found in matchers[:2]:
        name = pair(found)
        if name is not None:
            return found, name
    return matchers[0], None


NOTES = (
    "loss-epsilon", "loss-scale", "loss-constant", "loss-penalty-biases", "loss-summed", "loss-no-shift",
    "loss-unknown",
)  # fmt: skip
# Gradient and loss may agree and both be wrong: these do not measure what they should.
WRONG_EVEN_IF_CONSISTENT = (
    "loss-sign",
    "loss-half",
    "loss-wrong-class",
    "loss-integer-labels",
    "loss-penalty-sign",
    "loss-penalty-form",
    "loss-every-class",
)


def class_of(subject: Subject) -> GradientClass:
    return "other objective" if curl_of(subject) <= CURL_TOLERANCE else "broken chain rule"


def gradients_at_points(subject: Subject) -> list[list[Array | None]]:
    found = []
    for seed in POINTS:
        subject.assign(generic_values(subject, seed))
        found.append(subject.gradients())
    return found


def wrong_shapes(subject: Subject, gradients: list[list[Array | None]]) -> tuple[tuple[int, str], ...]:
    """Parameters whose gradient has another shape, with the mistake that this is."""
    found = []
    for index, slot in enumerate(subject.slots):
        gradient = gradients[0][index]
        if gradient is not None and gradient.shape != slot.read().shape:
            found.append((index, misshapen(slot, gradient.shape)))
    return tuple(found)


def misshapen(slot: Slot, given: tuple[int, ...]) -> str:
    shape = slot.read().shape
    if is_bias(slot):
        return "bias-axis"
    if given == shape[::-1]:
        return "weights-transposed"
    kept = [width for width in given if width in shape]
    if len(given) == 2 and kept:
        return "own-activation-in-weights" if len(set(given)) == 1 else "input-in-weights"
    return "shape-mismatch"


def loss_mistakes(reading: Reading, strength: float) -> list[LossMistake]:
    """What is odd about the loss that was recognised."""
    fit = reading.fit
    if fit is None:
        unknown = reading.network is not None and reading.subject.has_loss
        return [LossMistake("loss-unknown", NO_FIT)] if unknown else []
    N, K = len(reading.subject.feed.X), reading.subject.feed.classes
    found = [LossMistake(fit.term.mistake, fit.term.shown)] if fit.term.mistake else []
    alpha = abs(fit.alpha)
    if fit.alpha < 0:
        found.append(LossMistake("loss-sign", f"{fit.alpha:.4g} · Σ"))
    for base, shown in ((10.0, "log10"), (2.0, "log2")):
        if any(math.isclose(alpha * math.log(base), usual, rel_tol=1e-4) for usual in usual_factors(fit.term, N, K)):
            found.append(LossMistake("loss-log-base", shown))
            alpha *= math.log(base)
    usual = usual_factors(fit.term, N, K)
    if among(alpha * N, usual) and not among(alpha, usual):
        found.append(LossMistake("loss-averaged-twice", "1/N²"))
    elif not among(alpha, usual):
        found.append(LossMistake("loss-scale", f"{alpha:.4g}"))
    elif not among(alpha, means(fit.term, N, K)):
        found.append(LossMistake("loss-summed", f"{alpha:.4g} · Σ over all {N} samples"))
    return found + penalty_oddities(fit)


def among(value: float, usual: Sequence[float]) -> bool:
    return any(math.isclose(value, each, rel_tol=1e-4) for each in usual)


def usual_factors(term: DataTerm, N: int, K: int) -> list[float]:
    """Of means and of sums over the samples."""
    return [*means(term, N, K), *([1.0, 1 / 2, 1 / K, 1 / (2 * K)] if term.data == "squared error" else [1.0])]


def means(term: DataTerm, N: int, K: int) -> list[float]:
    """Over the samples, or over all outputs of all samples."""
    factors = [1 / N, 1 / (N * K)]
    return [*factors, *(f / 2 for f in factors)] if term.data == "squared error" else factors


def penalty_oddities(fit: LossFit) -> list[LossMistake]:
    found = []
    if fit.beta < 0:
        found.append(LossMistake("loss-penalty-sign", f"{fit.beta:.4g} · {fit.penalty}"))
    if fit.penalty not in ("", "ΣW²", "ΣW² + Σb²", "Σ|W|"):
        found.append(LossMistake("loss-penalty-form", fit.penalty))
    if fit.penalty and not all(fit.layers):
        taken = ", ".join(f"W{l + 1}" for l, taken in enumerate(fit.layers) if taken)
        found.append(LossMistake("loss-penalty-layers", f"only {taken}"))
    if fit.penalty == "ΣW² + Σb²":
        found.append(LossMistake("loss-penalty-biases", f"{fit.beta:.4g} · Σb²"))
    if fit.gamma:
        found.append(LossMistake("loss-constant", f"+ {fit.gamma:.4g}"))
    return found


def objectives(reading: Reading, mistakes: Sequence[LossMistake]) -> list[Objective]:
    """What the gradient may be held against: the loss as it should be, then as it is where that differs."""
    fit, network = reading.fit, reading.network
    assert network is not None
    N, depth = len(reading.subject.feed.X), len(network.layout.weights)
    if fit is None:
        return assumed_objectives(network, N, reading.subject.feed.classes, by_outputs(reading.subject))
    names = {mistake.name for mistake in mistakes}
    alpha = abs(fit.alpha)
    if "loss-log-base" in names:
        alpha *= math.log(10.0 if any(m.shown == "log10" for m in mistakes) else 2.0)
    if "loss-averaged-twice" in names:
        alpha *= N
    bias = abs(fit.beta) if "Σb²" in fit.penalty else 0.0
    everywhere = (abs(fit.beta) if fit.penalty else 0.0,) * depth
    data, target = fit.term.data, fit.term.target
    meant: Data = "squared error" if fit.term.mistake == "loss-no-square" else data
    found = [Objective(meant, alpha, everywhere, bias, target)]
    as_it_is = tuple(fit.beta * taken for taken in fit.layers)
    if fit.alpha > 0 and fit.penalty in ("", "ΣW²", "ΣW² + Σb²") and fit.term.mistake in ("", "loss-no-square"):
        actual = Objective(data, fit.alpha, as_it_is, bias, target)
        found += [actual] if actual != found[0] else []
    return found


def by_outputs(subject: Subject) -> bool:
    """Whether the program has a derivative of its cost by the outputs, which the output's slope must follow."""
    program = getattr(subject, "program", None)
    pattern = re.compile(r"(d_)?(cost|loss|error)_?(derivative|deriv|prime|grad\w*)", re.IGNORECASE)
    nodes = [node for tree in program.trees.values() for node in ast.walk(tree)] if program else []
    return any(isinstance(node, ast.FunctionDef) and pattern.fullmatch(node.name) for node in nodes)


def assumed_objectives(network: Network, N: int, K: int, squared: bool) -> list[Objective]:
    """Without a loss function: what such outputs are usually trained with; means, sums and halves of them."""
    data: dict[str, list[Data]] = {
        "softmax": ["cross-entropy", "squared error"],
        "sigmoid": ["binary cross-entropy", "squared error"],
    }
    elementwise = network.form.output is not None
    terms: list[Data] = (
        ["squared error"] if squared and elementwise else data.get(network.form.output_name, ["squared error"])
    )
    none = (0.0,) * len(network.layout.weights)
    factors = (1 / N, 1.0, 1 / (N * K)) if elementwise and K > 1 else (1 / N, 1.0)
    halves = [Objective(t, c / (2 if t == "squared error" else 1), none) for t in terms for c in factors]
    return halves + [Objective(t, c, none) for t in terms for c in factors if t == "squared error"]


def matcher(
    reading: Reading,
    objective: Objective,
    gradients: list[list[Array | None]],
    shapes: Sequence[tuple[int, str]],
    strength: float,
) -> Matcher:
    subject, network = reading.subject, reading.network
    assert network is not None
    values = [np.stack(each) for each in zip(*(generic_values(subject, seed) for seed in POINTS), strict=True)]
    run = network.run(subject, values, objective, strength)
    odd = {index for index, _ in shapes}
    given = [
        np.stack([stand_in(g, value[0], index in odd) for g in each])
        for index, (each, value) in enumerate(zip(zip(*gradients, strict=True), values, strict=True))
    ]
    layout = network.layout
    asked = [index is not None and index not in odd for index in layout.tensors]
    return Matcher(run, layout.standard(given), asked, tolerance(reading))


def tolerance(reading: Reading) -> float:
    outputs = reading.subject.outputs()
    return 1e-4 if outputs is not None and outputs.dtype == np.float32 else 1e-7


def stand_in(gradient: Array | None, like: Array, odd: bool) -> Array:
    """A missing gradient is a zero one: nothing moves; one of the wrong shape is reported apart."""
    return np.zeros(like.shape) if gradient is None or odd else gradient


def wrong_by(errors: Sequence[float], subject: Subject) -> int | None:
    wrong = [index for index, error in enumerate(errors) if error > 1e-5]
    return wrong[-1] if wrong else None


def first_wrong(found: Matcher, reading: Reading) -> int | None:
    assert reading.network is not None
    index = found.first_wrong()
    if index is None:
        return None
    return reading.network.layout.tensors[index]
