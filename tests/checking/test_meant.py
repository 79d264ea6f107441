"""Which of several networks that a file knows is judged, and in which file the wrong line is found."""

import pytest

from backlight.checking.judge import judge
from backlight.checking.meant import meant
from backlight.checking.program import Program
from backlight.checking.source import Sources
from tests.checking.test_check import BROKEN, LINE, NET, RIGHT, WRONG

WHOLE = NET[NET.index("class Net") :]
PASS = NET[NET.index("    def backward") :]
ABSTRACT = NET[: NET.index("    def backward")] + "    def backward(self, X, y):\n        raise NotImplementedError\n"
IMPORTS = "import numpy as np\nfrom base import Net\n\n\n"
HEIR = f"{IMPORTS}class Heir(Net):\n{PASS.replace(RIGHT, WRONG)}"
DOUBLED = """\
    def backward(self, X, y):
        dW1, db1, dW2, db2 = super().backward(X, y)
        return dW1, db1, 2 * dW2, db2
"""
LAYER = """\
class Layer:
    def forward(self, x):
        return x

    def backward(self, x):
        return x


"""
TRAINING = """

if __name__ == "__main__":
    X, y = np.ones((20, 3)), np.zeros(20, int)
    heir, net = Heir(3, 5, 2), Net(3, 5, 2)
    print(heir.loss(X, y), net.loss(X, y))
"""
FUNCTIONS = """\
def initialize(n_in, n_hidden, n_out):
    return {"W1": np.random.randn(n_in, n_hidden), "b1": np.zeros((1, n_hidden)),
            "W2": np.random.randn(n_hidden, n_out), "b2": np.zeros((1, n_out))}


def forward(params, X):
    a = np.tanh(X @ params["W1"] + params["b1"])
    e = np.exp(a @ params["W2"] + params["b2"])
    return a, e / e.sum(axis=1, keepdims=True)


def loss(params, X, y):
    return -np.mean(np.log(forward(params, X)[1][np.arange(len(y)), y]))


def backward(params, X, y):
    a, d = forward(params, X)
    d[np.arange(len(y)), y] -= 1
    d /= len(y)
    d1 = d @ params["W2"].T * (1 - a**2)
    return {"W1": X.T @ d1, "b1": d1.sum(axis=0, keepdims=True), "W2": a.T @ d, "b2": d.sum(axis=0, keepdims=True)}
"""
TWISTED = FUNCTIONS.replace("(1 - a**2)", "(1 - a)")


def judged(**files):
    """The verdict on `net`, with the other files beside it; where the first mistake stands."""
    texts = {f"{name}.py": text for name, text in files.items()}
    verdict = judge(Sources("net.py", texts))
    first = verdict.findings[0] if verdict.findings else None
    place = None if first is None else (first.file, first.line)
    return verdict, place


def line_in(text, wrong=WRONG):
    return next(number for number, line in enumerate(text.splitlines(), 1) if wrong in line)


@pytest.mark.parametrize(
    "text", [HEIR, HEIR + TRAINING, HEIR.replace("(Net)", "(base.Net)").replace("from base import Net", "import base")]
)
def test_an_heir_is_not_excused_by_its_imported_base(text):
    verdict, place = judged(net=text, base=NET)
    assert verdict.status == "wrong"
    assert verdict.subject.startswith("Heir(")
    assert place == ("net.py", line_in(text))


def test_a_file_of_a_package_imports_its_neighbours():
    text = HEIR.replace("from base", "from .base")
    _, place = judged(net=text, base=NET)
    assert place == ("net.py", line_in(text))
    above = judge(Sources("net.py", {"net.py": text.replace(".base", "..base")}))
    assert (above.status, above.reason) == (
        "unchecked",
        "net.py imports ..base, which does not stand in its folder (line 2)",
    )


def test_an_heir_is_not_accused_of_what_it_replaces():
    verdict, _ = judged(net=HEIR.replace(WRONG, RIGHT), base=BROKEN)
    assert verdict.status == "right"
    assert verdict.subject.startswith("Heir(")


