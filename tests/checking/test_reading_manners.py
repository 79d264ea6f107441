"""Programs in manners that few write: read as they are meant, neither accused nor excused."""

import pytest

from backlight.checking.judge import judge
from backlight.checking.program import Program
from backlight.checking.readings import best_reading
from backlight.checking.source import Sources
from backlight.checking.usage import holders

FOREIGN = """
import numpy as np

class Siec:
    def __init__(self, rozmiary):
        self.wagi = [np.random.randn(a, b) / np.sqrt(a) for a, b in zip(rozmiary[:-1], rozmiary[1:])]
        self.progi = [np.zeros(b) for b in rozmiary[1:]]

    def licz(self, dane):
        self.a = [dane]
        for w, p in zip(self.wagi, self.progi):
            self.a.append(np.tanh(self.a[-1] @ w + p))
        return self.a[-1]

    def strata_sumy(self, dane, wzorce):
        return np.sum((self.licz(dane) - wzorce) ** 2) / len(dane)

    def wsteczna(self, dane, wzorce):
        self.licz(dane)
        zmiany_w, zmiany_p = [], []
        delta = 2 * (self.a[-1] - wzorce) * (1 - self.a[-1] ** 2) / len(dane)
        for i in reversed(range(len(self.wagi))):
            zmiany_p.insert(0, delta.sum(axis=0))
            zmiany_w.insert(0, self.a[i].T @ delta)
            delta = (delta @ self.wagi[i].T) * (1 - self.a[i] ** 2)
        return zmiany_p, zmiany_w
"""

NAMEDTUPLE = """
import numpy as np
from collections import namedtuple

Params = namedtuple("Params", "W1 b1 W2 b2")

def new_params(n_in, n_hidden, n_out, rng):
    return Params(rng.normal(size=(n_in, n_hidden)), np.zeros(n_hidden), rng.normal(size=(n_hidden, n_out)),
                  np.zeros(n_out))

def forward(p, X):
    h = np.tanh(X @ p.W1 + p.b1)
    return h, h @ p.W2 + p.b2

def loss(p, X, Y):
    return np.sum((forward(p, X)[1] - Y) ** 2) / (2 * len(X))

def backward(p, X, Y):
    h, out = forward(p, X)
    d = (out - Y) / len(X)
    dh = (d @ p.W2.T) * (1 - h ** 2)
    return Params(X.T @ dh, dh.sum(0), h.T @ d, d.sum(0))
"""

SPLIT = """
import numpy as np

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1, self.b1 = np.random.randn(n_in, n_hidden), np.zeros(n_hidden)
        self.W2, self.b2 = np.random.randn(n_hidden, n_out), np.zeros(n_out)

    def forward(self, X, Y):
        self.X, self.Y = X, Y
        self.h = np.tanh(X @ self.W1 + self.b1)
        self.out = self.h @ self.W2 + self.b2
        self.loss = np.sum((self.out - Y) ** 2) / (2 * len(X))
        return self.out

    def backward_layer2(self):
        d = (self.out - self.Y) / len(self.X)
        self.dW2, self.db2 = self.h.T @ d, d.sum(axis=0)
        return d @ self.W2.T

    def backward_layer1(self, dh):
        dz = dh * (1 - self.h ** 2)
        self.dW1, self.db1 = self.X.T @ dz, dz.sum(axis=0)

    def backward(self):
        self.backward_layer1(self.backward_layer2())
"""

