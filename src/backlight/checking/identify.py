"""Which network and which objective a program computes, found by comparing numbers with the textbook's."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from backlight.checking.functions import COMMON, ELEMENTWISE, FAMILIES, IDENTITY, RELU, SIGMOID, TANH
from backlight.checking.layout import Layout, layouts
from backlight.checking.loss_fit import TOLERANCE, LossFit, fitted, ordered
from backlight.checking.reference import Form, Objective, Pass
from backlight.checking.subject import Subject, generic_values
from backlight.networks.activations import Activation, Array
from backlight.networks.losses import log_softmax, softmax

POINTS = 12
BOTH_SECONDS = 0.6  # for a network and a loss that are both unknown


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
    with np.errstate(all="ignore"):
        for layout in layouts(subject.slots, subject.feed.X.shape[1], subject.feed.classes):
            form = matching_form(subject, layout, stacked, given)
            if form is not None:
                yield from (Network(layout, each) for each in meanings(form, given, subject))
                return


def meanings(form: Form, given: Array, subject: Subject) -> Iterator[Form]:
    """Values without a function may be the outputs, or what the loss puts into a softmax or a sigmoid."""
    yield form
    if form.output is not None and form.output.name == "identity":
        yield Form(form.hidden, None)
        yield Form(form.hidden, SIGMOID)


def matching_form(subject: Subject, layout: Layout, values: Sequence[Array], given: Array) -> Form | None:
    """Functions that give these outputs; the numbers in a function are solved for where no known one does."""
    hidden, views = len(layout.weights) - 1, ways_to_show(given)

    weights, biases = layout.standard(values)

    @cache
    def logits(functions: tuple[Activation, ...]) -> Array:
        """z behind these hidden layers; what mixtures begin with alike is computed once."""
        below = functions[-1].function(logits(functions[:-1])) if functions else subject.feed.X
        return below @ weights[len(functions)] + biases[len(functions)]

    for functions in hidden_functions(hidden):
        z = logits(functions)
        for output, show in [*views, *((f, f.function) for f in functions[:1])]:
            if close(show(z), given):
                return Form(functions, output)
    for family, start in ((each, start) for each in FAMILIES for start in each.starts if hidden):
        for output, show in views:
            numbers = solved(lambda *c, f=family, s=show: s(logits((f.member(*c),) * hidden)), start, given)
            if numbers is not None:
                return Form((family.member(*numbers),) * hidden, output)
    return None


Shown = tuple[Activation | None, Callable[[Array], Array]]


def ways_to_show(given: Array) -> list[Shown]:
    """What outputs in this range may be: the output's function (None: a softmax), and what z becomes."""
    sums, logarithms = given.sum(-1), np.exp(np.minimum(given, 0.0)).sum(-1)
    if given.shape[-1] > 1 and np.allclose(sums, 1.0):
        return [(None, softmax)]
    if given.shape[-1] > 1 and np.allclose(logarithms, 1.0):
        return [(None, log_softmax)]
    usual = ((IDENTITY, -np.inf, np.inf), (SIGMOID, 0.0, 1.0), (TANH, -1.0, 1.0), (RELU, 0.0, np.inf))
    rest = (f for f in ELEMENTWISE if f.name in ("softplus", "exponential"))
    possible = [f for f, low, high in usual if given.min() >= low and given.max() <= high]
    return [(f, f.function) for f in (*possible, *(f for f in rest if given.min() >= 0))]


def solved(outputs: Callable[..., Array], start: tuple[float, ...], given: Array) -> tuple[float, ...] | None:
    """The numbers that give these outputs, by Gauss's and Newton's method; given up where it does not converge."""
    c, last, h = np.array(start), np.inf, 1e-6
    for _ in range(8):
        here = outputs(*c)
        gap = (given - here).ravel()
        if close(here, given):
            return tuple(float(f"{number:.9g}") for number in c)
        size = float(np.abs(gap).max())
        if not size < 0.7 * last:
            return None
        steps = [(outputs(*(c + h * unit)) - here).ravel() / h for unit in np.eye(len(c))]
        change, *_ = np.linalg.lstsq(np.stack(steps, axis=-1), gap, rcond=None)
        c, last = c + change, size
    return None


NOTHING = Objective("squared error", 0.0, ())


def hidden_functions(hidden: int) -> Iterator[tuple[Activation, ...]]:
    """One function in all hidden layers first, then every mixture, the deeper the network the fewer."""
    if not hidden:
        yield ()
        return
    for function in ELEMENTWISE:
        yield (function,) * hidden
    some = [*COMMON, *(f for f in ELEMENTWISE if f.name in ("softplus", "ELU", "swish"))]
    mixed = ELEMENTWISE if hidden <= 2 else some if hidden == 3 else COMMON
    if 1 < hidden <= 4:
        yield from (mixture for mixture in itertools.product(mixed, repeat=hidden) if len(set(mixture)) > 1)


def close(a: Array, b: Array) -> bool:
    return a.shape == b.shape and float(np.abs(a - b).max()) <= TOLERANCE * (1.0 + float(np.abs(b).max()))


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
    with np.errstate(all="ignore"):
        for term, value in ordered(network.form, simple):
            targets = replace(run, objective=replace(NOTHING, target=term.target)).targets
            if targets.shape[-1] != run.outputs.shape[-1]:
                continue
            data = value(run.outputs, targets, y).sum(-1)
            if np.isfinite(data).all():
                fit = fitted(term, data, measured.losses, run, simple)
                if fit is not None:
                    return fit
    return None


def identify_both(subject: Subject, measured: Measured) -> tuple[Network, LossFit] | None:
    """Network and loss together, for programs that show no outputs."""
    outputs: tuple[Activation | None, ...] = (None, SIGMOID, IDENTITY, TANH)
    end = time.process_time() + BOTH_SECONDS
    for layout in layouts(subject.slots, subject.feed.X.shape[1], subject.feed.classes):
        hidden = len(layout.weights) - 1
        for function, output in itertools.product(ELEMENTWISE if hidden else ELEMENTWISE[:1], outputs):
            network = Network(layout, Form((function,) * hidden, output))
            if time.process_time() > end:
                return None
            fit = identify_loss(subject, network, measured, simple=True)
            if fit is not None:
                return network, fit
    return None
