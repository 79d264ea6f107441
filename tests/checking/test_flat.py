"""Networks whose parameters are one flat vector, in the manners in which people write them."""

from pathlib import Path

import numpy as np
import pytest

from backlight.checking.check import check
from backlight.checking.flat_layout import Region, corrected, cut, unrolled

UNROLLED = """
import numpy as np

def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))

def nnCostFunction(nn_params, input_layer_size, hidden_layer_size, num_labels, X, y, lambda_):
    split = hidden_layer_size * (input_layer_size + 1)
    Theta1 = np.reshape(nn_params[:split], (hidden_layer_size, input_layer_size + 1))
    Theta2 = np.reshape(nn_params[split:], (num_labels, hidden_layer_size + 1))
    m = X.shape[0]
    a1 = np.hstack([np.ones((m, 1)), X])
    a2 = np.hstack([np.ones((m, 1)), sigmoid(a1.dot(Theta1.T))])
    h = sigmoid(a2.dot(Theta2.T))
    Y = (y.reshape(-1, 1) == np.arange(1, num_labels + 1)).astype(float)
    J = -np.sum(Y * np.log(h) + (1 - Y) * np.log(1 - h)) / m
    J += lambda_ / (2 * m) * (np.sum(Theta1[:, 1:] ** 2) + np.sum(Theta2[:, 1:] ** 2))
    delta3 = h - Y
    delta2 = delta3.dot(Theta2[:, 1:]) * a2[:, 1:] * (1 - a2[:, 1:])
    Theta1_grad = delta2.T.dot(a1) / m
    Theta2_grad = delta3.T.dot(a2) / m
    Theta1_grad[:, 1:] += lambda_ / m * Theta1[:, 1:]
    Theta2_grad[:, 1:] += lambda_ / m * Theta2[:, 1:]
    return J, np.concatenate([Theta1_grad.ravel(), Theta2_grad.ravel()])
"""

AUTOENCODER = """
import numpy as np

def sigmoid(x):
    return 1 / (1 + np.exp(-x))

def initialize(hiddenSize, visibleSize):
    W1 = np.random.uniform(-0.5, 0.5, (hiddenSize, visibleSize))
    W2 = np.random.uniform(-0.5, 0.5, (visibleSize, hiddenSize))
    return np.concatenate((W1.ravel(), W2.ravel(), np.zeros(hiddenSize), np.zeros(visibleSize)))

def unroll(theta, visibleSize, hiddenSize):
    hv = hiddenSize * visibleSize
    W1 = theta[:hv].reshape(hiddenSize, visibleSize)
    W2 = theta[hv:2 * hv].reshape(visibleSize, hiddenSize)
    return W1, W2, theta[2 * hv:2 * hv + hiddenSize], theta[2 * hv + hiddenSize:]

def autoencoderCost(theta, visibleSize, hiddenSize, data):
    W1, W2, b1, b2 = unroll(theta, visibleSize, hiddenSize)
    m = data.shape[1]
    a2 = sigmoid(np.dot(W1, data) + b1[:, np.newaxis])
    a3 = sigmoid(np.dot(W2, a2) + b2[:, np.newaxis])
    diff = a3 - data
    cost = 0.5 / m * np.sum(diff ** 2)
    delta3 = diff * a3 * (1 - a3)
    delta2 = np.dot(W2.T, delta3) * a2 * (1 - a2)
    W2grad = np.dot(delta3, a2.T) / m
    W1grad = np.dot(delta2, data.T) / m
    return cost, np.concatenate((W1grad.ravel(), W2grad.ravel(), np.mean(delta2, axis=1), np.mean(delta3, axis=1)))
"""

CLOSURES = """
import numpy as np

def build(X, T, sizes, decay):
    shapes = list(zip(sizes[:-1], sizes[1:]))

    def layers_of(x):
        out, k = [], 0
        for a, b in shapes:
            W = np.reshape(x[k:k + a * b], (a, b))
            k += a * b
            out.append((W, x[k:k + b]))
            k += b
        return out

    def run(x):
        acts = [X]
        net = layers_of(x)
        for i, (W, c) in enumerate(net):
            z = acts[-1].dot(W) + c
            acts.append(np.tanh(z) if i < len(net) - 1 else z)
        return acts

    def loss(x):
        return 0.5 * np.sum((run(x)[-1] - T) ** 2) / len(X)

    def grad(x):
        acts, net = run(x), layers_of(x)
        d = (acts[-1] - T) / len(X)
        parts = []
        for i in reversed(range(len(net))):
            W, c = net[i]
            parts = [acts[i].T.dot(d).ravel(), d.sum(axis=0)] + parts
            if i:
                d = d.dot(W.T) * (1 - acts[i] ** 2)
        return np.concatenate(parts)

    return loss, grad
"""

