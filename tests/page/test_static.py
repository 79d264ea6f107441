import re
from pathlib import Path

import pytest

import backlight.page

STATIC = Path(backlight.page.__file__).parent / "static"
LONGEST = 120  # characters, as in all other code


@pytest.mark.parametrize("path", sorted(STATIC.iterdir()), ids=lambda path: path.name)
def test_lines_fit_a_screen(path):
    long = [
        number for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if len(line) > LONGEST
    ]
    assert not long


def test_every_module_is_imported():
    found, waiting = set(), ["main.js"]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += re.findall(r'(?:from |import\()"\./([a-z_]+\.js)"', (STATIC / name).read_text(encoding="utf-8"))
    assert found == {path.name for path in STATIC.glob("*.js")}


def test_every_name_that_a_module_exports_is_imported_by_another():
    texts = {path.name: path.read_text(encoding="utf-8") for path in STATIC.glob("*.js")}
    imported = {
        name.strip()
        for text in texts.values()
        for names in re.findall(r"import \{([^}]*)\}", text)
        for name in names.split(",")
    }
    exported = {
        (name, file)
        for file, text in texts.items()
        for name in re.findall(r"export (?:async )?(?:function|class|const) (\w+)", text)
    }
    assert {(name, file) for name, file in exported if name not in imported} == {
        ("open", "playground.js"), ("open", "viewer.js"),  # which main.js loads when they are shown
    }  # fmt: skip
