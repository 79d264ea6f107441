"""`backlight check` as a user meets it: files in, sentences, exit codes and patches out."""

import json
import linecache
import subprocess
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import backlight as bl
from backlight.checking.check import CheckError, fix
from backlight.checking.check import check as judged
from backlight.cli import main
from tests.checking.strangers import PROGRAMS

NET = '''\
"""A network."""
import numpy as np


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1 = np.random.randn(n_in, n_hidden) / np.sqrt(n_in)
        self.b1 = np.zeros((1, n_hidden))
        self.W2 = np.random.randn(n_hidden, n_out) / np.sqrt(n_hidden)
        self.b2 = np.zeros((1, n_out))

    def forward(self, X):
        self.a1 = np.tanh(X @ self.W1 + self.b1)
        return softmax(self.a1 @ self.W2 + self.b2)

    def loss(self, X, y):
        return -np.mean(np.log(self.forward(X)[np.arange(len(y)), y]))

    def backward(self, X, y):
        d = self.forward(X)
        d[np.arange(len(y)), y] -= 1
        d /= len(y)  # a mean
        d1 = d @ self.W2.T * (1 - self.a1**2)  # δ₁
        return X.T @ d1, d1.sum(axis=0, keepdims=True), self.a1.T @ d, d.sum(axis=0, keepdims=True)
'''
RIGHT, WRONG = "(1 - self.a1**2)", "(1 - self.a1)"
BROKEN = NET.replace(RIGHT, WRONG)
LINE = next(number for number, line in enumerate(BROKEN.splitlines(), 1) if WRONG in line)


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    """Writes a program beside nothing else and checks it; exit code and what was printed."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "400")

    def call(text, *words, name="net.py", target=None):
        if text is not None:
            (folder / name).write_bytes(text.encode())
        with pytest.raises(SystemExit) as ended:
            main(["check", target or name, *words])
        printed = capsys.readouterr()
        assert "Traceback" not in printed.out + printed.err
        return SimpleNamespace(code=ended.value.code, out=printed.out, err=printed.err, folder=folder)

    return call


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    "style", ["dataclass", "loss_with_gradient", "functions_one_by_one", "list_of_dicts", "online_updates"]
)
def test_right_programs(check, style):
    result = check(PROGRAMS[style])
    assert result.code == 0, result.out
    assert "all gradients are right" in result.out
    assert "WRONG" not in result.out


@pytest.mark.parametrize(
    ("style", "line", "instead"),
    [
        ("layers_as_tuples", "gb[l] = delta.sum(axis=0)", "gb[l] = delta.mean(axis=0)"),
        ("functions_one_by_one", "dZ2 = (probs - y_onehot) / N", "dZ2 = (y_onehot - probs) / N"),
        ("network_as_layer", "self.gW = self.x.T @ g;", "self.gW = 2 * self.x.T @ g;"),
    ],
)
def test_a_wrong_line_is_found_and_mended(check, style, line, instead):
    assert line in PROGRAMS[style]
    text = PROGRAMS[style].replace(line, instead)
    number = next(number for number, each in enumerate(text.splitlines(), 1) if instead in each)
    document = json.loads(check(text, "--json").out)
    first = document["findings"][0]
    assert (document["status"], first["file"], first["line"]) == ("wrong", "net.py", number)
    assert first["patch"]["before"] == text.splitlines()[number - 1]
    assert first["patch"]["after"] == PROGRAMS[style].splitlines()[number - 1]


def test_a_wrong_program(check):
    """Exit code 1; nothing is written without --fix."""
    result = check(BROKEN)
    assert result.code == 1
    assert result.out.startswith(f"net.py: 1 mistake, on line {LINE}\n")
    assert f"{LINE} | d1 = d @ self.W2.T * {WRONG}  # δ₁" in result.out
    assert "BL346" in result.out
    assert files(result.folder) == {"net.py": BROKEN.encode()}


def only_line_changed(before, after):
    assert [number for number, (a, b) in enumerate(zip(before, after, strict=True), 1) if a != b] == [LINE]
    assert after[LINE - 1].endswith("  # δ₁")


def test_fix_writes_the_patch_beside_a_backup(check):
    result = check(BROKEN, "--fix")
    assert result.code == 1
    assert "net.py.orig" in result.err
    found = files(result.folder)
    assert set(found) == {"net.py", "net.py.orig"}
    assert found["net.py.orig"] == BROKEN.encode()
    only_line_changed(BROKEN.split("\n"), found["net.py"].decode().split("\n"))
    assert check(None).code == 0


def test_fix_keeps_the_ends_of_lines_and_earlier_backups(tmp_path):
    path = tmp_path / "net.py"
    path.write_bytes(BROKEN.replace("\n", "\r\n").encode())
    verdict = judged(path)
    (tmp_path / "net.py.orig").write_text("an earlier one", encoding="utf-8")
    assert fix(path, verdict) == [tmp_path / "net.py.orig1"]
    found = files(tmp_path)
    assert found["net.py.orig"] == b"an earlier one"
    assert found["net.py.orig1"] == BROKEN.replace("\n", "\r\n").encode()
    only_line_changed(BROKEN.split("\n"), found["net.py"].decode().split("\r\n"))
    with pytest.raises(CheckError, match="has changed since it was checked"):
        fix(path, verdict)


def test_fix_of_a_right_program_writes_nothing(check):
    result = check(NET, "--fix")
    assert result.code == 0
    assert files(result.folder) == {"net.py": NET.encode()}


def test_json_and_sarif(check):
    result = check(BROKEN, "--json", "--sarif", "out.sarif")
    document = json.loads(result.out)
    assert (result.code, document["status"]) == (1, "wrong")
    assert {tensor["name"] for tensor in document["tensors"] if not tensor["right"]} == {"W1", "b1"}
    sarif = json.loads((result.folder / "out.sarif").read_text(encoding="utf-8"))
    (found,) = sarif["runs"][0]["results"]
    location = found["locations"][0]["physicalLocation"]
    assert (location["artifactLocation"]["uri"], location["region"]["startLine"]) == ("net.py", LINE)


def test_paths_are_those_that_were_given(check, tmp_path):
    (tmp_path / "work" / "inner").mkdir()
    result = check(NET, name="inner/net.py")
    assert result.code == 0
    assert result.out.startswith("inner/net.py: ")


def test_the_installed_command(tmp_path):
    (tmp_path / "net.py").write_text(BROKEN, encoding="utf-8")
    command = [sys.executable, "-W", "error", "-m", "backlight", "check", "net.py", "--json"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    assert (result.returncode, result.stderr) == (1, b"")
    assert json.loads(result.stdout)["findings"][0]["line"] == LINE


# -- programs that cannot be checked ---------------------------------------------------------------------------

WITHOUT_BACKWARD = NET[: NET.index("    def backward")]


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("def f(:\n    pass\n", "net.py is not valid Python: ", 1),
        ("x = 1\nprint 'loss', x\n", "net.py is written for Python 2", 2),
        ("import no_such_module_at_all as nn\n" + NET.replace("np.tanh", "nn.tanh"), "no_such_module_at_all", 1),
        (WITHOUT_BACKWARD, "no backward pass", None),
        (NET.replace("self.a1 @ self.W2", "self.a1 @ self.W1"), "ValueError: matmul", 19),
        ("", "net.py defines no class and no function", None),
        ("print('hello')\n", "net.py defines no class and no function", None),
    ],
)
def test_what_cannot_be_checked_is_one_sentence(check, text, said, line):
    result = check(text, "--json")
    document = json.loads(result.out)
    assert (result.code, document["status"], result.err) == (2, "unchecked", "")
    assert said in document["reason"]
    assert "net.py" in document["reason"]
    assert "\n" not in document["reason"]
    if line is not None:
        assert document["line"] == line
        assert f"line {line}" in document["reason"]


def test_a_constructor_that_raises_is_named(check):
    result = check(NET.replace("        self.b1 = ", "        raise RuntimeError('not today')\n        self.b1 = "))
    assert result.code == 2
    assert "not today" in result.out
    assert "line 13" in result.out


def test_a_file_that_does_not_exist(check):
    result = check(None, name="absent.py")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("backlight: absent.py is not a file")
    assert result.err.count("\n") == 1


def test_an_endless_loop_ends(check):
    endless = NET.replace("        d = self.forward(X)\n", "        while True:\n            d = self.forward(X)\n")
    result = check(endless, "--seconds", "2")
    assert result.code == 2
    assert "could not be checked" in result.out


# -- what programs do besides ----------------------------------------------------------------------------------

BUSY = """
import os, sys
import matplotlib.pyplot as plt

