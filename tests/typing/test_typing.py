"""What type checkers see of the public names. `make check` runs mypy's strict rules over `program.py` beside this."""

import ast
from pathlib import Path

import backlight as bl

ROOT = Path(__file__).parents[2]


def test_the_program_uses_every_public_name():
    tree = ast.parse((Path(__file__).parent / "program.py").read_text(encoding="utf-8"))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "bl"
    }
    assert used == set(bl.__all__)


def test_type_checkers_see_the_names_that_load_when_first_used():
    """The same names, each from the same file."""
    (seen,) = (
        node
        for node in ast.parse(Path(bl.__file__).read_text(encoding="utf-8")).body
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name)
    )
    imports = {alias.asname: node.module for node in seen.body for alias in node.names}
    assert imports == bl._HOMES


def test_the_package_says_that_it_is_typed():
    assert (Path(bl.__file__).parent / "py.typed").is_file()
