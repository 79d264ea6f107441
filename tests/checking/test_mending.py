"""Which line is called wrong, and what is proposed for it: the statement that computes what is wrong, rewritten."""

import ast
import time

import numpy as np
import pytest

from backlight.checking.binding import TooLongError, limited
from backlight.checking.construct import call_with
from backlight.checking.edits import is_bracketed, sites, stepped
from backlight.checking.edits_added import completed, summed_along
from backlight.checking.edits_alike import like_another, repeated
from backlight.checking.edits_exchanged import dropped
from backlight.checking.influence import LOSS, influence
from backlight.checking.judge import judge
from backlight.checking.program import Program
from backlight.checking.readings import best_reading
from backlight.checking.repair import Workshop, executed_lines
from backlight.checking.source import Sources, lines_of
from backlight.checking.trials import executed_sites

CLASSES = """\
import numpy as np


def softplus(z):
    return np.log(1 + np.exp(z))


def softplus_prime(z):
    return 1 / (1 + np.exp(-z))


class Net:
    def __init__(self, n_in, n_hidden, n_out, reg=0.1):
        self.reg = reg
        self.W1 = np.random.randn(n_in, n_hidden) / np.sqrt(n_in)
        self.b1 = np.zeros((1, n_hidden))
        self.W2 = np.random.randn(n_hidden, n_out) / np.sqrt(n_hidden)
        self.b2 = np.zeros((1, n_out))

    def forward(self, X):
        self.z1 = X @ self.W1 + self.b1
        self.a1 = softplus(self.z1)
        z2 = self.a1 @ self.W2 + self.b2
        e = np.exp(z2 - z2.max(axis=1, keepdims=True))
        return e / np.sum(e, axis=1, keepdims=True)

    def loss(self, X, y):
        n = len(X)
        probs = self.forward(X)
        data = -np.sum(np.log(probs[np.arange(n), y])) / n
        return data + 0.5 * self.reg * (np.sum(self.W1**2) + np.sum(self.W2**2))

    def backward(self, X, y):
        n = len(X)
        probs = self.forward(X)
        delta2 = probs.copy()
        delta2[np.arange(n), y] -= 1
        dW2 = self.a1.T @ delta2 / n + self.reg * self.W2
        db2 = delta2.sum(axis=0, keepdims=True) / n
        delta1 = (delta2 @ self.W2.T) * softplus_prime(self.z1)
        dW1 = X.T @ delta1 / n + self.reg * self.W1
        db1 = delta1.sum(axis=0, keepdims=True) / n
        return dW1, db1, dW2, db2
"""

TABLES = """\
import numpy as np

FUNCTIONS = {"tanh": np.tanh}
SLOPES = {
    "tanh": lambda a: 1 - a**2,
}


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class Net:
    def __init__(self, sizes, kind="tanh"):
        self.kind = kind
        self.weights = [np.random.randn(n, m) / np.sqrt(n) for n, m in zip(sizes[:-1], sizes[1:])]
        self.biases = [np.zeros((1, m)) for m in sizes[1:]]

    def forward(self, X):
        self.pre, self.acts = [], [X]
        for W, b in zip(self.weights, self.biases):
            self.pre.append(self.acts[-1] @ W + b)
            last = len(self.pre) == len(self.weights)
            self.acts.append(sigmoid(self.pre[-1]) if last else FUNCTIONS[self.kind](self.pre[-1]))
        return self.acts[-1]

    def loss(self, X, y):
        p = self.forward(X)
        return -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p)) / len(X)

    def backward(self, X, y):
        self.forward(X)
        dW, db = [None] * len(self.weights), [None] * len(self.weights)
        delta = (self.acts[-1] - y) / len(X)
        for k in range(len(self.weights) - 1, -1, -1):
            dW[k] = self.acts[k].T @ delta
            db[k] = delta.sum(axis=0, keepdims=True)
            if k > 0:
                delta = (delta @ self.weights[k].T) * SLOPES[self.kind](self.acts[k])
        return dW, db
"""


def finding(text):
    verdict = judge(Sources("net.py", {"net.py": text}))
    assert verdict.status == "wrong"
    return next(each for each in verdict.findings if each.severity != "note")


def test_the_programs_are_right():
    for text in (CLASSES, TABLES):
        assert judge(Sources("net.py", {"net.py": text})).status == "right"


