"""What is kept of a file, and what is said about one that cannot be read."""

import json

import pytest

from backlight.checking.judge import judge
from backlight.checking.program import Program
from backlight.checking.source import CannotCheckError, Sources, definitions, parse, read


def program(text: str, **others: str) -> Program:
    files = {f"{name}.py": other for name, other in others.items()}
    return Program(Sources("net.py", {"net.py": text, **files}))


def test_scripts_are_not_run():
    found = program("def f(): return 1\nraise SystemExit\nprint(1 / 0)\n")
    assert list(found.functions()) == ["f"]


def test_globals_that_functions_read_are_kept():
    assert program("A = 2\nB = A + 1\nC = 5\ndef f(): return B\n").functions()["f"]() == 3


def test_a_training_loop_over_global_weights_is_left_out():
    text = "w = 1.0\ndef f(): return w\nfor i in range(10):\n    w = w * 2\nwhile w < 100:\n    w += 1\n"
    assert program(text).functions()["f"]() == 1.0


def test_a_loop_that_makes_a_global_is_kept():
    assert program("for k in range(4):\n    last = k\ndef f(): return last\n").functions()["f"]() == 3


def test_the_main_guard_is_left_out():
    text = "def f(): return X\nif __name__ == '__main__':\n    X = 1\n"
    assert len(definitions(parse(text, "net.py"), text, "net.py")) == 1


def test_modules_beside_the_file_are_imported():
    found = program("from layers import double\ndef f(): return double(2)\n", layers="def double(x): return 2 * x\n")
    assert found.functions()["f"]() == 4


def test_a_missing_import_is_noted():
    found = program("import no_such_module_at_all\ndef f(): return 1\n")
    assert "not installed" in found.missing["no_such_module_at_all"].reason


def test_a_definition_that_leaves_python_is_noted():
    assert "exits" in program("import sys\nexits = sys.exit(3)\ndef f(): return exits\n").missing


@pytest.mark.parametrize(
    ("text", "said"), [("def f(:\n", "not valid Python"), ("print 'loss'\n", "Python 2"), ("print x\n", "Python 2")]
)
def test_what_is_no_python(text, said):
    with pytest.raises(CannotCheckError, match=said):
        program(text)


def test_a_missing_file(tmp_path):
    with pytest.raises(CannotCheckError, match="does not exist"):
        read(tmp_path / "net.py")


def test_other_encodings(tmp_path):
    path = tmp_path / "net.py"
    path.write_bytes("# caf\u00e9\n".encode("latin-1"))
    with pytest.raises(CannotCheckError, match="UTF-8"):
        read(path)


def test_notebooks(tmp_path):
    path = tmp_path / "net.ipynb"
    cells = [
        {"cell_type": "markdown", "source": ["# a net"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "def f(): return 7"]},
    ]
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    assert Program(read(path)).functions()["f"]() == 7


def test_a_constructor_that_needs_a_missing_import_is_answered_by_the_import():
    text = (
        "import no_such_module_at_all\n\n\nclass Net:\n    def __init__(self):\n"
        "        self.W = no_such_module_at_all.init((3, 2))\n\n    def forward(self, X):\n        return X @ self.W\n"
    )
    found = judge(Sources("net.py", {"net.py": text}))
    assert found.status == "unchecked"
    assert found.reason == "net.py imports no_such_module_at_all, which is not installed here (line 1)"
    assert found.line == 1
