"""Random numbers in a program: the same in all calls that are compared, and remarked upon."""

import pytest

from backlight.checking.judge import judge
from backlight.checking.source import Sources
from tests.checking.test_check import NET

MADE = "        self.b2 = np.zeros((1, n_out))\n"
HIDDEN = "        self.a1 = np.tanh(X @ self.W1 + self.b1)\n"
BACK = "        d1 = d @ self.W2.T * (1 - self.a1**2)  # δ₁\n"


def with_dropout(drawn, made=""):
    """The network of the checks, with a mask over its hidden layer that the backward pass knows of."""
    text = NET.replace(MADE, MADE + made)
    text = text.replace(
        HIDDEN, f"{HIDDEN}        self.mask = ({drawn} < 0.8) / 0.8\n        self.h = self.a1 * self.mask\n"
    )
    text = text.replace("softmax(self.a1 @ self.W2", "softmax(self.h @ self.W2")
    return text.replace(BACK, BACK.replace("self.W2.T", "self.W2.T * self.mask")).replace(
        "self.a1.T @ d", "self.h.T @ d"
    )


def judged(text):
    return judge(Sources("net.py", {"net.py": text}))


OWN = ("self.rng.random(self.a1.shape)", "        self.rng = np.random.default_rng(1)\n")
GLOBAL = ("np.random.rand(*self.a1.shape)", "")


@pytest.mark.parametrize("dropout", [OWN, GLOBAL])
def test_dropout_that_is_right(dropout):
    text = with_dropout(*dropout)
    verdict = judged(text)
    assert verdict.status == "right"
    assert max(tensor.error for tensor in verdict.tensors) > 0.0  # something was compared
    (remark,) = [finding for finding in verdict.findings if finding.name == "nondeterministic"]
    assert (remark.severity, remark.text.strip()) == ("note", f"self.mask = ({dropout[0]} < 0.8) / 0.8")


@pytest.mark.parametrize("dropout", [OWN, GLOBAL])
def test_dropout_that_is_wrong(dropout):
    wrong = with_dropout(*dropout).replace("self.W2.T * self.mask", "self.W2.T")
    assert judged(wrong).status == "wrong"


def test_what_cannot_be_repeated_is_not_called_right():
    verdict = judged(with_dropout("np.random.default_rng().random(self.a1.shape)"))
    assert verdict.status == "unchecked"
    assert "differs from call to call" in verdict.reason
    assert "self.mask" in with_dropout("np.random.default_rng().random(self.a1.shape)").splitlines()[verdict.line - 1]


def test_random_weights_are_no_remark():
    assert judged(NET).findings == ()
