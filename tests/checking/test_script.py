"""Programs that only their own script explains: layers it puts together, loops in which it trains."""

import textwrap

import numpy as np
import pytest

from backlight.checking.construct import TRIED_SIZES, Maker
from backlight.checking.feed import feeds
from backlight.checking.judge import judge
from backlight.checking.program import Program
from backlight.checking.rehearsal import assembled, chain_lengths
from backlight.checking.returns import Call, order_of, returned_arrays
from backlight.checking.script_readings import script_reading
from backlight.checking.source import Sources
from backlight.checking.training_loop import Walk

LAYERS = """\
import numpy as np

class Linear:
    def __init__(self, n_in, n_out, rng):
        self.W, self.b = rng.normal(0, 1 / np.sqrt(n_in), (n_in, n_out)), np.zeros(n_out)
    def forward(self, x):
        self.x = x
        return x @ self.W + self.b
    def backward(self, grad):
        self.dW, self.db = self.x.T @ grad, grad.sum(axis=0)
        return grad @ self.W.T

class Tanh:
    def forward(self, x):
        self.a = np.tanh(x)
        return self.a
    def backward(self, grad):
        return grad * (1 - self.a ** 2)

class MSE:
    def forward(self, out, target):
        self.gap = out - target
        return np.sum(self.gap ** 2) / len(target)
    def backward(self):
        return 2 * self.gap / len(self.gap)
"""

STACKS = {
    "modules": """\
class Sequential:
    def __init__(self, *parts):
        self.parts = list(parts)
    def forward(self, x):
        for part in self.parts:
            x = part.forward(x)
        return x
    def backward(self, grad):
        for part in self.parts[::-1]:
            grad = part.backward(grad)
        return grad

def main():
    rng = np.random.default_rng(1)
    net = Sequential(Linear(20, 9, rng), Tanh(), Linear(9, 9, rng), Tanh(), Linear(9, 2, rng))
    net.forward(np.load("nowhere.npy"))
""",
    "chained add": """\
class Net:
    def __init__(self):
        self.parts = []
    def add(self, part):
        self.parts.append(part)
        return self
    def forward(self, x):
        for part in self.parts:
            x = part.forward(x)
        return x
    def backward(self, grad):
        for part in self.parts[::-1]:
            grad = part.backward(grad)
        return grad

rng = np.random.default_rng(1)
net = Net()
net.add(Linear(20, 9, rng)).add(Tanh()).add(Linear(9, 2, rng))
""",
    "in a loop": """\
rng = np.random.default_rng(1)
sizes = [20, 9, 9, 2]
layers = []
for a, b in zip(sizes, sizes[1:]):
    layers.append(Linear(a, b, rng))
    layers.append(Tanh())
""",
    "classes of its own": """\
class Net:
    def __init__(self):
        rng = np.random.default_rng(0)
        self.one, self.act, self.two = Linear(20, 9, rng), Tanh(), Linear(9, 2, rng)
    def forward(self, x):
        return self.two.forward(self.act.forward(self.one.forward(x)))
    def backward(self, grad):
        return self.one.backward(self.act.backward(self.two.backward(grad)))

net = Net()
""",
}


def program(text: str) -> Program:
    return Program(Sources("net.py", {"net.py": text}))


@pytest.mark.parametrize("way", STACKS)
def test_layers_as_the_script_puts_them_together(way):
    verdict = judge(Sources("net.py", {"net.py": LAYERS + STACKS[way]}))
    assert verdict.status == "right", verdict
    assert "MSE" in verdict.subject


@pytest.mark.parametrize("way", STACKS)
def test_a_mistake_in_a_layer_that_the_script_uses(way):
    text = (LAYERS + STACKS[way]).replace("grad * (1 - self.a ** 2)", "grad * (1 - self.a)")
    verdict = judge(Sources("net.py", {"net.py": text}))
    assert verdict.status == "wrong"
    assert verdict.findings[0].line == text[: text.index("grad * (1 - self.a)")].count("\n") + 1


