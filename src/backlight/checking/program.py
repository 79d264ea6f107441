"""The user's definitions, executed: classes and functions to call, each with its place in the text."""

import __future__

import ast
import importlib.abc
import importlib.machinery
import inspect
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any

from backlight.checking.binding import TooLongError, limited
from backlight.checking.lazy import postponed
from backlight.checking.source import CannotCheckError, Sources, definitions, parse

MAIN = "__checked__"
LOAD_SECONDS = 20.0  # for one statement; imports of large packages take some
FOLDER = "/checked/"  # file names in code objects; nothing stands there


class Program:
    """A namespace made of `Sources`; `Program(sources.with_text(...))` is the same with a patch.

    Attributes:
        sources: the texts.
        trees: syntax tree of each file that was executed.
        namespace: the checked file's globals.
        missing: names that an import should have bound, with the sentence that says why it did not.
    """

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.trees: dict[str, ast.Module] = {}
        self.missing: dict[str, CannotCheckError] = {}
        self.modules: dict[str, str] = {module_name(file): file for file in sources.texts if file != sources.main}
        module = types.ModuleType(MAIN)
        module.__file__, module.__package__ = FOLDER + sources.main, ""
        self.namespace: dict[str, Any] = module.__dict__
        with self.importable():
            sys.modules[MAIN] = module
            self.execute(sources.main, self.namespace)

    def execute(self, file: str, namespace: dict[str, Any]) -> None:
        """Statement by statement: one that fails does not take the others with it."""
        text = self.sources.texts[file]
        tree = self.trees[file] = absolute(parse(text, file)) if "/" not in file else parse(text, file)
        for statement in definitions(tree, text, file):
            later = postponed(statement)
            if later is not None:
                namespace.update(later)
                continue
            code = code_of(statement, file, tree)
            try:
                with limited(LOAD_SECONDS):
                    exec(code, namespace)  # the user's own definitions, in a process of their own
            except CannotCheckError:
                raise
            except (Exception, TooLongError, SystemExit) as error:
                self.note_missing(statement, error, file)

    def note_missing(self, statement: ast.stmt, error: BaseException, file: str) -> None:
        if isinstance(error, ImportError):
            what = f"imports {error.name}, which is not installed here" if error.name else outside(statement)
        else:
            what = f"fails where it is loaded: {type(error).__name__}: {error}"
        reason = CannotCheckError(f"{file} {what} (line {statement.lineno})", file, statement.lineno)
        for node in ast.walk(statement):
            if isinstance(node, ast.alias):
                self.missing[node.asname or node.name.split(".")[0]] = reason
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self.missing[node.id] = reason
        if isinstance(statement, ast.ClassDef | ast.FunctionDef):
            self.missing[statement.name] = reason

    @contextmanager
    def importable(self) -> Iterator[None]:
        """Modules that stand beside the checked file are imported from their texts, definitions only."""
        finder = SiblingFinder(self)
        sys.meta_path.insert(0, finder)
        for name in self.modules:
            sys.modules.pop(name, None)
        try:
            yield
        finally:
            sys.meta_path.remove(finder)

    def defined(self, kind: type) -> dict[str, Any]:
        """Classes or functions of the user's own files that the checked file knows by name: its own, then imported."""
        files = {name: self.file_of(value) for name, value in self.namespace.items() if isinstance(value, kind)}
        known = [name for name, file in files.items() if file is not None]
        return {name: self.namespace[name] for name in sorted(known, key=lambda name: files[name] != self.sources.main)}

    def classes(self) -> dict[str, type]:
        return self.defined(type)

    def functions(self) -> dict[str, Callable[..., Any]]:
        return self.defined(types.FunctionType)

    def file_of(self, value: Any) -> str | None:
        module = sys.modules.get(getattr(value, "__module__", None) or "")
        file = getattr(module, "__file__", None) or ""
        if module is not None and module.__name__ == MAIN:
            return self.sources.main
        return file.removeprefix(FOLDER) if file.startswith(FOLDER) else None

    def node_of(self, function: Callable[..., Any]) -> ast.FunctionDef | None:
        """The `def` of a function or method of the user's."""
        code = getattr(inspect.unwrap(function), "__code__", None)
        if code is None or not code.co_filename.startswith(FOLDER):
            return None
        tree = self.trees.get(code.co_filename.removeprefix(FOLDER))
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                if first == code.co_firstlineno:
                    return node
        return None


def code_of(statement: ast.stmt, file: str, tree: ast.Module) -> types.CodeType:
    """One statement of a file as code, under the file's imports from `__future__`."""
    part = ast.Module([statement], [])
    code: types.CodeType = compile(part, FOLDER + file, "exec", flags=future_flags(tree), dont_inherit=True)
    return code


def future_flags(tree: ast.Module) -> int:
    wanted = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    flags = 0
    for name in (alias.name for node in wanted for alias in node.names):
        flags |= getattr(__future__, name).compiler_flag
    return flags


class Rooted(ast.NodeTransformer):
    """`from .base import Net` as `from base import Net`, `from . import base` as `import base`."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:  # the method's name is that of the node's class
        if node.level != 1:
            return node
        if node.module:
            return ast.copy_location(ast.ImportFrom(node.module, node.names, 0), node)
        return ast.copy_location(ast.Import(node.names), node)


def absolute(tree: ast.Module) -> ast.Module:
    """A file of the checked file's own folder, in which files import each other as if it were no package."""
    rooted: ast.Module = Rooted().visit(tree)
    return rooted


def outside(statement: ast.stmt) -> str:
    """What is imported by dots that lead out of the checked file's folder."""
    nodes = (node for node in ast.walk(statement) if isinstance(node, ast.ImportFrom) and node.level)
    module = next((f"{'.' * node.level}{node.module or ''}" for node in nodes), "a module")
    return f"imports {module}, which does not stand in its folder"


class SiblingFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, program: Program) -> None:
        self.program = program

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if fullname in self.program.modules:
            file = self.program.modules[fullname]
            package = file.endswith("__init__.py")
            spec = importlib.machinery.ModuleSpec(fullname, self, origin=FOLDER + file, is_package=package)
            spec.has_location = True
            return spec
        folders = {str(PurePosixPath(file).parent) for file in self.program.modules.values()} - {"."}
        if fullname in folders:  # a folder of modules without __init__.py
            return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        if module.__name__ in self.program.modules:
            self.program.execute(self.program.modules[module.__name__], module.__dict__)


def module_name(file: str) -> str:
    parts = PurePosixPath(file).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def user_line(error: BaseException) -> tuple[str, int] | None:
    """File and line of the innermost frame that is the user's own."""
    trace, found = error.__traceback__, None
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name.startswith(FOLDER):
            found = (name.removeprefix(FOLDER), trace.tb_lineno)
        trace = trace.tb_next
    return found
