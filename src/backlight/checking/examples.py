"""Each mistake of the catalogue as it looks in a program: the right line and the wrong one.

They are edits of one small network, whose gradients are right. `check` finds each of them
(`tests/checking/test_examples.py`), and the mistakes' pages show them (`checking.pages`).
"""

from dataclasses import dataclass

PROGRAM = """\
import numpy as np


def f(z):
    return np.tanh(z)


def slope(z):
    return 1 - np.tanh(z) ** 2


class Network:
    def __init__(self, n_in, n_hidden, n_out, reg=0.01):
        rng = np.random.default_rng(0)
        self.W1 = rng.normal(0, 1 / np.sqrt(n_in), (n_in, n_hidden))
        self.W2 = rng.normal(0, 1 / np.sqrt(n_hidden), (n_hidden, n_hidden))
        self.W3 = rng.normal(0, 1 / np.sqrt(n_hidden), (n_hidden, n_hidden))
        self.W4 = rng.normal(0, 1 / np.sqrt(n_hidden), (n_hidden, n_out))
        self.b1, self.b2, self.b3 = (np.zeros((1, n_hidden)) for _ in range(3))
        self.b4 = np.zeros((1, n_out))
        self.reg = reg

    def forward(self, X):
        self.z1 = X @ self.W1 + self.b1
        self.a1 = f(self.z1)
        self.z2 = self.a1 @ self.W2 + self.b2
        self.a2 = f(self.z2)
        self.z3 = self.a2 @ self.W3 + self.b3
        self.a3 = f(self.z3)
        self.z4 = self.a3 @ self.W4 + self.b4
        powers = np.exp(self.z4 - self.z4.max(axis=1, keepdims=True))
        self.p = powers / powers.sum(axis=1, keepdims=True)
        return self.p

    def loss(self, X, y):
        p = self.forward(X)
        data = -np.log(p[np.arange(len(X)), y]).mean()
        penalty = self.reg / 2 * sum(np.sum(W**2) for W in (self.W1, self.W2, self.W3, self.W4))
        return data + penalty

    def backward(self, X, y):
        self.forward(X)
        t = np.eye(self.p.shape[1])[y]
        d4 = (self.p - t) / len(X)
        dW4 = self.a3.T @ d4 + self.reg * self.W4
        db4 = d4.sum(axis=0, keepdims=True)
        d3 = (d4 @ self.W4.T) * slope(self.z3)
        dW3 = self.a2.T @ d3 + self.reg * self.W3
        db3 = d3.sum(axis=0, keepdims=True)
        d2 = (d3 @ self.W3.T) * slope(self.z2)
        dW2 = self.a1.T @ d2 + self.reg * self.W2
        db2 = d2.sum(axis=0, keepdims=True)
        d1 = (d2 @ self.W2.T) * slope(self.z1)
        dW1 = X.T @ d1 + self.reg * self.W1
        db1 = d1.sum(axis=0, keepdims=True)
        return dW1, db1, dW2, db2, dW3, db3, dW4, db4
"""
Edits = tuple[tuple[str, str], ...]  # (what stands in the program, what to put there)


@dataclass(frozen=True)
class Example:
    """A mistake in the program.

    Attributes:
        edits: (right, wrong) lines; the first pair is the mistake, others go with it.
        before: changes that make the program another right one, which can have this mistake.
    """

    edits: Edits
    before: Edits = ()

    @property
    def right(self) -> str:
        """The program without the mistake."""
        return edited(PROGRAM, self.before)

    @property
    def wrong(self) -> str:
        """The program with the mistake."""
        return edited(self.right, self.edits)


def edited(text: str, edits: Edits) -> str:
    """Raises ValueError for what stands in the program not just once."""
    for old, new in edits:
        if text.count(old) != 1:
            raise ValueError(f"{old!r} stands {text.count(old)} times in the program")
        text = text.replace(old, new)
    return text


