"""Networks and losses as people write them, other than tanh, softmax and a matrix beside a vector a layer."""

import itertools

import numpy as np
import pytest

from backlight.checking import matcher as matching
from backlight.checking.analysis import analyse
from backlight.checking.catalogue.change import Hypothesis, replaced_slopes
from backlight.checking.functions import ELEMENTWISE, FAMILIES
from backlight.checking.matcher import Matcher
from backlight.checking.naming import pair, single
from backlight.checking.program import Program
from backlight.checking.readings import best_reading
from backlight.checking.reference import CORRECT, Form, Objective, Pass, backward
from backlight.checking.source import Sources

START = """\
import numpy as np

def f(z):
    return {f}

def df(z):
    return {df}

"""
ROWS = (
    START
    + """\
class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1 = np.random.randn(n_in, n_hidden)
        self.b1 = np.zeros((1, n_hidden))
        self.W2 = np.random.randn(n_hidden, n_out)
        self.b2 = np.zeros((1, n_out))

    def forward(self, X):
        self.z1 = X @ self.W1 {sign} self.b1
        self.a1 = f(self.z1)
        return self.a1 @ self.W2 {sign} self.b2

    def loss(self, X, T):
        return {loss}

    def backward(self, X, T):
        p = self.forward(X)
        d = {d}
        d1 = d @ self.W2.T * df(self.z1)
        db1, db2 = {sign}d1.sum(axis=0, keepdims=True), {sign}d.sum(axis=0, keepdims=True)
        return X.T @ d1, db1, self.a1.T @ d, db2
"""
)
FOLDED = (
    START
    + """\
class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1 = np.random.randn(n_in + 1, n_hidden)
        self.W2 = np.random.randn(n_hidden + 1, n_out)

    def forward(self, X):
        self.X1 = np.hstack([X, np.ones((len(X), 1))])
        self.z1 = self.X1 @ self.W1
        self.a1 = np.hstack([f(self.z1), np.ones((len(X), 1))])
        return self.a1 @ self.W2

    def loss(self, X, T):
        return {loss}

    def backward(self, X, T):
        p = self.forward(X)
        d = {d}
        d1 = (d @ self.W2.T)[:, :-1] * df(self.z1)
        return self.X1.T @ d1, self.a1.T @ d
"""
)
VECTOR = (
    START
    + """\
def init_net(n_in, n_hidden):
    W = np.random.randn(n_hidden, n_in)
    c = np.zeros(n_hidden)
    v = np.random.randn(n_hidden)
    return W, c, v

def forward(X, W, c, v):
    z = X @ W.T + c
    a = f(z)
    s = a @ v
    return z, a, s

def loss(X, t, W, c, v):
    z, a, s = forward(X, W, c, v)
    return np.mean(np.log1p(np.exp(-t * s)))

def gradient(X, t, W, c, v):
    z, a, s = forward(X, W, c, v)
    d = -t / (1 + np.exp(t * s)) / len(X)
    grad_v = a.T @ d
    d1 = np.outer(d, v) * df(z)
    grad_c = d1.sum(axis=0)
    grad_W = d1.T @ X
    return grad_W, grad_c, grad_v

if __name__ == "__main__":
    W, c, v = init_net(2, 5)
"""
)
SQUARED = {"loss": "np.sum((self.forward(X) - T) ** 2) / len(X)", "d": "2 * (p - T) / len(X)"}
HUBER = {
    "loss": "np.sum(np.where(abs(self.forward(X) - T) < 1, (self.forward(X) - T) ** 2 / 2, "
    "abs(self.forward(X) - T) - 0.5)) / len(X)",
    "d": "np.clip(p - T, -1, 1) / len(X)",
}
TANH = {"f": "np.tanh(z)", "df": "1 - np.tanh(z) ** 2"}
SWISH = {"f": "z / (1 + np.exp(-z))", "df": "1 / (1 + np.exp(-z)) + z * np.exp(-z) / (1 + np.exp(-z)) ** 2"}
LEAKY = {"f": "np.where(z > 0, z, 0.17 * z)", "df": "np.where(z > 0, 1.0, 0.17)"}
SOFTSIGN = {"f": "z / (1 + abs(z))", "df": "1 / (1 + abs(z)) ** 2"}
SLIP = "1 / (1 + np.exp(-z)) + np.exp(-z) / (1 + np.exp(-z)) ** 2"


def analysis(text):
    program = Program(Sources("net.py", {"net.py": text}))
    return analyse(best_reading(program, None), 0.1)


def named(found):
    return [mistake.name for mistake in found.name.mistakes] if found.name else []


def written(template, sign="+", **parts):
    return template.format(sign=sign, **parts)


def one_or_two(found):
    """One mistake if one explains everything, else two."""
    return single(found) or pair(found)