@pytest.mark.parametrize(
    ("program", "right", "wrong", "mended"),
    [
        # another layer's statement shows what is missing
        (CLASSES, "X.T @ delta1 / n +", "X.T @ delta1 +", "dW1 = X.T @ delta1 / n + self.reg * self.W1"),
        (CLASSES, "delta1.sum(axis=0, keepdims=True) / n", "delta1.sum(axis=0, keepdims=True)",
         "db1 = delta1.sum(axis=0, keepdims=True) / n"),
        # the function that computes a slope, not its caller
        (CLASSES, "return 1 / (1 + np.exp(-z))", "return np.exp(-z) / (1 + np.exp(-z)) ** 2",
         "return 1 / (1 + np.exp(-z))"),
        (TABLES, "1 - a**2", "1 - a", '"tanh": lambda a: 1 - a**2,'),
        # its argument, where the function is right
        (CLASSES, "softplus_prime(self.z1)", "softplus_prime(self.a1)",
         "delta1 = (delta2 @ self.W2.T) * softplus_prime(self.z1)"),
        # two factors too many, one after the other
        (TABLES, "(self.acts[-1] - y) / len(X)", "(self.acts[-1] - y) * self.acts[-1] * (1 - self.acts[-1]) / len(X)",
         "delta = (self.acts[-1] - y) / len(X)"),
        # a factor where there is none: the variable is only to be found in another method
        (TABLES, " * SLOPES[self.kind](self.acts[k])", " * self.acts[k]",
         "delta = (delta @ self.weights[k].T) * (1 - self.acts[k]**2)"),
        # losses
        (CLASSES, " + np.sum(self.W2**2)", "",
         "return data + 0.5 * self.reg * (np.sum(self.W1**2) + np.sum(self.W2**2))"),
    ],
)  # fmt: skip
def test_the_line_and_its_edit(program, right, wrong, mended):
    assert program.count(right) == 1
    text = program.replace(right, wrong)
    found = finding(text)
    line = next(n for n, line in enumerate(text.splitlines(), 1) if wrong in line) if wrong else None
    assert found.patch is not None
    assert found.patch.after.strip() == mended
    assert line in (None, found.line)


def test_an_edit_of_the_gradient_keeps_the_loss():
    """1 taken from the probabilities where the loss still reads them would mend the gradient, too."""
    head, rest = CLASSES.split("    def loss")
    loss, backward = rest.split("    def backward(self, X, y):\n        n = len(X)\n        probs = self.forward(X)\n")
    loss = loss.replace("return data", "value = data").replace("(self, X, y)", "_and_gradients(self, X, y)")
    backward = backward.replace("        delta2[np.arange(n), y] -= 1\n", "").replace("return ", "return value, ")
    found = finding(f"{head}    def loss{loss.rstrip()}\n{backward}")
    assert found.name == "labels-not-subtracted"
    assert found.patch is not None
    assert "delta2" in found.patch.after


def test_an_edit_of_the_loss_keeps_the_gradient():
    text = CLASSES.replace("data = -np.sum(", "data = np.sum(")
    found = finding(text)
    assert found.name == "loss-sign"
    assert "data =" in found.text


def test_a_mistake_of_the_forward_pass_is_mended_there():
    text = CLASSES.replace("np.sum(e, axis=1, keepdims=True)", "np.sum(e, axis=0, keepdims=True)")
    found = finding(text)
    assert found.patch is not None
    assert found.patch.after.strip() == "return e / np.sum(e, axis=1, keepdims=True)"


def test_a_seed_set_for_each_layer_is_left_out_there():
    text = TABLES.replace(
        "        self.weights = [np.random.randn(n, m) / np.sqrt(n) for n, m in zip(sizes[:-1], sizes[1:])]\n",
        """\
        np.random.seed(1)
        self.weights = []
        for n, m in zip(sizes[:-1], sizes[1:]):
            np.random.seed(2)
            self.weights.append(np.random.randn(n, m) / np.sqrt(n))
""",
    )
    found = finding(text)
    assert found.name == "init-shared-seed"
    assert "seed(2)" in found.text


def test_a_form_feed_is_no_line():
    text = "\f\n" + CLASSES.replace("\n\nclass", "\n\f\n\nclass").replace(
        "(self.z1)\n        dW1", "(self.a1)\n        dW1"
    )
    found = finding(text)
    assert found.line is not None
    assert lines_of(text)[found.line - 1].strip() == found.text.strip() == found.patch.before.strip()
    assert "softplus_prime(self.a1)" in found.text


