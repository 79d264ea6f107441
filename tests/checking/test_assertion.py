"""Live networks in a test of their own: what is right passes, what is wrong is named, and nothing is changed by it."""

import copy
import pickle
import random
import re
import sys
from types import ModuleType

import numpy as np
import pytest

import backlight as bl
from backlight.checking.check import CheckError
from backlight.checking.store import slots
from tests.checking.strangers import PROGRAMS

X = np.random.default_rng(0).normal(size=(9, 3))
y = np.arange(9) % 4
ONE_HOT = np.eye(4)[y]
TWO = (y > 1).astype(float)[:, None]


@pytest.fixture
def module(tmp_path):
    """A program as a module that has been imported; what stands behind the main guard is left out."""
    names = []

    def load(text):
        made = ModuleType(f"program_{len(names)}_of_a_test")
        path = tmp_path / f"{made.__name__}.py"
        path.write_text(text, encoding="utf-8")
        made.__file__ = str(path)
        sys.modules[made.__name__] = made
        names.append(made.__name__)
        exec(compile(text.split("if __name__")[0], str(path), "exec"), made.__dict__)
        return made

    np.random.seed(0)  # noqa: NPY002  # the global one is meant
    yield load
    for name in names:
        del sys.modules[name]


NETWORKS = {
    "layers_as_tuples": (lambda m: m.Net([(3, 5, "relu"), (5, 4, "sigmoid")]), X, ONE_HOT),
    "dataclass": (lambda m: m.MLP([3, 5, 4]), X, ONE_HOT),
    "per_layer_names": (lambda m: m.NeuralNetMLP(3, 5, 4), X, y),
    "loss_with_gradient": (lambda m: [m.Affine(3, 5), m.Relu(), m.Affine(5, 4)], X, y),
    "network_as_layer": (lambda m: m.TwoLayer(3, 5, 4), X, ONE_HOT),
    "list_of_dicts": (lambda m: m.Neural(3, [5], 4), X.T, ONE_HOT.T),
    "derivative_flag": (lambda m: m.NN(3, 5, 1), X, TWO),
}


@pytest.mark.parametrize("style", NETWORKS)
def test_right_networks_pass(style, module):
    make, inputs, labels = NETWORKS[style]
    bl.assert_gradients_correct(make(module(PROGRAMS[style])), inputs, labels)


def test_targets_that_are_no_classes(module):
    network = module(PROGRAMS["dataclass"]).MLP([3, 5, 4])
    bl.assert_gradients_correct(network, X, np.random.default_rng(1).normal(size=(9, 4)))


@pytest.mark.parametrize(
    ("style", "line", "instead", "tensors", "said"),
    [
        ("dataclass", "(1 - self.h[i] ** 2)", "(1 - self.h[i])", ["b0", "W0"], "BL346: the formula of the slope"),
        ("per_layer_names", "np.sum(delta_out, axis=0)", "np.mean(delta_out, axis=0)", ["bias_out"], "BL302"),
        ("loss_with_gradient", "self.db = dout.sum(0)", "self.db = dout[0]", ["b", "b"], "BL372"),
        ("list_of_dicts", "self.A[-1] - Y) / m", "self.A[-1] - Y)", ["b", "w", "b", "w"], "BL301"),
    ],
)
def test_wrong_gradients_are_named(module, style, line, instead, tensors, said):
    make, inputs, labels = NETWORKS[style]
    assert line in PROGRAMS[style]
    network = make(module(PROGRAMS[style].replace(line, instead)))
    with pytest.raises(AssertionError) as caught:
        bl.assert_gradients_correct(network, inputs, labels)
    message = str(caught.value)
    assert [re.split(r"\W+", row.split(" (")[0].rstrip("]'"))[-1] for row in message.splitlines()[1:-2]] == tensors
    assert "relative error" in message
    assert "It should be: " in message
    assert said in message


