"""`check` for Python: a file, a class or a function judged, and the verdict in the forms that people read."""

import ast
import dataclasses
import inspect
import io
import linecache
import shutil
import sys
import sysconfig
import tempfile
import textwrap
import types
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from backlight.checking.check import SECONDS, CheckError, located
from backlight.checking.check import check as judged
from backlight.checking.verdict import Finding, Status, Verdict
from backlight.notebook import shown
from backlight.reports.check_sarif import sarif
from backlight.reports.check_text import print_verdict
from backlight.reports.html.check import check_page
from backlight.reports.html.page import write_page

WIDTH = 100  # columns of the text
CELLS = "cells.py"  # what definitions that stand in no file are gathered in
MOST_NUMBERS = 10_000  # of a global array that is written out
LIBRARIES = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib"))


@dataclass(frozen=True, repr=False)
class CheckResult:
    """A verdict that shows itself: as text where it is printed, as HTML where a notebook shows it.

    Attributes:
        verdict: what was found; its attributes are those of the result, too.
    """

    verdict: Verdict

    @property
    def status(self) -> Status:
        """ "right", "wrong", or "unchecked" where nothing is known."""
        return self.verdict.status

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Mistakes, the most harmful first."""
        return self.verdict.findings

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "verdict":
            raise AttributeError(name)
        return getattr(self.verdict, name)

    def __str__(self) -> str:
        """The report as on a terminal, without colours."""
        paper = io.StringIO()
        print_verdict(self.verdict, Console(file=paper, width=WIDTH, color_system=None))
        return paper.getvalue()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return shown("check", self.verdict)

    def report(self, out: str | Path) -> Path:
        """Writes the verdict as a page, a single file that needs no network, and says where.

        Raises:
            SettingsError: if there is no folder to write into.
        """
        return write_page(Path(out), check_page(self.verdict))

    def sarif(self) -> dict[str, Any]:
        """The verdict as SARIF 2.1.0, ready for `json.dump`."""
        return sarif(self.verdict)

    def json(self) -> dict[str, Any]:
        """The verdict as plain data, ready for `json.dump`."""
        return asdict(self.verdict)


def check(target: Any, *, adapter: str | Path | None = None, seconds: float = SECONDS) -> CheckResult:
    """Is a hand-written backward pass right, and if not, which line is wrong?

    The code is run in a process of its own, on a copy, and no file is changed.

    Parameters:
        target: path of a Python file or notebook, `file.py:Class`, or a class or a function, wherever it was defined.
        adapter: a file that defines parameters(), loss() and gradients(), for programs that are not found by looking.
        seconds: after which the check is given up.

    Returns:
        The verdict; a program that cannot be checked has the status "unchecked" and a reason.

    Raises:
        CheckError: if there is no such file, or the source of a class or function is not to be had.
    """
    if isinstance(target, str | Path) or stands_in_file(target):
        verdict = judged(target, adapter=adapter, seconds=seconds)
        return CheckResult(dataclasses.replace(verdict, file=as_given(located(target)[0])))
    if not isinstance(target, type | types.FunctionType):
        raise CheckError(
            f"give the path of a file, a class or a function, not {article(type(target).__name__)}; "
            "a network that is made already is for assert_gradients_correct"
        )
    with tempfile.TemporaryDirectory(prefix="backlight-cells-") as folder:
        file = Path(folder) / CELLS
        file.write_text(Gathered(Path(folder)).text(target), encoding="utf-8")
        return CheckResult(judged(f"{file}:{target.__name__}", adapter=adapter, seconds=seconds))


def as_given(path: Path) -> str:
    """The file's path as it was given; relative to the working directory where it lies below it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def article(noun: str) -> str:
    return f"an {noun}" if noun[:1] in "aeiouAEIOU" else f"a {noun}"


def stands_in_file(target: Any) -> bool:
    try:
        return Path(inspect.getsourcefile(target) or "").is_file()
    except (TypeError, OSError):
        return False