def sites_of(source):
    return sites("net.py", source, ast.parse(source), set(range(1, len(lines_of(source)) + 1)))


def after(family, source, line):
    """What becomes of a line, by each edit of its statements."""
    return [
        edit.applied(source).splitlines()[line - 1].strip()
        for site in sites_of(source)
        if site.statement.lineno == line
        for edit in family(site)
    ]


def test_an_index_is_written_as_one_writes_it():
    written = {"i": ("i - 1", "i + 1"), "i + 1": ("i", "i + 2"), "-l + 1": ("-l", "-l + 2"), "-2": ("-3", "-1"),
               "l2": ("l2 - 1", "l2 + 1"), "self.L - 1": ("self.L - 2", "self.L")}  # fmt: skip
    assert {index: (stepped(index, -1), stepped(index, 1)) for index in written} == written


def test_brackets_are_not_doubled():
    assert [is_bracketed(text) for text in ("(a + b)", "(a) + (b)", "a", "f(a)", "((a))")] == [1, 0, 0, 0, 1]
    edited = after(dropped, "def f(a, b, n):\n    return g((a - b) / n)\n", 2)
    assert "return g(a - b)" in edited


def test_a_statement_like_another_layers():
    source = "def f(X, A1, dZ1, dZ2, m):\n    dW2 = (1 / m) * np.dot(dZ2, A1.T)\n    dW1 = np.dot(dZ1, X.T)\n"
    assert "dW1 = (1 / m) * np.dot(dZ1, X.T)" in after(like_another, source, 3)
    assert "dW2 = np.dot(dZ2, A1.T)" in after(like_another, source, 2)
    source = "def f(reg, dW1, dW2, W1, W2):\n    dW2 += reg * W2\n    return dW1, dW2\n"
    edited = [edit.applied(source).splitlines() for site in sites_of(source) for edit in repeated(site)]
    assert any(lines[2] == "    dW1 += reg * W1" for lines in edited)


def test_the_half_of_an_entropy_that_is_missing():
    source = "def f(y, p):\n    return np.mean(-y * np.log(p))\n"
    assert "return np.mean(-y * np.log(p) - (1 - y) * np.log(1 - p))" in after(completed, source, 2)


def test_an_axis_that_is_missing():
    assert "return np.sum(x, axis=1, keepdims=True)" in after(summed_along, "def f(x):\n    return np.sum(x)\n", 2)


def test_influence_is_what_depends_on_a_statement():
    text = CLASSES.replace("(self.z1)\n        dW1", "(self.a1)\n        dW1")
    program = Program(Sources("net.py", {"net.py": text}))
    subject = best_reading(program, None).subject
    found = executed_sites(program, executed_lines(subject.gradients), lambda site: 0.0)
    bears = influence(Workshop(program), subject, found, frozenset({0, 1}))
    reached = {site.text(site.statement).split(" ")[0]: bears.at(site) for site in found}
    assert subject.names == ["W1", "b1", "W2", "b2"]
    assert reached["delta1"] == {0, 1}
    assert reached["dW1"] == {0}
    assert reached["delta2"] == {0, 1, 2, 3}
    assert reached["self.z1"] == {0, 1, 2, 3, LOSS}
    assert [site.text(site.statement).split(" ")[0] for site in found if bears.covers(site) and not bears.excess(site)][
        :1
    ] == ["delta1"]


def test_a_firm_limit_of_time_ends_those_inside_it():
    start = time.monotonic()
    with pytest.raises(TooLongError), limited(0.1, firm=True), limited(5.0):
        time.sleep(4)
    assert time.monotonic() - start < 2


def test_a_limit_that_runs_out_while_a_dead_object_is_tidied_up_holds_afterwards():
    """An exception in there is printed and lost."""

    class Slow:
        def __del__(self):
            while time.monotonic() < start + 0.1:
                pass

    def work():
        Slow()
        while time.monotonic() < start + 5:
            pass

    start = time.monotonic()
    with pytest.raises(TooLongError), limited(0.03):
        work()
    assert time.monotonic() < start + 4


def test_a_function_is_called_with_copies():
    sizes = [2, 3]

    def grows(sizes):
        sizes.append(np.zeros(2))
        return sizes

    assert len(call_with(grows, {"sizes": sizes})) == 3
    assert sizes == [2, 3]