def test_many_samples_and_parameters(module):
    """Mistakes are told apart on a few samples, and some entries of each gradient are compared."""
    inputs, labels = np.random.default_rng(2).normal(size=(30, 70)), np.eye(4)[np.arange(70) % 4].T
    text, line = PROGRAMS["list_of_dicts"], "(1 - self.A[i] ** 2)"
    assert line in text
    bl.assert_gradients_correct(module(text).Neural(30, [160], 4), inputs, labels)
    with pytest.raises(AssertionError, match="BL346"):
        bl.assert_gradients_correct(module(text.replace(line, "(1 - self.A[i])")).Neural(30, [160], 4), inputs, labels)


def test_the_class_is_told(module):
    text = PROGRAMS["dataclass"]
    summed = module(text.replace("d = 2 * (out - t) / out.size", "d = 2 * (out - t)")).MLP([3, 5, 4], lam=0.0)
    with pytest.raises(AssertionError, match="the derivative of another function than this loss"):
        bl.assert_gradients_correct(summed, X, ONE_HOT)
    broken = module(text.replace("(1 - self.h[i] ** 2)", "(1 + self.h[i])")).MLP([3, 5, 4])
    with pytest.raises(AssertionError, match="not the derivative of any function"):
        bl.assert_gradients_correct(broken, X, ONE_HOT)


def test_the_tolerance_counts(module):
    text = PROGRAMS["dataclass"].replace("d.sum(0)", "d.sum(0) * 1.001")
    network = module(text).MLP([3, 5, 4])
    with pytest.raises(AssertionError, match="wrong, from the output backwards"):
        bl.assert_gradients_correct(network, X, ONE_HOT)
    bl.assert_gradients_correct(network, X, ONE_HOT, tolerance=0.01)


def test_a_missing_gradient_and_a_shape(module):
    network = module(PROGRAMS["dataclass"].replace('g[f"b{i}"] = d.sum(0)', 'g[f"b{i}"] = d.sum(0)[:-1]'))
    with pytest.raises(AssertionError, match=r"its gradient has shape \(3,\), not \(4,\)|has no gradient"):
        bl.assert_gradients_correct(network.MLP([3, 5, 4]), X, ONE_HOT)


NOISY = """
import random
import numpy as np
class Noisy:
    def __init__(self):
        self.rng = np.random.default_rng(3)
        self.old = np.random.RandomState(4)
        self.W1 = self.rng.normal(size=(3, 5)).astype(np.float32)
        self.W2 = self.rng.normal(size=(5, 4))
        self.calls = 0
        self.history = [[0.0]]
    def forward(self, X):
        random.random(), np.random.rand(), self.rng.random(), self.old.rand()
        self.calls += 1
        self.history[0].append(self.calls)
        self.X = X
        self.a = np.tanh(X @ self.W1)
        return self.a @ self.W2
    def loss(self, X, T):
        return 0.5 * np.mean((self.forward(X) - T) ** 2)
    def backward(self, X, T):
        d = (self.forward(X) - T) / T.size
        self.dW2 = self.a.T @ d
        self.dW1 = X.T @ (d @ self.W2.T * (1 - self.a ** 2))
"""


@pytest.mark.parametrize("factor", ["", "2 * "])
def test_everything_is_afterwards_as_it_was(module, factor):
    network = module(NOISY.replace("self.a.T @ d", f"{factor}self.a.T @ d")).Noisy()
    network.forward(X)
    inputs, labels, held = X.copy(), ONE_HOT.copy(), network.W1
    before = pickle.dumps(copy.deepcopy(vars(network)))
    states = pickle.dumps((random.getstate(), np.random.get_state()))  # noqa: NPY002  # the global one is meant
    if factor:
        with pytest.raises(AssertionError, match="W2"):
            bl.assert_gradients_correct(network, inputs, labels)
    else:
        bl.assert_gradients_correct(network, inputs, labels)
    assert network.W1 is held
    assert held.dtype == np.float32
    assert pickle.dumps(copy.deepcopy(vars(network))) == before
    assert pickle.dumps((random.getstate(), np.random.get_state())) == states  # noqa: NPY002  # the global one is meant
    assert np.array_equal(inputs, X)
    assert np.array_equal(labels, ONE_HOT)


