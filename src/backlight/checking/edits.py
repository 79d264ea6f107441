"""A small edit of source text, and the statement it is made in.

Edits are of the text between two positions, so formatting and comments stay as they are. They know nothing of
mistakes: which edit mends is found out by trying (`repair`).
"""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from backlight.checking.roles import roles_of
from backlight.checking.source import lines_of


@dataclass(frozen=True)
class Edit:
    """Replace text[start:end] of a file by `text`.

    Attributes:
        line: of the edited expression.
        also: the same edit in other places.
        kind: what counts as the same edit, where the texts differ.
    """

    file: str
    start: int
    end: int
    text: str
    line: int
    also: tuple["Edit", ...] = ()
    kind: str = ""

    @property
    def pieces(self) -> tuple["Edit", ...]:
        return (self, *self.also)

    def applied(self, source: str) -> str:
        for piece in sorted(self.pieces, key=lambda piece: -piece.start):
            source = source[: piece.start] + piece.text + source[piece.end :]
        return source

    def operation(self, source: str) -> tuple[str, str]:
        """What is replaced by what, whatever the layer's number: the same for W1 → W1.T and W2 → W2.T."""
        if self.kind:
            return self.kind, ""
        return unnumbered(source[self.start : self.end]), unnumbered(self.text)


def unnumbered(text: str) -> str:
    """Without layers' numbers; X counts as the activation of layer 0."""
    return re.sub(r"\b(self\.)?[XxAah]\d*\b", "A", re.sub(r"\d+", "#", text).replace("#", ""))


def together(edits: Sequence[Edit], source: str) -> list[Edit]:
    """The same operation in every place where it is possible, as one edit; only what has more than one place."""
    groups: dict[tuple[str, str], list[Edit]] = {}
    for edit in edits:
        groups.setdefault(edit.operation(source), []).append(edit)
    found = []
    for group in groups.values():
        apart = [group[0]]
        for edit in sorted(group[1:], key=lambda edit: edit.start):
            if all(edit.end <= other.start or edit.start >= other.end for other in apart):
                apart.append(edit)
        if len(apart) > 1:
            found.append(replace(apart[0], also=tuple(apart[1:])))
    return found


@dataclass(frozen=True)
class Site:
    """A statement that was executed, and what stands around it.

    Attributes:
        statement: the statement.
        function: the function it belongs to.
        block: the statements it stands among.
        source: the whole text.
        starts: offset of each line.
    """

    file: str
    statement: ast.stmt
    function: ast.FunctionDef
    block: Sequence[ast.stmt]
    source: str
    starts: tuple[int, ...]

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        first, last = node.lineno, node.end_lineno or node.lineno
        return (
            self.starts[first - 1] + self.column(first, node.col_offset),
            self.starts[last - 1] + self.column(last, node.end_col_offset or 0),
        )

    def column(self, line: int, offset: int) -> int:
        """Characters before a column that the parser counts in UTF-8 bytes."""
        text = self.source[self.starts[line - 1] : self.starts[line] if line < len(self.starts) else None]
        return len(text.encode()[:offset].decode(errors="ignore"))

    def text(self, node: ast.expr | ast.stmt) -> str:
        start, end = self.span(node)
        return self.source[start:end]

    def replace(self, node: ast.expr | ast.stmt, text: str) -> Edit:
        start, end = self.span(node)
        enclosed = self.source[start - 1 : start] == "(" and self.source[end : end + 1] == ")"
        return Edit(self.file, start, end, text[1:-1] if enclosed and is_bracketed(text) else text, node.lineno)

    def bracketed(self, node: ast.expr) -> str:
        """The text of an operand, in brackets where it is not one name, call or number."""
        text = self.text(node)
        return (
            text
            if isinstance(node, ast.Name | ast.Call | ast.Attribute | ast.Subscript | ast.Constant)
            else f"({text})"
        )

    @property
    def value(self) -> ast.expr | None:
        """The right-hand side, or what is returned."""
        if isinstance(self.statement, ast.Assign | ast.AugAssign | ast.Return | ast.AnnAssign):
            return self.statement.value
        call = self.statement.value if isinstance(self.statement, ast.Expr) else None
        return call.args[0] if isinstance(call, ast.Call) and call.args else None  # grads.append(…)

    def expressions(self) -> Iterator[ast.expr]:
        """Every expression of the statement itself, not of statements inside it."""
        for field, child in ast.iter_fields(self.statement):
            if field in ("body", "orelse", "finalbody", "handlers"):
                continue
            for node in child if isinstance(child, list) else [child]:
                if isinstance(node, ast.AST):
                    yield from (part for part in ast.walk(node) if isinstance(part, ast.expr))

    def names(self) -> list[str]:
        """Variables, attributes and keyed values of the function, as they are written; nothing that is called."""
        found: dict[str, None] = {}
        for argument in self.function.args.args:
            if argument.arg != "self":
                found[argument.arg] = None
        called = {id(node.func) for node in ast.walk(self.function) if isinstance(node, ast.Call)}
        for node in ast.walk(self.function):
            if id(node) in called:
                continue
            if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and not self.is_method_or_module(node):
                found[self.text(node)] = None
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.UnaryOp):  # zs[-l] suggests zs[-1] too
                found[f"{self.text(node.value)}[-1]"] = None
        return list(found)

    def is_method_or_module(self, node: ast.expr) -> bool:
        text = self.text(node)
        return text in ("np", "numpy", "self", "range", "len") or text.startswith(("np.", "numpy.")) or len(text) > 30