def test_layers_get_the_widths_of_the_check():
    text = program(LAYERS + STACKS["in a loop"])
    sizes = TRIED_SIZES[0]
    shown, build = next(iter(assembled(text, Maker(text, sizes, feeds(sizes.inputs, sizes.classes)[0]))))
    assert shown == "[Linear, Tanh, Linear, Tanh, Linear, Tanh]"
    assert [layer.W.shape for layer in build(text)[::2]] == [(3, 5), (5, 6), (6, 4)]
    assert text.classes()["Linear"](2, 7, np.random.default_rng(0)).W.shape == (2, 7)  # afterwards as it was


def test_two_networks_one_after_the_other():
    assert list(chain_lengths([(20, 9), (9, 2), (20, 5), (5, 5), (5, 2)])) == [2, 3]
    assert list(chain_lengths([(None, 9), (None, 2)])) == [2]


FOREIGN = """\
import numpy as np

def anlegen(breiten, rng):
    return [{"kraft": rng.normal(0, 0.5, (a, b)), "schwelle": np.zeros(b)} for a, b in zip(breiten, breiten[1:])]

def hin(netz, x):
    spur = [x]
    for k, s in enumerate(netz):
        z = spur[-1] @ s["kraft"] + s["schwelle"]
        spur.append(np.tanh(z) if k < len(netz) - 1 else z)
    return spur

def tu(netz, x, y, schritt):
    spur = hin(netz, x)
    q = 2 * (spur[-1] - y) / len(x)
    for k in reversed(range(len(netz))):
        s = netz[k]
        rauf = q @ s["kraft"].T
        s["kraft"] = s["kraft"] - schritt * spur[k].T @ q
        s["schwelle"] = s["schwelle"] - schritt * q.sum(axis=0)
        if k:
            q = rauf * (1 - spur[k] ** 2)

def lauf():
    rng = np.random.default_rng(4)
    x, y = np.load("x.npy"), np.load("y.npy")
    netz = anlegen([6, 8, 2], rng)
    for r in range(100):
        tu(netz, x, y, schritt=0.05)
        if r % 10 == 0:
            print(np.sum((hin(netz, x)[-1] - y) ** 2) / len(x), abweichung(netz, x, y))

def abweichung(netz, x, y):
    return np.sum((hin(netz, x)[-1] - y) ** 2) / len(x)

if __name__ == "__main__":
    lauf()
"""


def test_a_training_loop_in_which_no_name_says_anything():
    reading = script_reading(program(FOREIGN))
    assert reading.right
    assert reading.network is not None
    assert reading.subject.feed.X.shape[1] == 6  # the script's own widths
    assert reading.subject.cut.update == 1


def test_a_mistake_in_a_training_loop():
    wrong = FOREIGN.replace("(1 - spur[k] ** 2)", "(1 - spur[k])")
    verdict = judge(Sources("net.py", {"net.py": wrong}))
    assert verdict.status == "wrong"
    assert verdict.findings[0].line == wrong[: wrong.index("(1 - spur[k])")].count("\n") + 1
    assert verdict.findings[0].patch is not None


SHUFFLED = """\
import numpy as np

class Modell:
    def __init__(self, n, h, k):
        self.rng = np.random.default_rng(0)
        self.A, self.a = self.rng.normal(0, 0.4, (n, h)), np.zeros(h)
        self.B, self.b = self.rng.normal(0, 0.4, (h, k)), np.zeros(k)
    def lauf(self, x):
        self.x, self.h = x, np.tanh(x @ self.A + self.a)
        return self.h @ self.B + self.b
    def runde(self, X, Y):
        for epoche in range(50):
            reihe = self.rng.permutation(len(X))
            for i in range(0, len(X), 16):
                d = self.lauf(X[reihe[i:i + 16]]) - Y[reihe[i:i + 16]]
                fehler = 0.5 * np.sum(d ** 2)
                dh = d @ self.B.T * (1 - self.h ** 2)
                self.B -= 0.01 * self.h.T @ d
                self.b -= 0.01 * d.sum(axis=0)
                self.A -= 0.01 * self.x.T @ dh
                self.a -= 0.01 * dh.sum(axis=0)

X, Y = np.random.rand(90, 4), np.random.rand(90, 3)
m = Modell(4, 8, 3)
m.runde(X, Y)
"""