def test_a_network_that_has_been_trained(module):
    made = module(PROGRAMS["loss_with_gradient"])
    layers = [made.Affine(3, 5), made.Relu(), made.Affine(5, 4)]
    made.layers = layers
    made.train(X, y, steps=3)
    before = [slot.read().copy() for slot in slots(layers)]
    bl.assert_gradients_correct(layers, X, y)
    assert all(np.array_equal(a, slot.read()) for a, slot in zip(before, slots(layers), strict=True))


def test_a_step_that_undoes_itself(module):
    """A backward pass that moves the parameters at once has the gradient of its step."""
    network = module(PROGRAMS["derivative_flag"]).NN(3, 5, 1)
    kept = network.W1.copy()
    bl.assert_gradients_correct(network, X, TWO)
    assert np.array_equal(network.W1, kept)


def test_a_relu_on_its_kink_is_no_mistake(module):
    """With zero biases and a sample of zeros every z is 0, where central differences give half a slope."""
    network = module(PROGRAMS["layers_as_tuples"]).Net([(3, 5, "relu"), (5, 4, "sigmoid")])
    inputs = X.copy()
    inputs[0] = 0.0
    bl.assert_gradients_correct(network, inputs, ONE_HOT)


def test_nothing_is_printed(module, capsys):
    network = module(NOISY.replace("self.calls += 1", "self.calls += 1; print('forward')")).Noisy()
    bl.assert_gradients_correct(network, X, ONE_HOT)
    assert capsys.readouterr() == ("", "")


def test_the_network_of_this_package():
    bl.assert_gradients_correct(bl.DeepNeuralNetwork([3, 5, 4], activation="relu", seed=1), X, y)


BESIDE_THE_CALLER = """
import numpy as np
import backlight as bl
from {layers} import Affine
def half_square_loss(outputs, targets):
    return 0.5 * np.sum((outputs - targets) ** 2)
def half_square_loss_derivative(outputs, targets):
    return outputs - targets
def test_gradients(X, y):
    raise SystemExit
def gradients_of_a_helper(X, y):
    bl.assert_gradients_correct([Affine(3, 4)], X, y)
"""


def test_functions_beside_the_caller(module):
    """The loss is found there; the caller itself, which has the name of a backward pass, is not run again."""
    text = PROGRAMS["loss_with_gradient"]
    layers = module(text[: text.index("def softmax_loss")])
    module(BESIDE_THE_CALLER.format(layers=layers.__name__)).gradients_of_a_helper(X, ONE_HOT)


class Empty:
    pass


@pytest.mark.parametrize(
    ("inputs", "labels", "said"),
    [(X, y[:-1], "not equally many samples"), (X[None], y, "a matrix of samples"), (X, np.array(["a"] * 9), "numbers")],
)
def test_samples_that_do_not_fit(module, inputs, labels, said):
    with pytest.raises(CheckError, match=said):
        bl.assert_gradients_correct(module(PROGRAMS["dataclass"]).MLP([3, 5, 4]), inputs, labels)


def test_no_network(module):
    with pytest.raises(CheckError, match="holds no arrays"):
        bl.assert_gradients_correct(Empty(), X, y)
    without = PROGRAMS["dataclass"]
    without = without[: without.index("    def grads")]
    with pytest.raises(CheckError, match="no backward pass"):
        bl.assert_gradients_correct(module(without).MLP([3, 5, 4]), X, ONE_HOT)


def test_a_loss_whose_name_says_nothing_is_found_by_what_it_does(module):
    unnamed = PROGRAMS["dataclass"].replace("def loss(", "def unnamed(")
    bl.assert_gradients_correct(module(unnamed).MLP([3, 5, 4]), X, ONE_HOT)