LOSS = "data = -np.log(p[np.arange(len(X)), y]).mean()"
PENALTY = "penalty = self.reg / 2 * sum(np.sum(W**2) for W in (self.W1, self.W2, self.W3, self.W4))"
DELTA = "d4 = (self.p - t) / len(X)"
HIDDEN = "d2 = (d3 @ self.W3.T) * slope(self.z2)"
WEIGHTS = "dW2 = self.a1.T @ d2 + self.reg * self.W2"
BIASES = "db2 = d2.sum(axis=0, keepdims=True)"
START = "self.W2 = rng.normal(0, 1 / np.sqrt(n_hidden), (n_hidden, n_hidden))"
SOFTMAX = """powers = np.exp(self.z4 - self.z4.max(axis=1, keepdims=True))
        self.p = powers / powers.sum(axis=1, keepdims=True)"""
SIGMOID = "self.p = 1 / (1 + np.exp(-self.z4))"
BINARY: Edits = (
    (SOFTMAX, SIGMOID),
    (LOSS, "data = -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum() / len(X)"),
    ("        t = np.eye(self.p.shape[1])[y]\n        " + DELTA, "        d4 = (self.p - y) / len(X)"),
)
SQUARED: Edits = (
    (SOFTMAX, SIGMOID),
    (LOSS, "data = ((p - np.eye(p.shape[1])[y]) ** 2).sum() / len(X)"),
    (DELTA, "d4 = 2 * (self.p - t) * self.p * (1 - self.p) / len(X)"),
)
RECTIFIED: Edits = (("return np.tanh(z)", "return np.maximum(0, z)"),
                    ("return 1 - np.tanh(z) ** 2", "return (z > 0).astype(float)"))  # fmt: skip


def one(right: str, wrong: str, before: Edits = ()) -> Example:
    return Example(((right, wrong),), before)


def factored(factor: str) -> Edits:
    """Of all weights' or biases' gradients."""
    letters = {"W": "dW{n} = {a}.T @ d{n} +", "b": "db{n} = d{n}.sum(axis=0, keepdims=True)"}
    inputs = {1: "X", 2: "self.a1", 3: "self.a2", 4: "self.a3"}
    rows = [letters[factor].format(n=n, a=inputs[n]) for n in (4, 3, 2, 1)]
    return tuple((row, row.replace(" +", " / len(X) +") if factor == "W" else f"{row} / len(X)") for row in rows)