BOOK = """
import numpy as np

class Network:
    def __init__(self, sizes, mu=0.9):
        self.mu = mu
        self.biases = [np.random.randn(n, 1) for n in sizes[1:]]
        self.weights = [np.random.randn(n, m) for m, n in zip(sizes[:-1], sizes[1:])]
        self.vw = [np.zeros(w.shape) for w in self.weights]
        self.vb = [np.zeros(b.shape) for b in self.biases]

    def feedforward(self, a):
        for w, b in zip(self.weights, self.biases):
            a = np.tanh(w @ a + b)
        return a

    def cost(self, data, lmbda):
        c = sum(0.5 * np.sum((self.feedforward(x) - y) ** 2) for x, y in data) / len(data)
        return c + 0.5 * lmbda * sum(np.sum(w ** 2) for w in self.weights)

    def backprop(self, x, y):
        activations = [x]
        for w, b in zip(self.weights, self.biases):
            activations.append(np.tanh(w @ activations[-1] + b))
        nabla_b, nabla_w = [None] * len(self.biases), [None] * len(self.weights)
        delta = (activations[-1] - y) * (1 - activations[-1] ** 2)
        for l in reversed(range(len(self.weights))):
            nabla_b[l], nabla_w[l] = delta, delta @ activations[l].T
            delta = (self.weights[l].T @ delta) * (1 - activations[l] ** 2)
        return nabla_b, nabla_w

    def update_mini_batch(self, batch, eta, lmbda):
        nb, nw = [0 * b for b in self.biases], [0 * w for w in self.weights]
        for x, y in batch:
            db, dw = self.backprop(x, y)
            nb, nw = [a + b for a, b in zip(nb, db)], [a + b for a, b in zip(nw, dw)]
        n = len(batch)
        for i in range(len(self.weights)):
            self.vw[i] = self.mu * self.vw[i] - eta * (nw[i] / n + lmbda * self.weights[i])
            self.vb[i] = self.mu * self.vb[i] - eta * nb[i] / n
            self.weights[i] = self.weights[i] + self.vw[i]
            self.biases[i] = self.biases[i] + self.vb[i]
"""

MARGIN = """
import numpy as np

def neat(x):
    return x / (1.0 + np.sqrt(1.0 + x * x))

def slope(x):
    r = np.sqrt(1.0 + x * x)
    return (1.0 + r - x * x / r) / (1.0 + r) ** 2

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1, self.b1 = np.random.randn(n_in, n_hidden), np.zeros((1, n_hidden))
        self.W2, self.b2 = np.random.randn(n_hidden, n_out), np.zeros((1, n_out))

    def forward(self, X):
        self.z = X @ self.W1 + self.b1
        return neat(self.z) @ self.W2 + self.b2

    def loss(self, X, Y):
        return np.sum((self.forward(X) - Y) ** 2) / len(X)

    def backward(self, X, Y):
        d = 2 * (self.forward(X) - Y) / len(X)
        dz = (d @ self.W2.T) * slope(self.z)
        return {"W1": X.T @ dz, "b1": dz.sum(axis=0, keepdims=True), "W2": neat(self.z).T @ d,
                "b2": d.sum(axis=0, keepdims=True)}
"""

ADAM = """
import numpy as np

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.p = {"W1": np.random.randn(n_in, n_hidden), "b1": np.zeros(n_hidden),
                  "W2": np.random.randn(n_hidden, n_out), "b2": np.zeros(n_out)}
        self.m = {k: np.zeros_like(v) for k, v in self.p.items()}
        self.s = {k: np.zeros_like(v) for k, v in self.p.items()}
        self.t = 0

    def forward(self, X):
        return np.tanh(X @ self.p["W1"] + self.p["b1"]) @ self.p["W2"] + self.p["b2"]

    def loss(self, X, Y):
        return np.sum((self.forward(X) - Y) ** 2) / len(X)

    def step(self, X, Y, lr=1e-3):
        h = np.tanh(X @ self.p["W1"] + self.p["b1"])
        d = 2 * (h @ self.p["W2"] + self.p["b2"] - Y) / len(X)
        dh = d @ self.p["W2"].T * (1 - h ** 2)
        g = {"W1": X.T @ dh, "b1": dh.sum(0), "W2": h.T @ d, "b2": d.sum(0)}
        self.t += 1
        for k in self.p:
            self.m[k] = 0.9 * self.m[k] + 0.1 * g[k]
            self.s[k] = 0.999 * self.s[k] + 0.001 * g[k] ** 2
            self.p[k] -= lr * self.m[k] / (1 - 0.9 ** self.t) / (np.sqrt(self.s[k] / (1 - 0.999 ** self.t)) + 1e-8)
"""

