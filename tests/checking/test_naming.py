"""Mistakes replayed are named again; the reference is the network of this package; NaN explains nothing."""

import itertools
from typing import ClassVar

import numpy as np
import pytest

from backlight.checking import matcher as matching
from backlight.checking import naming
from backlight.checking.functions import IDENTITY, RELU, SIGMOID, TANH, rectifier
from backlight.checking.matcher import Matcher, same, tensors
from backlight.checking.mistakes import hypotheses
from backlight.checking.naming import pair, single
from backlight.checking.reference import CORRECT, Form, Objective, Pass, backward
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.networks.layer import Layer

LEAKY = rectifier(0.01)
SAMPLES, POINTS = 7, 3
WIDE = (3, 5, 6, 4)  # no two widths are the same
FORMS = {
    "softmax, tanh": ((TANH, TANH), None, "cross-entropy", WIDE),
    "softmax, ReLU": ((RELU, RELU), None, "cross-entropy", WIDE),
    "softmax, leaky ReLU and sigmoid": ((LEAKY, SIGMOID), None, "cross-entropy", WIDE),
    "sigmoid, binary": ((SIGMOID,), SIGMOID, "binary cross-entropy", (3, 5, 1)),
    "sigmoid, squared": ((TANH,), SIGMOID, "squared error", (3, 5, 4)),
    "identity, squared": ((RELU, RELU), IDENTITY, "squared error", WIDE),
    "equal widths": ((TANH, TANH), None, "cross-entropy", (4, 4, 4, 4)),
    "one layer": ((), None, "cross-entropy", (3, 4)),
}


def stacked(form, beta=0.05, points=POINTS):
    hidden, output, data, widths = FORMS[form]
    rng = np.random.default_rng(0)
    classes = max(widths[-1], 2)
    return Pass(
        Form(hidden, output),
        Objective(data, 1 / SAMPLES, (beta,) * (len(widths) - 1)),
        rng.normal(size=(SAMPLES, widths[0])),
        rng.permutation(np.arange(SAMPLES) % classes),
        [rng.normal(0, 0.7, (points, *pair)) for pair in itertools.pairwise(widths)],
        [rng.normal(0, 0.5, (points, 1, width)) for width in widths[1:]],
    )


def replayed(run, *mistakes):
    terms = CORRECT
    for mistake in mistakes:
        terms = mistake.change(terms)
    with np.errstate(all="ignore"):
        return backward(run, terms)


def matcher(run, gradients):
    return Matcher(run, gradients, [True] * (2 * run.depth))


def one_or_two(found):
    """One mistake if one explains everything, else two."""
    return single(found) or pair(found)


def is_visible(run, gradients):
    pairs = zip(tensors(gradients), tensors(backward(run)), strict=True)
    finite = all(np.isfinite(each).all() for each in tensors(gradients))
    return finite and not all(same(a, b, b, 1e-7) for a, b in pairs)


class Remembering(Matcher):
    """Predicts what a single mistake gives once and for all, since every test of a form asks for the same."""

    predictions: ClassVar[dict[int, list[np.ndarray]]] = {}

    def predicted(self, mistakes):
        if len(mistakes) != 1:
            return super().predicted(mistakes)
        key = id(mistakes[0])
        if key not in self.predictions:
            self.predictions[key] = super().predicted(mistakes)
        return self.predictions[key]


@pytest.mark.parametrize("form", FORMS)
def test_a_mistake_replayed_is_named_again(form, monkeypatch):
    """Alone: the mistake itself is the name, or among those that give the same numbers."""
    run = stacked(form, points=2)
    every = hypotheses(run)
    monkeypatch.setattr(matching, "hypotheses", lambda run: every)
    monkeypatch.setattr(Remembering, "predictions", {})
    seen = 0
    for number, mistake in enumerate(every):
        gradients = replayed(run, mistake)
        if number % 20 != list(FORMS).index(form) or not is_visible(run, gradients):  # some, for time
            continue
        name = one_or_two(Remembering(run, gradients, [True] * (2 * run.depth)))
        assert name is not None, mistake
        assert any(mistake in explanation for explanation in [name.mistakes, *name.equivalents]), mistake
        seen += 1
    assert seen > 5