def test_what_an_heir_inherits_is_wrong_where_it_stands():
    heir = f"{IMPORTS}class Heir(Net):\n    def guess(self, X):\n        return self.forward(X).argmax(1)\n"
    verdict, place = judged(net=heir, base=BROKEN)
    assert verdict.subject.startswith("Heir(")
    assert place == ("base.py", LINE)


def test_an_heir_may_change_what_its_base_gives():
    doubled = f"{IMPORTS}class Heir(Net):\n{DOUBLED}"
    verdict, place = judged(net=doubled, base=NET)
    assert (verdict.status, place) == ("wrong", ("net.py", line_in(doubled, "2 * dW2")))


@pytest.mark.parametrize("base", [NET, ABSTRACT])
def test_a_base_in_the_same_file(base):
    text = f"{base}\n\nclass Heir(Net):\n{PASS.replace(RIGHT, WRONG)}"
    verdict, place = judged(net=text)
    assert verdict.subject.startswith("Heir(")
    assert place == ("net.py", line_in(text))


@pytest.mark.parametrize(("first", "second"), [(WRONG, RIGHT), (RIGHT, WRONG)])
def test_of_several_networks_the_wrong_one_is_shown(first, second):
    text = NET.replace(RIGHT, first) + "\n\n" + WHOLE.replace(RIGHT, second).replace("class Net", "class Other")
    verdict, place = judged(net=text)
    assert place == ("net.py", line_in(text))
    other = "Other" if first == WRONG else "Net"
    assert (
        f"{other} stands in the same file: all gradients are right (`backlight check net.py:{other}`)" in verdict.notes
    )


def test_an_imported_network_to_compare_with_is_not_judged():
    text = BROKEN.replace("import numpy as np", "import numpy as np\nfrom base import Reference")
    verdict, place = judged(net=text, base=NET.replace("class Net", "class Reference"))
    assert verdict.subject.startswith("Net(")
    assert place == ("net.py", LINE + 1)


def test_a_script_that_only_imports_its_network():
    script = "from base import Net\n\nif __name__ == '__main__':\n    net = Net(3, 5, 2)\n"
    _, place = judged(net=script, base=BROKEN)
    assert place == ("base.py", LINE)


@pytest.mark.parametrize(
    "imports",
    ["from base import Net", "from other import backward as reference_backward", "from other import backward"],
)
def test_functions_of_the_file_go_before_what_it_imports(imports):
    text = f"import numpy as np\n{imports}\n\n\n{TWISTED}"
    verdict, place = judged(net=text, base=NET, other=f"import numpy as np\n\n\n{FUNCTIONS}")
    assert (verdict.status, place) == ("wrong", ("net.py", line_in(text, "(1 - a)")))


def test_a_second_backward_pass_is_said_to_be_left_out():
    other = TWISTED[TWISTED.index("def backward") :].replace("def backward", "def fast_backward")
    verdict, _ = judged(net=f"import numpy as np\n\n\n{FUNCTIONS}\n\n{other}")
    assert verdict.status == "right"
    assert verdict.notes[-1] == "not looked at, though they may be backward passes, too: fast_backward"


def test_layers_and_lone_networks_leave_no_choice():
    uses = NET.replace("        self.W1 =", "        self.first = Layer()\n        self.W1 =")
    for text in (NET, uses.replace("class Net", f"{LAYER}class Net")):
        assert meant(Program(Sources("net.py", {"net.py": text}))) == []


def test_widths_that_are_written_into_a_network_may_be_those_of_the_check_turned_round():
    """Four inputs and three classes, as for irises, where the check would have three and four."""
    text = NET.replace("self, n_in, n_hidden, n_out):", "self, n_hidden=8):\n        n_in, n_out = 4, 3")
    assert judged(net=text)[0].status == "right"
    verdict, place = judged(net=text.replace(RIGHT, WRONG))
    assert (verdict.status, place) == ("wrong", ("net.py", LINE + 1))