@pytest.mark.parametrize(
    ("template", "parts", "hidden"),
    [
        (ROWS, {**SWISH, **SQUARED}, "swish"),
        (ROWS, {**LEAKY, **SQUARED}, "leaky ReLU (0.17)"),
        (ROWS, {**SOFTSIGN, **HUBER}, "softsign"),
        (ROWS, {"f": "1.5 * np.tanh(0.8 * z)", "df": "1.2 / np.cosh(0.8 * z) ** 2", **SQUARED}, "1.5 tanh(0.8 z)"),
        (ROWS, {**TANH, **SQUARED, "sign": "-"}, "tanh"),
        (FOLDED, {**TANH, **SQUARED}, "tanh"),
    ],
)
def test_network_and_loss_are_recognised(template, parts, hidden):
    found = analysis(written(template, **parts))
    assert found.right
    assert found.reading.fit is not None
    assert [function.name for function in found.reading.network.form.hidden] == [hidden]


@pytest.mark.parametrize(
    ("template", "parts", "name"),
    [
        (ROWS, {**SWISH, "df": SLIP, **SQUARED}, "slope-formula"),
        (ROWS, {**LEAKY, "df": "np.where(z > 0, 1.0, 0.3)", **SQUARED}, "relu-slope"),
        (ROWS, {**SOFTSIGN, "df": "1 / (1 + abs(z))", **SQUARED}, "slope-formula"),
        (ROWS, {**TANH, "loss": HUBER["loss"], "d": "-np.clip(p - T, -1, 1) / len(X)"}, "output-sign"),
        (ROWS, {**TANH, "df": "1 - np.tanh(np.tanh(z)) ** 2", **SQUARED, "sign": "-"}, "slope-at-activation"),
        (FOLDED, {**TANH, "df": "1 - z ** 2", **SQUARED}, "activation-formula-at-z"),
        (FOLDED, {**TANH, **SQUARED, "d": "2 * (p - T)"}, "summed-gradients"),
        (VECTOR, {**TANH, "df": "np.tanh(z)"}, "activation-as-slope"),
    ],
)
def test_their_mistakes_are_named(template, parts, name):
    assert named(analysis(written(template, **parts))) == [name]


def stacked(function, widths=(3, 5, 6, 4), beta=0.05):
    rng = np.random.default_rng(0)
    return Pass(
        Form((function,) * (len(widths) - 2), None),
        Objective("cross-entropy", 1 / 7, (beta,) * (len(widths) - 1)),
        rng.normal(size=(7, widths[0])),
        rng.permutation(np.arange(7) % widths[-1]),
        [rng.normal(0, 0.7, (3, *pair)) for pair in itertools.pairwise(widths)],
        [rng.normal(0, 0.5, (3, 1, width)) for width in widths[1:]],
    )


@pytest.mark.parametrize(
    "function", [*ELEMENTWISE, *(family.member(*family.starts[0]) for family in FAMILIES)], ids=lambda f: f.name
)
def test_every_function_stands_beside_its_derivative(function):
    z = np.random.default_rng(0).normal(0, 2, 50)
    z = z[np.abs(z) > 0.01]
    slopes = (function.function(z + 1e-6) - function.function(z - 1e-6)) / 2e-6
    assert np.allclose(function.derivative(z, function.function(z)), slopes, atol=1e-6)


def test_a_factor_that_nobody_thought_of_is_solved_for():
    run = stacked(ELEMENTWISE[0])
    dW, db = backward(run)
    dW[0] = dW[0] * 0.37
    name = one_or_two(Matcher(run, (dW, db), [True] * 6))
    assert name is not None
    assert [(m.name, m.site, m.detail) for m in name.mistakes] == [
        ("constant-factor", "dW1 with its penalty", "× 0.37")
    ]


def test_two_numbers_are_solved_for_together():
    run = stacked(ELEMENTWISE[0])
    dW, db = backward(run)
    dW = [1.7 * (g - 0.1 * W) + 0.3 * W * np.abs(W) for g, W in zip(dW, run.weights, strict=True)]
    name = one_or_two(Matcher(run, (dW, [1.7 * g for g in db]), [True] * 6))
    assert name is not None
    assert {m.name for m in name.mistakes} == {"constant-factor", "penalty-form"}


def test_a_formula_that_nobody_thought_of_is_fitted():
    run = stacked(ELEMENTWISE[0])
    slip = Hypothesis("", "", "", replaced_slopes((0, 1), lambda z, a: 1 - a + 3 * a**3))
    name = one_or_two(Matcher(run, backward(run, slip.change(CORRECT)), [True] * 6))
    assert name is not None
    assert [m.name for m in name.mistakes] == ["slope-formula"]
    assert name.mistakes[0].detail == "1 + -1 · a + 3 · a³"


def test_pairs_take_no_time_where_tensors_speak_against_them(monkeypatch):
    run = stacked(ELEMENTWISE[0])
    dW, db = backward(run)
    dW[0] = dW[0] + np.random.default_rng(1).normal(size=dW[0].shape)
    tried = []
    monkeypatch.setattr(matching, "layers_backwards", lambda *a, f=matching.layers_backwards: tried.append(1) or f(*a))
    assert one_or_two(Matcher(run, (dW, db), [True] * 6)) is None
    assert len(tried) < 20_000  # of some hundred thousand pairs


def test_deep_networks_with_a_softmax_have_a_catalogue():
    run = stacked(ELEMENTWISE[0], (3, 5, 6, 5, 4))
    dW, db = backward(run)
    name = one_or_two(Matcher(run, (dW, [0 * g for g in db]), [True] * 8))
    assert name is not None
    assert name.mistakes[0].name == "bias-missing"
