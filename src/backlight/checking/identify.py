"""Which network and which objective a program computes, found by comparing numbers with the textbook's."""

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
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
NETWORK_SECONDS = 0.5  # for networks with rare functions
BOTH_SECONDS = 0.6  # for a network and a loss that are both unknown


@dataclass(frozen=True)
class Network:
    """A subject in the textbook's form."""

    layout: Layout
    form: Form

    def run(self, subject: Subject, values: Sequence[Array], objective: Objective, strength: float) -> Pass:
        weights, biases = self.layout.standard(values)
        return Pass(self.form, objective, subject.feed.X, subject.feed.y, weights, biases, strength=strength)


def candidate_networks(subject: Subject) -> Iterator[Network]:
    """Layouts and activations under which the textbook's outputs are the program's, at two points.

    There may be several: outputs without a function may be values, or logits whose softmax the loss takes.
    """
    outputs: list[Array] = []
    points = [generic_values(subject, seed) for seed in (1, 2)]
    for values in points:
        subject.assign(values)
        output = subject.outputs()
        if output is None:
            return
        outputs.append(output)
    given = np.stack(outputs)
    stacked = [np.stack(pair) for pair in zip(*points, strict=True)]
    possible = list(layouts(subject.slots, subject.feed.X.shape[1], subject.feed.classes))
    end = time.process_time() + NETWORK_SECONDS
    for matching_form, layout in itertools.product((usual_form, rare_form), possible):
        if matching_form is rare_form and time.process_time() > end:
            return
        with np.errstate(all="ignore"):
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


class Stack:
    """The layers of one layout, behind every choice of hidden functions."""

    def __init__(self, subject: Subject, layout: Layout, values: Sequence[Array]) -> None:
        self.X, self.hidden = subject.feed.X, len(layout.weights) - 1
        self.weights, self.biases = layout.standard(values)
        self.logits = cache(self.behind)  # what mixtures begin with alike is computed once

    def behind(self, functions: tuple[Activation, ...]) -> Array:
        """z behind these hidden layers."""
        below = functions[-1].function(self.logits(functions[:-1])) if functions else self.X
        return below @ self.weights[len(functions)] + self.biases[len(functions)]

    def form(self, choices: Iterable[tuple[Activation, ...]], given: Array) -> Form | None:
        """The first of these choices that gives the outputs, which may have the hidden layers' function, too."""
        views = ways_to_show(given)
        for functions in choices:
            z = self.logits(functions)
            for output, show in [*views, *((f, f.function) for f in functions[:1])]:
                if close(show(z), given):
                    return Form(functions, output)
        return None


def usual_form(subject: Subject, layout: Layout, values: Sequence[Array], given: Array) -> Form | None:
    """One function in all hidden layers, or a mixture of common ones."""
    stack = Stack(subject, layout, values)
    same = [(function,) * stack.hidden for function in ELEMENTWISE] if stack.hidden else [()]
    return stack.form([*same, *mixtures(COMMON, stack.hidden)], given)


def rare_form(subject: Subject, layout: Layout, values: Sequence[Array], given: Array) -> Form | None:
    """Any mixture, the deeper the network the fewer; then functions whose numbers are solved for."""
    stack = Stack(subject, layout, values)
    few = stack.hidden <= 3
    some = [*COMMON, *(f for f in ELEMENTWISE if f.name in ("softplus", "ELU", "swish"))]
    form = stack.form(mixtures(ELEMENTWISE if stack.hidden <= 2 else some, stack.hidden), given) if few else None
    if form is not None or not stack.hidden:
        return form
    for family, start in ((each, start) for each in FAMILIES for start in each.starts):
        for output, show in ways_to_show(given):
            numbers = solved(lambda *c, f=family, s=show: s(stack.logits((f.member(*c),) * stack.hidden)), start, given)
            if numbers is not None:
                return Form((family.member(*numbers),) * stack.hidden, output)
    return None


def mixtures(functions: Sequence[Activation], hidden: int) -> Iterator[tuple[Activation, ...]]:
    if 1 < hidden <= 4:
        yield from (mixture for mixture in itertools.product(functions, repeat=hidden) if len(set(mixture)) > 1)


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
    """The simplest α Σ D + β R + γ that is the program's loss; `simple` tries correct terms alone.

    One without γ is simpler than any with it: behind a softmax, Σ|p − t| and 2 − 2 p[y] are the same numbers.
    """
    found: LossFit | None = None
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
                if fit is not None and (simple or not fit.gamma):
                    return fit
                found = found or fit
    return found


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