def test_shuffled_samples_are_put_in_order_again():
    reading = script_reading(program(SHUFFLED))
    assert reading.right
    assert reading.network is not None
    assert sorted(reading.subject.order) == list(range(len(reading.subject.feed.X)))


def test_a_loop_over_layers_is_no_training_loop():
    rounds = list(Walk(program(SHUFFLED), Maker(program(SHUFFLED), TRIED_SIZES[0], feeds(4, 3)[0])).rounds())
    assert [one.shown[0].lineno for one in rounds] == [12]
    text = "for k in range(3):\n    W[k] -= 0.1 * g[k]\n"
    assert not list(Walk(program(text), Maker(program(text), TRIED_SIZES[0], feeds(4, 3)[0])).rounds())


def test_the_order_in_which_samples_were_handed_over():
    samples = np.arange(12.0).reshape(4, 3)
    assert order_of(samples, samples[[2, 0, 3, 1]]).tolist() == [2, 0, 3, 1]
    assert order_of(samples, samples[[2, 0, 3, 1]].T).tolist() == [2, 0, 3, 1]
    assert order_of(samples, samples[[2, 0, 3, 3]]) is None
    assert order_of(samples, np.zeros((4, 3))) is None


def test_what_functions_return():
    one = program("import numpy as np\ndef f(x):\n    return x + 1, 2 * x\n")
    found, order = returned_arrays(lambda: one.namespace["f"](np.eye(2)), np.eye(2))
    assert {place: value.tolist() for place, value in found.items()} == {
        Call("f", 1, 0): [[2.0, 1.0], [1.0, 2.0]],
        Call("f", 1, 1): [[2.0, 0.0], [0.0, 2.0]],
    }
    assert order.tolist() == [0, 1]


def test_annotations_are_as_lazy_as_the_file_asks():
    text = textwrap.dedent("""\
        from __future__ import annotations
        class A:
            def twin(self) -> A: ...
        def f(a: Unknown) -> B: ...
    """)
    assert not program(text).missing
    assert set(program(text.split("\n", 1)[1]).missing) == {"A", "f"}


OVERWRITES = """\
import numpy as np
class Net:
    def __init__(self, n, h, k):
        self.W1, self.b1 = np.random.randn(n, h) / np.sqrt(n), np.zeros(h)
        self.W2, self.b2 = np.random.randn(h, k) / np.sqrt(h), np.zeros(k)
        self.dW1 = np.zeros((n, h))
    def forward(self, X):
        self.h = np.tanh(X @ self.W1 + self.b1)
        z = self.h @ self.W2 + self.b2
        e = np.exp(z - z.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p
    def loss(self, X, y):
        return -np.log(self.forward(X)[np.arange(len(y)), y]).mean()
    def backward(self, X, y):
        d = self.p.copy()
        d[np.arange(len(y)), y] -= 1
        d /= len(y)
        dh = d @ self.W2.T * (1 - self.h ** 2)
        self.dW1[...] = X.T @ dh
        self.dW2, self.db1, self.db2 = self.h.T @ d, dh.sum(axis=0), d.sum(axis=0)
"""


def test_only_what_forward_left_counts_as_overwritten():
    sources = Sources("net.py", {"net.py": OVERWRITES})
    assert judge(sources).findings == ()
    found = judge(sources.with_text("net.py", OVERWRITES.replace("self.p.copy()", "self.p"))).findings
    assert [finding.name for finding in found] == ["mutates"]