KEPT = """
import numpy as np

class FlatMLP:
    def __init__(self, n_in, n_hidden, n_out):
        self.shapes = [(n_in, n_hidden), (n_hidden,), (n_hidden, n_out), (n_out,)]
        self.theta = np.random.default_rng(0).normal(0, 0.3, sum(int(np.prod(s)) for s in self.shapes))

    def split(self):
        parts, start = [], 0
        for shape in self.shapes:
            n = int(np.prod(shape))
            parts.append(self.theta[start:start + n].reshape(shape))
            start += n
        return parts

    def forward(self, X):
        W1, b1, W2, b2 = self.split()
        self.h = np.tanh(X @ W1 + b1)
        e = np.exp(self.h @ W2 + b2)
        return e / e.sum(1, keepdims=True)

    def loss(self, X, y):
        return -np.log(self.forward(X)[np.arange(len(y)), y]).mean()

    def gradient(self, X, y):
        W1, b1, W2, b2 = self.split()
        d = self.forward(X)
        d[np.arange(len(y)), y] -= 1
        d /= len(y)
        dh = d @ W2.T * (1 - self.h ** 2)
        return np.concatenate([(X.T @ dh).ravel(), dh.sum(0), (self.h.T @ d).ravel(), d.sum(0)])
"""

SETTER = """
import numpy as np

class Network:
    def __init__(self, n_in, n_hidden, n_out):
        self.n_in, self.n_hidden, self.n_out = n_in, n_hidden, n_out
        self.W1 = np.random.randn(n_in, n_hidden)
        self.W2 = np.random.randn(n_hidden, n_out)

    def sigmoid(self, z):
        return 1 / (1 + np.exp(-z))

    def forward(self, X):
        self.a2 = self.sigmoid(X @ self.W1)
        return self.sigmoid(self.a2 @ self.W2)

    def costFunction(self, X, y):
        return 0.5 * np.sum((y - self.forward(X)) ** 2) / len(X)

    def getParams(self):
        return np.concatenate((self.W1.ravel(), self.W2.ravel()))

    def setParams(self, params):
        k = self.n_in * self.n_hidden
        self.W1 = params[:k].reshape(self.n_in, self.n_hidden)
        self.W2 = params[k:].reshape(self.n_hidden, self.n_out)

    def computeGradients(self, X, y):
        p = self.forward(X)
        d3 = (p - y) * p * (1 - p) / len(X)
        d2 = d3 @ self.W2.T * self.a2 * (1 - self.a2)
        return np.concatenate(((X.T @ d2).ravel(), (self.a2.T @ d3).ravel()))
"""


@pytest.mark.parametrize(
    ("source", "right", "wrong", "name"),
    [
        (UNROLLED, "delta3 = h - Y", "delta3 = (h - Y) * h * (1 - h)", "output-slope"),
        (AUTOENCODER, "delta3 = diff * a3 * (1 - a3)", "delta3 = diff", "output-slope-missing"),
        (CLOSURES, "d = d.dot(W.T) * (1 - acts[i] ** 2)", "d = d.dot(W.T)", "slope-missing"),
        (KEPT, "        d /= len(y)\n", "", "summed-gradients"),
        (SETTER, "* self.a2 * (1 - self.a2)", "", "slope-missing"),
    ],
)
def test_one_vector(tmp_path: Path, source: str, right: str, wrong: str, name: str) -> None:
    assert source.count(right) == 1
    file = tmp_path / "net.py"
    file.write_text(source)
    assert check(file).status == "right"
    file.write_text(source.replace(right, wrong))
    verdict = check(file)
    named = {word for finding in verdict.findings for word in (finding.name, *finding.equivalents)}
    assert verdict.status == "wrong"
    assert name in named
    assert verdict.findings[0].patch is not None


def test_the_length_is_found_by_what_fails() -> None:
    def call(vector: np.ndarray) -> None:
        vector[:12].reshape(4, 3)
        vector[12:].reshape(2, 4)

    with pytest.raises(ValueError, match="reshape") as raised:
        call(np.zeros(4999))
    assert corrected(4999, raised.value) == 20
    assert corrected(4999, ValueError("operands could not be broadcast together with shapes (7,4) (4980,)")) == 23
    assert corrected(4999, ValueError("something else")) is None
    assert unrolled(call, []) is None  # nothing of the program's was seen


def test_a_region_is_a_view_of_the_vector() -> None:
    vector = np.arange(20.0)
    W, b = Region("W", 0, (3, 4), (4, 1)), Region("b", 12, (2, 4), (1, 2))
    W.of(vector)[1, 2] = -1.0
    assert vector[6] == -1.0
    np.testing.assert_array_equal(b.of(vector), vector[12:].reshape(2, 4, order="F"))
    returned = cut((0.5, vector), 20, (W, b))
    np.testing.assert_array_equal(returned[1]["b"], b.of(vector))