print("training")
name = input("whose network? ")
net = Net(2, 4, 2)
X = np.random.randn(50, 2); y = (X[:, 0] > 0).astype(int)
for step in range(10**9):
    for p, g in zip((net.W1, net.b1, net.W2, net.b2), net.backward(X, y)):
        p -= 0.1 * g
    print(step, net.loss(X, y))
plt.plot(X); plt.show()
sys.exit(3)
"""


def test_a_script_that_trains_prints_plots_and_asks(check):
    result = check(NET + BUSY)
    assert result.code == 0, result.out
    assert "training" not in result.out


def test_a_program_cannot_change_the_users_folder(check):
    writes = NET.replace(
        "        d = self.forward(X)\n",
        "        open('net.py', 'w').write('gone')\n        open('left.txt', 'w').write('here')\n"
        "        d = self.forward(X)\n",
    )
    result = check(writes)
    assert result.code == 0
    assert files(result.folder) == {"net.py": writes.encode()}


def test_a_class_is_chosen_by_name(check):
    both = NET + BROKEN[BROKEN.index("class Net") :].replace("class Net", "class Other")
    assert check(both, target="net.py:Net").code == 0
    assert check(None, target="net.py:Other").code == 1
    absent = check(None, target="net.py:Absent")
    assert absent.code == 2
    assert "net.py defines no Absent; it defines Net, Other, softmax" in absent.out


ADAPTER = """\
import numpy as np
import net as program
net = program.Net(4, 5, 3)
X, y = np.random.default_rng(0).normal(size=(6, 4)), np.arange(6) % 3
def parameters(): return {"W1": net.W1, "b1": net.b1, "W2": net.W2, "b2": net.b2}
def loss(): return net.loss(X, y)
def gradients(): return dict(zip(("W1", "b1", "W2", "b2"), net.backward(X, y)))
"""


@pytest.mark.parametrize(("text", "code"), [(NET, 0), (BROKEN, 1)])
def test_an_adapter(check, tmp_path, text, code):
    (tmp_path / "work" / "adapter.py").write_text(ADAPTER, encoding="utf-8")
    result = check(text, "--adapter", "adapter.py", "--json")
    document = json.loads(result.out)
    assert result.code == code, document
    assert [tensor["name"] for tensor in document["tensors"] if not tensor["right"]] == (["b1", "W1"] if code else [])


def test_an_adapter_that_is_not_whole(check, tmp_path):
    (tmp_path / "work" / "adapter.py").write_text("def loss(): return 1.0\n", encoding="utf-8")
    result = check(NET, "--adapter", "adapter.py")
    assert result.code == 2
    assert "adapter.py defines no parameters, gradients" in result.out


# -- from Python -----------------------------------------------------------------------------------------------


def test_a_result_shows_itself(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(BROKEN, encoding="utf-8")
    result = bl.check(path)
    assert (result.status, result.findings[0].line, result.gradient_class) == ("wrong", LINE, "broken chain rule")
    assert str(result) == repr(result)
    assert f"1 mistake, on line {LINE}" in str(result)
    assert result._repr_html_().startswith("<div")
    assert json.loads(json.dumps(result.json()))["status"] == "wrong"
    assert json.loads(json.dumps(result.sarif()))["version"] == "2.1.0"
    assert not hasattr(result, "colour")


@pytest.fixture
def cell():
    """Runs text as a notebook runs a cell: in a module without a file, its lines remembered."""
    module = ModuleType("cells_of_a_test")
    sys.modules[module.__name__] = module
    names = []

    def run(text, remembered=True):
        names.append(f"<cell {len(names)}>")
        if remembered:
            linecache.cache[names[-1]] = (len(text), None, text.splitlines(True), names[-1])
        exec(compile(text, names[-1], "exec"), module.__dict__)
        return module

    yield run
    del sys.modules[module.__name__]
    for name in names:
        linecache.cache.pop(name, None)


def test_a_class_of_a_notebook(cell):
    module = cell("import numpy as np\ntanh = np.tanh\nSCALE = 1.0\nOFFSET = np.zeros((1, 1))\n")
    cell(NET[NET.index("def softmax") : NET.index("class Net")])
    cell(BROKEN[BROKEN.index("class Net") :].replace("np.tanh(X", "SCALE * tanh(OFFSET + X"))
    result = bl.check(module.Net)
    assert (result.status, result.file) == ("wrong", "cells.py")
    assert "d1 = d @ self.W2.T" in result.findings[0].text


def test_functions_of_a_notebook_bring_what_was_defined_beside_them(cell):
    text = PROGRAMS["functions_one_by_one"]
    module = cell("import numpy as np\n")
    for part in text.split("\ndef ")[1:]:
        cell(f"def {part}\n")
    assert bl.check(module.init_network).status == "right"


def test_what_has_no_source_is_refused(cell):
    module = cell(NET, remembered=False)
    with pytest.raises(CheckError, match="the source of Net is not to be had"):
        bl.check(module.Net)
    with pytest.raises(CheckError, match="not an int"):
        bl.check(3)
    with pytest.raises(CheckError, match="assert_gradients_correct"):
        bl.check(np.zeros(3))
