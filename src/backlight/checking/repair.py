"""The line that carries a mistake, found by mending it: edits of lines that ran, tried until the numbers are right."""

import ast
import difflib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from backlight.checking.binding import limited
from backlight.checking.edit_families import families_for
from backlight.checking.edits import Edit, Family, Site, sites, together
from backlight.checking.program import FOLDER, Program, code_of
from backlight.checking.source import Sources, definitions, is_definition
from backlight.checking.subject import Subject

Accept = Callable[[Subject], bool]
TRY_SECONDS = 0.15  # for one edit; some make a loop endless


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


class Workshop:
    """Tries edits quickly: only the edited definition is compiled anew, the others are executed again from memory."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.compiled: dict[str, list[tuple[ast.stmt, CodeType]]] = {}
        for file, text in program.sources.texts.items():
            if file in program.trees:
                kept = [s for s in definitions(program.trees[file], text, file) if is_definition(s)]
                self.compiled[file] = [(s, code_of(s, file, program.trees[file])) for s in kept]

    def namespace(self, file: str) -> dict[str, Any]:
        if file == self.program.sources.main:
            return self.program.namespace
        name = next(name for name, other in self.program.modules.items() if other == file)
        return vars(sys.modules[name])

    def tried(self, edit: Edit, subject: Subject, accept: Accept) -> bool:
        """Whether the subject, made anew with this edit, is accepted. The program is afterwards as it was."""
        if edit.file != self.program.sources.main:
            return self.tried_whole(edit, subject, accept)
        namespace = self.namespace(edit.file)
        text = self.program.sources.texts[edit.file]
        try:
            code = self.edited(edit, text)
            if code is None:
                return self.tried_whole(edit, subject, accept)
            index, changed = code
            self.execute(edit.file, namespace, index, changed)
            with limited(TRY_SECONDS):
                return accept(subject.rebuilt(self.program))
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException:  # an edit may make the code do anything
            return False
        finally:
            self.execute(edit.file, namespace, None, None)

    def edited(self, edit: Edit, text: str) -> tuple[int, CodeType] | None:
        """The edited definition compiled; None if the edit reaches beyond one."""
        for index, (statement, _) in enumerate(self.compiled[edit.file]):
            first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
            last = statement.end_lineno or first
            if all(first <= piece.line <= last + 1 for piece in edit.pieces):
                lines = text.splitlines(keepends=True)
                start = sum(map(len, lines[: first - 1]))
                end = start + sum(map(len, lines[first - 1 : last]))
                after = edit.applied(text)
                tree = ast.parse(after[start : end + len(after) - len(text)])
                ast.increment_lineno(tree, first - 1)
                whole = self.program.trees[edit.file]
                return (index, code_of(tree.body[0], edit.file, whole)) if len(tree.body) == 1 else None
        return None

    def execute(self, file: str, namespace: dict[str, Any], index: int | None, changed: CodeType | None) -> None:
        for number, (statement, code) in enumerate(self.compiled[file]):
            if isinstance(statement, ast.FunctionDef | ast.ClassDef):
                exec(changed if number == index and changed is not None else code, namespace)

    def tried_whole(self, edit: Edit, subject: Subject, accept: Accept) -> bool:
        """The slow way, with everything loaded anew: for files beside the checked one, and as the last proof."""
        try:
            text = self.program.sources.texts[edit.file]
            again = Program(self.program.sources.with_text(edit.file, edit.applied(text)))
            with limited(2.0):
                return accept(subject.rebuilt(again))
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException:
            return False


def candidates(
    program: Program,
    lines: Lines,
    families: Sequence[Family],
    likely: Callable[[str], float] = lambda line: 0.0,
    spread: bool = False,
) -> Iterator[Edit]:
    """Edits of executed statements, each once: one family after the other, each on the likely statements first.

    With `spread`, the same edit in several places comes before the same in one.
    """
    seen: set[tuple[str, int, int, str]] = set()
    found: list[Site] = []
    for file, numbers in lines.items():
        if file in program.trees:
            found += sites(file, program.sources.texts[file], program.trees[file], set(numbers))
    found.sort(key=lambda site: lines[site.file][site.statement.lineno])
    found.sort(key=lambda site: -likely(site.text(site.statement).split("\n")[0]))
    for family in families:
        edits = [edit for site in found for edit in family(site)]
        if spread:
            for file in lines:
                yield from together([e for e in edits if e.file == file], program.sources.texts.get(file, ""))
        for edit in edits:
            key = (edit.file, edit.start, edit.end, edit.text)
            if key not in seen:
                seen.add(key)
                yield edit


def mend(
    program: Program,
    subject: Subject,
    lines: Lines,
    mistake: str,
    likely: Callable[[str], float],
    spread: bool,
    accept: Accept,
    seconds: float,
) -> Edit | None:
    """The first edit that is accepted, those that usually mend such a mistake tried first; None if time runs out."""
    workshop = Workshop(program)
    end = time.monotonic() + seconds
    for edit in candidates(program, lines, families_for(mistake), likely, spread):
        if time.monotonic() > end:
            return None
        if workshop.tried(edit, subject, accept) and workshop.tried_whole(edit, subject, accept):
            return edit
    return None


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
    old, new = before.splitlines(), after.splitlines()
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