@pytest.mark.parametrize("form", FORMS)
def test_every_visible_mistake_is_explained_by_itself(form):
    run = stacked(form)
    for mistake in hypotheses(run):
        gradients = replayed(run, mistake)
        if is_visible(run, gradients):
            found = matcher(run, gradients)
            assert not found.is_right(), mistake
            assert found.explained([mistake]), mistake


@pytest.mark.parametrize("form", FORMS)
def test_right_gradients_are_right(form):
    run = stacked(form)
    found = matcher(run, backward(run))
    assert found.is_right()
    assert found.first_wrong() is None


def test_two_mistakes_are_named_together():
    run = stacked("softmax, tanh")
    every = {str(mistake): mistake for mistake in hypotheses(run)}
    slope = next(m for m in every.values() if m.name == "slope-at-activation" and "all" in m.site)
    bias = next(m for m in every.values() if m.name == "bias-first-row")
    gradients = replayed(run, slope, bias)
    name = one_or_two(matcher(run, gradients))
    assert name is not None
    named = {mistake.name for pair in [name.mistakes, *name.equivalents] for mistake in pair}
    assert {slope.name, bias.name} <= named
    assert matcher(run, gradients).first_wrong() is not None


def test_noise_has_no_name(monkeypatch):
    monkeypatch.setattr(naming, "PAIR_SECONDS", 0.3)
    run = stacked("sigmoid, squared")
    rng = np.random.default_rng(1)
    dW, db = backward(run)
    noise = [each + rng.normal(size=each.shape) for each in dW], [each + rng.normal(size=each.shape) for each in db]
    assert one_or_two(matcher(run, noise)) is None


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", range(4))
def test_what_is_no_number_is_never_accepted(bad, place, monkeypatch):
    monkeypatch.setattr(naming, "PAIR_SECONDS", 0.1)
    run = stacked("sigmoid, squared")
    dW, db = backward(run)
    [*dW, *db][place].flat[0] = bad
    found = matcher(run, (dW, db))
    assert not found.is_right()
    assert one_or_two(found) is None


def test_one_entry_at_one_point_is_enough():
    run = stacked("softmax, tanh")
    dW, db = backward(run)
    dW[0][POINTS - 1, 0, 0] *= 1 + 1e-4
    found = matcher(run, (dW, db))
    assert not found.is_right()
    assert found.first_wrong() == 2 * (run.depth - 1)  # dW_1 stands before db_1, last from the output backwards


@pytest.mark.parametrize("activation", [TANH, SIGMOID, RELU, LEAKY])
@pytest.mark.parametrize("widths", [(3, 4), (3, 5, 4), WIDE])
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_the_reference_is_the_network_of_this_package(activation, widths, l2):
    rng = np.random.default_rng(4)
    run = Pass(
        Form((activation,) * (len(widths) - 2), None),
        Objective("cross-entropy", 1 / SAMPLES, (l2 / 2,) * (len(widths) - 1)),
        rng.normal(size=(SAMPLES, widths[0])),
        np.arange(SAMPLES) % widths[-1],
        [rng.normal(size=pair) for pair in itertools.pairwise(widths)],
        [rng.normal(size=(1, width)) for width in widths[1:]],
    )
    functions = [*run.form.hidden, IDENTITY]
    network = DeepNeuralNetwork.from_layers(
        [Layer(W, b, f) for W, b, f in zip(run.weights, run.biases, functions, strict=True)]
    )
    dW, db = backward(run)
    theirs = network.gradients(run.X, run.y, l2)
    for ours, other in zip(itertools.chain(*zip(dW, db, strict=True)), theirs, strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-12, atol=1e-14)