EXAMPLES: dict[str, Example] = {
    "loss-sign": one(LOSS, "data = np.log(p[np.arange(len(X)), y]).mean()"),
    "loss-half": one("data = -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum() / len(X)",
                     "data = -(y * np.log(p)).sum() / len(X)", BINARY),
    "loss-wrong-class": one(LOSS, "data = -np.log(p[np.arange(len(X)), -y]).mean()"),
    "loss-integer-labels": one(LOSS, "data = -(y[:, None] * np.log(p)).sum() / len(X)"),
    "loss-every-class": one(LOSS, "data = -np.log(p).sum() / len(X)"),
    "loss-no-logarithm": one(LOSS, "data = -p[np.arange(len(X)), y].mean()"),
    "loss-log-base": one(LOSS, "data = -np.log10(p[np.arange(len(X)), y]).mean()"),
    "loss-no-square": one("data = ((p - np.eye(p.shape[1])[y]) ** 2).sum() / len(X)",
                          "data = np.abs(p - np.eye(p.shape[1])[y]).sum() / len(X)", SQUARED),
    "loss-averaged-twice": one(LOSS, "data = -np.log(p[np.arange(len(X)), y]).mean() / len(X)"),
    "loss-penalty-sign": one("return data + penalty", "return data - penalty"),
    "loss-penalty-form": one("sum(np.sum(W**2) for W", "sum(np.sum(W) ** 2 for W"),
    "loss-penalty-layers": one("(self.W1, self.W2, self.W3, self.W4)", "(self.W1, self.W2, self.W3)"),
    "loss-penalty-missing": one("return data + penalty", "return data"),
    "loss-penalty-scale": one("penalty = self.reg / 2 *", "penalty = self.reg *"),
    "loss-penalty-biases": Example((
        ("return data + penalty", "return data + penalty + self.reg / 2 * sum(np.sum(b**2) for b in "
                                  "(self.b1, self.b2, self.b3, self.b4))"),
        *((f"db{n} = d{n}.sum(axis=0, keepdims=True)",
           f"db{n} = d{n}.sum(axis=0, keepdims=True) + self.reg * self.b{n}") for n in (1, 2, 3, 4)))),
    "loss-summed": Example(((LOSS, "data = -np.log(p[np.arange(len(X)), y]).sum()"), (DELTA, "d4 = self.p - t"))),
    "loss-constant": one("return data + penalty", "return data + penalty + 1"),
    "loss-scale": Example(((LOSS, "data = -5 * np.log(p[np.arange(len(X)), y]).mean()"),
                           (DELTA, "d4 = 5 * (self.p - t) / len(X)"))),
    "loss-epsilon": one(LOSS, "data = -np.log(p[np.arange(len(X)), y] + 1e-9).mean()"),
    "loss-no-shift": one("powers = np.exp(self.z4 - self.z4.max(axis=1, keepdims=True))", "powers = np.exp(self.z4)"),
    "loss-unknown": one(LOSS, "data = np.sqrt(-np.log(p[np.arange(len(X)), y])).mean()"),
    "summed-gradients": one(DELTA, "d4 = self.p - t"),
    "averaged-twice": Example((*factored("W"), *factored("b"))),
    "mean-only-in-weights": Example(((DELTA, "d4 = self.p - t"), *factored("W"))),
    "mean-only-in-biases": Example(((DELTA, "d4 = self.p - t"), *factored("b"))),
    "constant-factor": one(DELTA, "d4 = 2 * (self.p - t) / len(X)"),
    "wrong-sign": one(WEIGHTS, "dW2 = -(self.a1.T @ d2 + self.reg * self.W2)"),
    "penalty-missing": one(WEIGHTS, "dW2 = self.a1.T @ d2"),
    "penalty-sign": one(WEIGHTS, "dW2 = self.a1.T @ d2 - self.reg * self.W2"),
    "penalty-scale": one(WEIGHTS, "dW2 = self.a1.T @ d2 + 2 * self.reg * self.W2"),
    "penalty-of-gradient": one(WEIGHTS, "dW2 = self.a1.T @ d2\n        dW2 += self.reg * dW2"),
    "penalty-form": one(WEIGHTS, "dW2 = self.a1.T @ d2 + self.reg * np.abs(self.W2)"),
    "penalty-on-biases": one(BIASES, "db2 = d2.sum(axis=0, keepdims=True) + self.reg * self.b2"),
    "output-slope": one(DELTA, "d4 = (self.p - t) / len(X) * slope(self.z4)"),
    "output-squared-error-slope": one(DELTA, "d4 = (self.p - t) / len(X) * self.p * (1 - self.p)"),
    "output-slope-missing": one("d4 = 2 * (self.p - t) * self.p * (1 - self.p) / len(X)",
                                "d4 = 2 * (self.p - t) / len(X)", SQUARED),
    "softmax-diagonal": one(DELTA, "d4 = -(t / self.p) * self.p * (1 - self.p) / len(X)"),
    "softmax-jacobian-missing": one(DELTA, "d4 = -(t / self.p) / len(X)"),
    "labels-not-subtracted": one(DELTA, "d4 = self.p / len(X)"),
    "one-from-all": one(DELTA, "d4 = (self.p - 1) / len(X)"),
    "output-sign": one(DELTA, "d4 = (t - self.p) / len(X)"),
    "labels-index-rows": one(DELTA, "d4 = self.p.copy()\n        d4[y] -= 1\n        d4 = d4 / len(X)"),
    "labels-shifted": one("t = np.eye(self.p.shape[1])[y]", "t = np.eye(self.p.shape[1])[y - 1]"),
    "slope-missing": one(HIDDEN, "d2 = d3 @ self.W3.T"),
    "slope-at-activation": one(HIDDEN, "d2 = (d3 @ self.W3.T) * slope(self.a2)"),
    "activation-formula-at-z": one(HIDDEN, "d2 = (d3 @ self.W3.T) * (1 - self.z2**2)"),
    "activation-as-slope": one(HIDDEN, "d2 = (d3 @ self.W3.T) * f(self.z2)"),
    "relu-slope": one("return (z > 0).astype(float)", "return np.where(z > 0, 1.0, 0.1)", RECTIFIED),
    "slope-formula": one("return 1 - np.tanh(z) ** 2", "return 1 - np.tanh(z)"),
    "slope-twice": one(HIDDEN, "d2 = (d3 @ self.W3.T) * slope(self.z2) ** 2"),
    "slope-of-other-function": one("return 1 - np.tanh(z) ** 2", "return np.exp(-z) / (1 + np.exp(-z)) ** 2"),
    "slope-of-neighbour": one(HIDDEN, "d2 = (d3 @ self.W3.T) * slope(self.z1)"),
    "weights-not-transposed": one(HIDDEN, "d2 = (d3 @ self.W3) * slope(self.z2)"),
    "wrong-weights": one(HIDDEN, "d2 = (d3 @ self.W2.T) * slope(self.z2)"),
    "layer-skipped": one(HIDDEN, "d2 = d3 * slope(self.z2)"),
    "gradient-cut": one(HIDDEN, "d2 = np.zeros_like(d3)"),
    "weights-updated-first": one("db4 = d4.sum(axis=0, keepdims=True)",
                                 "db4 = d4.sum(axis=0, keepdims=True)\n        self.W4 -= 0.1 * dW4"),
    "preactivation-in-weights": one(WEIGHTS, "dW2 = self.z1.T @ d2 + self.reg * self.W2"),
    "own-activation-in-weights": one(WEIGHTS, "dW2 = self.a2.T @ d2 + self.reg * self.W2"),
    "input-in-weights": one("dW3 = self.a2.T @ d3", "dW3 = self.a1.T @ d3"),
    "weights-transposed": one(WEIGHTS, "dW2 = d2.T @ self.a1 + self.reg * self.W2"),
    "weights-missing": one(WEIGHTS, "dW2 = np.zeros_like(self.W2)"),
    "activations-averaged": one(WEIGHTS, "dW2 = np.outer(self.a1.mean(axis=0), d2.sum(axis=0)) + self.reg * self.W2"),
    "bias-missing": one(BIASES, "db2 = np.zeros_like(self.b2)"),
    "bias-first-row": one(BIASES, "db2 = d2[:1]"),
    "bias-scalar": one(BIASES, "db2 = d2.sum(keepdims=True)"),
    "bias-axis": one(BIASES, "db2 = d2.sum(axis=1, keepdims=True)"),
    "bias-of-weights": one(BIASES, "db2 = (self.a1.T @ d2).sum(axis=0, keepdims=True)"),
    "bias-of-maximum": one(BIASES, "db2 = d2.max(axis=0, keepdims=True)"),
    "one-sample": one("        t = np.eye(self.p.shape[1])[y]\n        " + DELTA,
                      "        t = np.eye(self.p.shape[1])[y]\n"
                      "        d4 = np.zeros_like(self.p)\n        d4[0] = (self.p[0] - t[0]) / len(X)"),
    "mutates": one(DELTA, "d4 = self.p\n        d4 -= t\n        d4 /= len(X)", (("        self.forward(X)\n", ""),)),
    "accumulated": Example(((WEIGHTS, "self.dW2 += self.a1.T @ d2 + self.reg * self.W2\n        dW2 = self.dW2"),
                            ("self.reg = reg", "self.reg, self.dW2 = reg, np.zeros((n_hidden, n_hidden))"))),
    "nondeterministic": one("self.a2 = f(self.z2)", "self.a2 = f(self.z2) * (np.random.rand(*self.z2.shape) > 0.2)"),
    "softmax-axis": one("powers / powers.sum(axis=1, keepdims=True)", "powers / powers.sum(axis=0, keepdims=True)"),
    "shape-mismatch": one(WEIGHTS, "dW2 = (self.a1.T @ d2 + self.reg * self.W2).ravel()"),
    "unknown": one(HIDDEN, "d2 = (d3 @ self.W3.T) * np.cos(2 * self.z2)"),
    "init-shared-seed": one(START, START.replace("rng", "np.random.default_rng(0)")),
    "init-constant": one(START, "self.W2 = np.full((n_hidden, n_hidden), 0.1)"),
    "init-scale": one(START, "self.W2 = rng.normal(0, 10, (n_hidden, n_hidden))"),
    "init-positive": one(START, "self.W2 = rng.random((n_hidden, n_hidden))"),
}  # fmt: skip
