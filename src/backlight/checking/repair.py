"""The line that carries a mistake, found by mending it: edits of lines that ran, tried until the numbers are right."""

import ast
import difflib
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from backlight.checking.binding import limited
from backlight.checking.edits import Edit, line_starts
from backlight.checking.program import FOLDER, Program, code_of, future_flags
from backlight.checking.source import Sources, definitions, lines_of
from backlight.checking.subject import Subject

Accept = Callable[[Subject], bool]
TRY_SECONDS = 0.25  # for one edit; some make a loop endless


Lines = dict[str, dict[int, int]]  # file → line → when it ran first


def executed_lines(call: Callable[[], Any]) -> Lines:
    """Lines of the user's files that a call runs through, and in which order."""
    found: Lines = {}

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        name = frame.f_code.co_filename
        if not name.startswith(FOLDER):
            return None
        if event == "line":
            lines = found.setdefault(name.removeprefix(FOLDER), {})
            lines.setdefault(frame.f_lineno, sum(map(len, found.values())))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with suppress(Exception):
            call()
    finally:
        sys.settrace(before)
    return found


@dataclass(frozen=True)
class Part:
    """A top-level statement that others rest on, compiled, and where it stands in the text."""

    statement: ast.stmt
    code: CodeType
    flags: int
    first: int
    start: int
    end: int

    def edited(self, edit: Edit, text: str, file: str) -> CodeType:
        """The statement with those pieces of the edit that lie in it, compiled."""
        inside = text[self.start : self.end]
        for piece in sorted(self.pieces(edit), key=lambda piece: -piece.start):
            inside = inside[: piece.start - self.start] + piece.text + inside[piece.end - self.start :]
        tree = ast.parse(inside)
        ast.increment_lineno(tree, self.first - 1)
        code: CodeType = compile(tree, FOLDER + file, "exec", flags=self.flags, dont_inherit=True)
        return code

    def pieces(self, edit: Edit) -> list[Edit]:
        return [piece for piece in edit.pieces if self.start <= piece.start and piece.end <= self.end]


class Workshop:
    """Tries edits quickly: only the edited definitions are compiled anew, the others are executed again from memory."""

    def __init__(self, program: Program) -> None:
        self.program = program
        main = program.sources.main
        tree = program.trees[main]
        flags = future_flags(tree)
        text = program.sources.texts[main]
        starts = line_starts(text)
        self.parts: list[Part] = []
        for statement in definitions(tree, text, main):
            if isinstance(statement, ast.FunctionDef | ast.ClassDef) or is_table(statement):
                first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
                last = statement.end_lineno or first
                code = code_of(statement, main, tree)
                self.parts.append(Part(statement, code, flags, first, starts[first - 1], starts[last]))

    def tried(self, edit: Edit, subject: Subject, accept: Accept) -> bool:
        """Whether the subject, made anew with this edit, is accepted. The program is afterwards as it was."""
        text = self.program.sources.texts[edit.file]
        if edit.file != self.program.sources.main or not self.reaches(edit):
            return self.tried_whole(edit, subject, accept)
        try:
            self.execute({id(part): part.edited(edit, text, edit.file) for part in self.parts if part.pieces(edit)})
            with limited(TRY_SECONDS, firm=True):
                return accept(subject.rebuilt(self.program))
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException:  # an edit may make the code do anything
            return False
        finally:
            self.execute({})

    def reaches(self, edit: Edit) -> bool:
        """Whether every piece of an edit lies in a definition."""
        return sum(len(part.pieces(edit)) for part in self.parts) == len(edit.pieces)

    def execute(self, changed: dict[int, CodeType]) -> None:
        for part in self.parts:
            exec(changed.get(id(part), part.code), self.program.namespace)

    def tried_whole(self, edit: Edit, subject: Subject, accept: Accept) -> bool:
        """The slow way, with everything loaded anew: for files beside the checked one, and as the last proof."""
        try:
            text = self.program.sources.texts[edit.file]
            again = Program(self.program.sources.with_text(edit.file, edit.applied(text)))
            with limited(2.0, firm=True):
                return accept(subject.rebuilt(again))
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException:
            return False


def is_table(statement: ast.stmt) -> bool:
    """A lambda, or a collection of functions: made of names and lambdas alone, so that it is remade at no cost."""
    if not isinstance(statement, ast.Assign):
        return False
    value = statement.value
    parts = value.values if isinstance(value, ast.Dict) else getattr(value, "elts", [value])
    inner = [p for part in parts for p in (part.elts if isinstance(part, ast.Tuple | ast.List) else [part])]
    return all(isinstance(part, ast.Lambda | ast.Name | ast.Attribute) for part in inner) and bool(inner)


@dataclass(frozen=True)
class Change:
    """An edit as a reader sees it: whole lines before and after, and a unified diff."""

    file: str
    line: int
    before: str
    after: str
    diff: str


def shown(sources: Sources, edit: Edit) -> Change:
    before = sources.texts[edit.file]
    after = edit.applied(before)
    old, new = ([line.rstrip("\r\n") for line in lines_of(text)] for text in (before, after))
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    tail = 0
    while tail < min(len(old), len(new)) - start and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    diff = "\n".join(difflib.unified_diff(old, new, edit.file, edit.file, lineterm="", n=1))
    return Change(
        edit.file, start + 1, "\n".join(old[start : len(old) - tail]), "\n".join(new[start : len(new) - tail]), diff
    )
