"""The user's files as text and syntax trees, and their definitions as a namespace, without running the program."""

import ast
import re
import symtable
from dataclasses import dataclass, replace
from pathlib import Path

from backlight.errors import BacklightError


class CannotCheckError(BacklightError):
    """Why a file cannot be checked: one sentence, with the file's name and line where there is one."""

    def __init__(self, reason: str, file: str = "", line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.file = file
        self.line = line


@dataclass(frozen=True)
class Sources:
    """The text of the checked file and of the modules beside it.

    Attributes:
        main: name of the checked file, a key of `texts`.
        texts: file name, relative to the checked file's folder, to text.
    """

    main: str
    texts: dict[str, str]

    def with_text(self, file: str, text: str) -> "Sources":
        return replace(self, texts={**self.texts, file: text})


def read(path: Path, siblings: int = 100) -> Sources:
    """The file and at most `siblings` other Python files of its folder (one level of packages included)."""
    texts = {path.name: text_of(path)}
    others = sorted([*path.parent.glob("*.py"), *path.parent.glob("*/*.py")])[:siblings]
    for other in others:
        if other != path and not other.is_symlink() and other.stat().st_size < 1_000_000:
            try:
                texts[other.relative_to(path.parent).as_posix()] = text_of(other)
            except CannotCheckError:
                continue  # it may never be imported
    return Sources(path.name, texts)


def text_of(path: Path) -> str:
    """The file as text, as Python itself would decode it; notebooks as the code of their cells."""
    import tokenize

    try:
        if path.suffix == ".ipynb":
            return notebook_code(path)
        with tokenize.open(path) as file:
            return file.read()
    except FileNotFoundError:
        raise CannotCheckError(f"{path} does not exist", path.name) from None
    except (UnicodeDecodeError, SyntaxError) as error:
        raise CannotCheckError(
            f"{path.name} is not Python source text: it cannot be decoded ({error}); save it as UTF-8", path.name
        ) from None
    except OSError as error:
        raise CannotCheckError(f"{path.name} cannot be read: {error.strerror or error}", path.name) from None


def notebook_code(path: Path) -> str:
    """Code cells one after the other; lines that only a notebook understands become comments."""
    import json

    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError):
        raise CannotCheckError(f"{path.name} is not a notebook that can be read", path.name) from None
    return re.sub(r"^(\s*)([%!])", r"\1pass  # \2", "\n\n".join(code) + "\n", flags=re.MULTILINE)


LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def lines_of(text: str) -> list[str]:
    """Lines with their ends, as Python's parser counts them: a form feed, for one, is none."""
    return LINE.findall(text)


def parse(text: str, file: str) -> ast.Module:
    try:
        return ast.parse(text, file)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        message = getattr(error, "msg", None) or str(error)
        if "Missing parentheses in call to 'print'" in message or re.search(r"^\s*print\s+[^(=\s]", text, re.MULTILINE):
            reason = f"{file} is written for Python 2 (print without parentheses, line {line}); `2to3` translates it"
        else:
            reason = f"{file} is not valid Python: {message}" + (f" (line {line})" if line else "")
        raise CannotCheckError(reason, file, line) from None


def definitions(tree: ast.Module, text: str, file: str) -> list[ast.stmt]:
    """Top-level statements that functions and classes rest on: imports, definitions, and the globals they read.

    Training, plotting and questions at module level are left out, since nothing that is defined reads their results;
    so are loops that only change what a plain assignment has made, such as a training loop over global weights.
    """
    needed = globals_read(text, file)
    plain = set().union(*(bound_names(s) for s in tree.body if not isinstance(s, ast.For | ast.While | ast.AugAssign)))
    kept: list[ast.stmt] = []
    for statement in reversed(tree.body):  # backwards: what a kept assignment reads is needed in turn
        if is_definition(statement):
            kept.append(statement)
            needed |= names_read(statement) if not isinstance(statement, ast.FunctionDef) else header_names(statement)
        elif binds(statement, plain) & needed and not is_main_guard(statement):
            kept.append(statement)
            needed |= names_read(statement)
    return kept[::-1]


def binds(statement: ast.stmt, plain: set[str]) -> set[str]:
    """Names that are made here; a loop makes only those that no plain assignment does."""
    names = bound_names(statement)
    return names - plain if isinstance(statement, ast.For | ast.While) else names


def is_definition(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Try | ast.If) and not is_main_guard(statement):
        return any(isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef) for node in ast.walk(statement))
    return isinstance(statement, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)


def is_main_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and any(
        isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(statement.test)
    )


def globals_read(text: str, file: str) -> set[str]:
    """Names that functions and class bodies look up outside themselves."""
    found: set[str] = set()
    pending = list(symtable.symtable(text, file, "exec").get_children())
    while pending:
        table = pending.pop()
        pending.extend(table.get_children())
        found |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
    return found


def names_read(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}


def header_names(function: ast.FunctionDef) -> set[str]:
    """What a `def` reads when it is executed: decorators, defaults, annotations."""
    arguments = function.args
    annotations = [a.annotation for a in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]]
    parts = [*function.decorator_list, *arguments.defaults, *arguments.kw_defaults, *annotations, function.returns]
    return set().union(*(names_read(part) for part in parts if part is not None))


def bound_names(statement: ast.stmt) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