class Gathered:
    """The source of a definition that stands in no file, and of all that it refers to, as the text of one file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.imports: dict[str, None] = {}
        self.pieces: dict[str, str] = {}  # name → source, what others are made of first
        self.begun: set[str] = set()

    def text(self, target: Any) -> str:
        """A class may rely on functions that it never names, so what else was defined beside it comes after it."""
        self.add(target.__name__, target)
        for name, value in list(namespace_of(target).items()):
            if isinstance(value, type | types.FunctionType) and value.__module__ == target.__module__:
                before = dict(self.imports), dict(self.pieces), set(self.begun)
                try:
                    self.add(name, value)
                except CheckError:
                    self.imports, self.pieces, self.begun = before
        return "\n".join([*self.imports, "", *self.pieces.values(), ""])

    def add(self, name: str, value: Any) -> None:
        """What the global `name` is, in a form that makes it again; what has none is left out."""
        if name in self.begun:
            return
        self.begun.add(name)
        if isinstance(value, types.ModuleType):
            self.import_module(value)
            self.imports[f"import {value.__name__} as {name}"] = None
        elif isinstance(value, type | types.FunctionType):
            module = sys.modules.get(value.__module__)
            if module is not None and value.__module__ != "__main__" and getattr(module, "__file__", None):
                self.import_module(module)
                self.imports[f"from {value.__module__} import {value.__qualname__.split('.')[0]} as {name}"] = None
            elif value.__module__ in sys.builtin_module_names:
                self.imports[f"from {value.__module__} import {value.__name__} as {name}"] = None
            else:
                self.define(name, value)
        elif isinstance(value, np.ufunc | types.BuiltinFunctionType):
            module_name = "numpy" if isinstance(value, np.ufunc) else value.__module__
            self.imports[f"from {module_name} import {value.__name__} as {name}"] = None
        elif written_out(value) is not None:
            self.pieces[name] = f"{name} = {written_out(value)}"

    def define(self, name: str, value: Any) -> None:
        source = source_of(value)
        if source is None:
            raise CheckError(
                f"the source of {value.__qualname__} is not to be had here; save it as a file and give its path"
            )
        around = namespace_of(value)
        for read in names_read(source):
            if read in around and read != name:
                self.add(read, around[read])
        self.pieces[name] = source if value.__name__ == name else f"{source}\n{name} = {value.__name__}\n"

    def import_module(self, module: types.ModuleType) -> None:
        """A module of the user's own is copied beside, with the files of its folder."""
        file = getattr(module, "__file__", None)
        if file is None or any(Path(file).is_relative_to(library) for library in LIBRARIES):
            return
        parts = module.__name__.split(".")
        here = Path(file).parent
        packages = len(parts) if hasattr(module, "__path__") else len(parts) - 1
        target = self.folder.joinpath(*parts[:packages])
        target.mkdir(parents=True, exist_ok=True)
        for other in sorted(here.glob("*.py")):
            if other.name != CELLS:
                shutil.copyfile(other, target / other.name)


def namespace_of(value: Any) -> dict[str, Any]:
    """The globals that a function reads; of a class, those of its methods, or of its module."""
    for function in [value, *vars(value).values()] if isinstance(value, type) else [value]:
        plain = getattr(inspect.unwrap(function), "__func__", function) if callable(function) else function
        if isinstance(plain, types.FunctionType) and plain.__module__ == value.__module__:
            return plain.__globals__
    return vars(sys.modules.get(value.__module__, types.ModuleType("")))


def source_of(value: Any) -> str | None:
    """A definition's lines, from wherever Python remembers them; None if it does not."""
    try:
        return textwrap.dedent(inspect.getsource(value))
    except (OSError, TypeError):
        pass
    for function in vars(value).values() if isinstance(value, type) else []:
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        if isinstance(code, types.CodeType):
            lines = linecache.getlines(code.co_filename)
            for first, last in classes_in("".join(lines), value.__name__):
                if first <= code.co_firstlineno <= last:
                    return textwrap.dedent("".join(lines[first - 1 : last]))
    return None


def classes_in(text: str, name: str) -> Iterator[tuple[int, int]]:
    """First and last line of each class of this name, decorators included."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            yield min([node.lineno, *(each.lineno for each in node.decorator_list)]), node.end_lineno or node.lineno


def names_read(source: str) -> list[str]:
    nodes = ast.walk(ast.parse(source))
    return list(dict.fromkeys(node.id for node in nodes if isinstance(node, ast.Name)))


def written_out(value: Any) -> str | None:
    """A plain value or an array as source text; None for anything else."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf" and value.size <= MOST_NUMBERS:
        return f"__import__('numpy').array({value.tolist()!r}, dtype={value.dtype.str!r}).reshape({value.shape})"
    text = repr(value)
    try:
        return text if ast.literal_eval(text) == value else None
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