CORRECT = {"foreign": FOREIGN, "namedtuple": NAMEDTUPLE, "split": SPLIT, "book": BOOK, "margin": MARGIN}
WRONG = [
    ("foreign", "(1 - self.a[i] ** 2)", "(1 - self.a[i])"),
    ("namedtuple", "(1 - h ** 2)", "(1 - h)"),
    ("split", "dz = dh * (1 - self.h ** 2)", "dz = dh"),
    ("book", "eta * (nw[i] / n + lmbda", "eta * (nw[i] / n - lmbda"),
    ("book", "- eta * nb[i] / n", "+ eta * nb[i] / n"),
    ("book", "- eta * nb[i] / n", "- eta * nb[i]"),
    ("book", "a = np.tanh(w @ a + b)", "a = np.tanh(w @ a)"),
    ("margin", "d = 2 * (self.forward(X) - Y) / len(X)", "d = 2 * (self.forward(X) - Y)"),  # right for one sample
    ("margin", "neat(self.z) @ self.W2 + self.b2", "neat(self.z) @ self.W2"),  # no loss depends on b2
]


def sources(text: str) -> Sources:
    return Sources("net.py", {"net.py": text})


@pytest.mark.parametrize("manner", CORRECT)
def test_what_is_right_is_not_accused(manner):
    assert judge(sources(CORRECT[manner])).status == "right"


@pytest.mark.parametrize(("manner", "line", "instead"), WRONG)
def test_what_is_wrong_is_not_excused(manner, line, instead):
    assert line in CORRECT[manner]
    assert judge(sources(CORRECT[manner].replace(line, instead))).status == "wrong"


def test_the_first_step_of_adam_accuses_nobody():
    assert judge(sources(ADAM)).status != "wrong"


def test_labels_are_not_exchanged_for_what_a_function_also_takes():
    text = MARGIN.replace("loss(self, X, Y)", "loss(self, ziel)").replace(
        "self.forward(X) - Y) ** 2", "self.o - ziel) ** 2"
    )
    text = text.replace("len(X)\n\n    def backward", "len(ziel)\n\n    def backward")
    text = text.replace(
        "return neat(self.z) @ self.W2 + self.b2", "self.o = neat(self.z) @ self.W2 + self.b2\n        return self.o"
    )
    reading = best_reading(Program(sources(text)), None)
    assert reading.right
    assert dict(reading.subject.recipe.loss.plan) == {"ziel": "labels"}


def test_parameters_that_are_handed_on_are_recognised():
    program = Program(sources(NAMEDTUPLE))
    nodes = {name: program.node_of(function) for name, function in program.functions().items()}
    network = program.namespace["Params"](1, 2, 3, 4)
    assert holders(nodes["loss"], network, nodes) == {"p": "parameters"}
    assert holders(nodes["forward"], network, nodes) == {"p": "parameters"}


def test_what_a_forward_pass_replaces_may_have_another_shape():
    text = """
import numpy as np

def compute_loss(y_hat, y):
    return ((y_hat - y) ** 2).sum()

class NeuralNetwork:
    def __init__(self, x, y):
        self.input, self.y = x, y
        self.weights1 = np.random.rand(x.shape[1], 4) - 0.5
        self.weights2 = np.random.rand(4, 1) - 0.5
        self.output = np.zeros(y.shape)

    def feedforward(self):
        self.layer1 = np.tanh(np.dot(self.input, self.weights1))
        self.output = np.tanh(np.dot(self.layer1, self.weights2))

    def backprop(self):
        d = 2 * (self.y - self.output) * (1 - self.output ** 2)
        d_weights2 = np.dot(self.layer1.T, d)
        self.weights1 += np.dot(self.input.T, np.dot(d, self.weights2.T) * (1 - self.layer1 ** 2))
        self.weights2 += d_weights2
"""
    assert judge(sources(text)).status == "right"