Family = Callable[[Site], Iterator[Edit]]


@lru_cache(maxsize=16)
def parsed(source: str) -> ast.Module:
    """The syntax tree of a text, which many families look at for each of its statements."""
    return ast.parse(source)


def is_bracketed(text: str) -> bool:
    """Whether the first bracket of a text is closed by its last character: (a + b), but not (a) + (b)."""
    depth = 0
    for index, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return index == len(text) - 1 and text[:1] == "("
    return False


def stepped(index: str, step: int) -> str:
    """An index one further, as one writes it: i → i + 1, i + 1 → i, -l → -l + 1, -2 → -1."""
    found = re.fullmatch(r"(?:(.*\S)\s*([+-])\s*|(-?))(\d+)", index)
    base, number = (found[1], int((found[2] or found[3] or "") + found[4])) if found else (index, 0)
    number += step
    if not base:
        return str(number)
    return base if number == 0 else f"{base} {'+' if number > 0 else '-'} {abs(number)}"


def is_read(node: ast.expr) -> bool:
    return isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Load)


def samples(site: Site) -> list[str]:
    """Expressions that may be the number of samples: m, N, len(X), X.shape[0], y.shape[1]."""
    plain = [name for name in site.names() if "samples" in roles_of(name) and "[" not in name]
    arguments = [a.arg for a in site.function.args.args if {"input", "labels", "outputs"} & set(roles_of(a.arg))]
    attributes = [
        name for name in site.names() if name.startswith("self.") and {"input", "labels"} & set(roles_of(name[5:]))
    ]
    return [
        *plain,
        *(f"{a}.shape[{axis}]" for a in [*arguments, *attributes][:3] for axis in (0, 1)),
        *(f"len({a})" for a in arguments[:2]),
    ]


def is_key(node: ast.Subscript) -> bool:
    return isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)


def is_named(call: ast.Call, name: str) -> bool:
    return getattr(call.func, "attr", getattr(call.func, "id", "")) == name


def file_names(site: Site) -> list[str]:
    found: dict[str, None] = dict.fromkeys(a.arg for a in site.function.args.args)
    for node in ast.walk(parsed(site.source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
            found[f"self.{node.attr}"] = None
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.col_offset == 0:
            found[node.id] = None
    return list(found)


def attainable(site: Site) -> list[str]:
    """Names of the function, then what else its object holds."""
    return list(dict.fromkeys([*site.names(), *(name for name in file_names(site) if name.startswith("self."))]))


def line_starts(source: str) -> tuple[int, ...]:
    starts = [0]
    for line in lines_of(source):
        starts.append(starts[-1] + len(line))
    return tuple(starts)


def sites(file: str, source: str, tree: ast.Module, lines: set[int]) -> list[Site]:
    """Statements of functions that stand on these lines, the last first: near the loss, where most mistakes are."""
    starts = line_starts(source)
    found: list[Site] = []

    def visit(block: list[ast.stmt], function: ast.FunctionDef | None) -> None:
        for statement in block:
            owner = statement if isinstance(statement, ast.FunctionDef) else function
            if owner is not None and owner is not statement and statement.lineno in lines:
                found.append(Site(file, statement, owner, block, source, starts))
            for field in ("body", "orelse", "finalbody"):
                inner = getattr(statement, field, None)
                if isinstance(inner, list):
                    visit(inner, owner)

    visit(tree.body, None)
    lambdas = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda) and node.body.lineno in lines]
    return [*found, *(lambda_site(file, node, source, starts) for node in lambdas)]


def lambda_site(file: str, node: ast.Lambda, source: str, starts: tuple[int, ...]) -> Site:
    """The body of a lambda as the one `return` of a function."""
    body = ast.copy_location(ast.Return(node.body), node.body)
    function = ast.FunctionDef("lambda", node.args, [body], [])
    return Site(file, body, function, [body], source, starts)
