"""Where a script trains: the statements of one round, and everything that was made before it."""

import ast
import copy
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from backlight.checking.construct import Maker
from backlight.checking.layers import methods
from backlight.checking.program import Program
from backlight.checking.rehearsal import called, execute, first_round, perform, sample_names, trains
from backlight.checking.roles import BACKWARD, LOSS, is_called, roles_of

DEPTH = 4  # of functions that call one another
SHOWS = re.compile(
    r"print|plot\w*|show|savefig|input|figure|scatter|legend|title|[xy]label|imshow|close|pause|write|save"
)
DATA = re.compile(
    r"x\w?|y\w?|t|dat[aeo]\w*|dados|donnees|muestras|ejemplos|exemples?|examples?|beispiele|veri\w*|"
    r".*(train|batch|perm|order|idx|ind(ex|ices)|label|target|input|sample|pairs|shuffl).*",
    re.IGNORECASE,
)
COUNTS = ("range", "xrange", "trange", "tqdm", "count", "arange")
NOT_TRAINING = "|".join((BACKWARD, LOSS, r"_*(predict|forward|feed_?forward|evaluate|accuracy|score|test|plot)\w*"))


@dataclass(frozen=True)
class Round:
    """One round of a training loop.

    Attributes:
        variables: the namespace in which it runs, filled by what stands before the loop.
        statements: of the loop's body, inner loops over batches or samples unrolled to their first round.
        shown: the loop and what follows it as they stand, where losses may be computed only to be printed.
    """

    variables: dict[str, Any]
    statements: tuple[ast.stmt, ...]
    shown: tuple[ast.stmt, ...]


@dataclass(frozen=True)
class Walk:
    """Goes through a script in its order, on the samples of `maker`."""

    program: Program
    maker: Maker

    def rounds(self) -> Iterator[Round]:
        """Of each training loop that the script reaches; else of those in functions that it never calls."""
        tree = self.program.trees[self.program.sources.main]
        outside = [
            s for s in tree.body if not isinstance(s, ast.ClassDef | ast.FunctionDef | ast.Import | ast.ImportFrom)
        ]
        found = False
        for one in self.through(outside, self.program.namespace, 0):
            found = True
            yield one
        for name, function in self.program.functions().items() if not found else ():
            if self.has_training_loop(self.program.node_of(function)):
                for arguments in self.maker.calls(function, name):
                    yield from self.inside(function, arguments, 0)
                    break

    def through(self, statements: Sequence[ast.stmt], variables: dict[str, Any], depth: int) -> Iterator[Round]:
        for index, statement in enumerate(statements):
            if isinstance(statement, ast.If | ast.With | ast.Try):
                yield from self.through(branch(statement, variables), variables, depth)
            elif is_training_loop(statement):
                yield Round(variables, tuple(unrolled(statement)), (statement, *statements[index + 1 :]))
                if not trains(statement):  # it only made samples
                    execute(statement, variables)
            elif isinstance(statement, ast.For | ast.While) and self.mentions_training(statement):
                for first in first_round(statement):
                    execute(first, variables)
                yield from self.through(statement.body, variables, depth)
            else:
                found = False
                for one in () if sample_names(statement) else self.at_calls(statement, variables, depth):
                    found = True
                    yield one
                if not found:  # else it would train, and take its time
                    perform(statement, variables, self.maker)

    def at_calls(self, statement: ast.stmt, variables: dict[str, Any], depth: int) -> Iterator[Round]:
        """Training loops inside of functions that this statement calls."""
        for call in [node for node in ast.walk(statement) if isinstance(node, ast.Call)] if depth < DEPTH else ():
            inner = [called(part) for part in ast.walk(call.func) if isinstance(part, ast.Call)]
            if not set(inner) <= set(self.program.classes()):
                continue  # to look it up would already do something
            with suppress(Exception):
                function = evaluated(call.func, variables)
                if self.mentions_training(self.program.node_of(function)) and not is_called(NOT_TRAINING, called(call)):
                    yield from self.inside(function, self.arguments(call, function, variables), depth + 1)

    def inside(self, function: Callable[..., Any], arguments: dict[str, Any], depth: int) -> Iterator[Round]:
        node = self.program.node_of(function)
        plain = inspect.unwrap(getattr(function, "__func__", function))
        defaults = {
            name: parameter.default
            for name, parameter in inspect.signature(plain).parameters.items()
            if parameter.default is not parameter.empty
        }
        variables = {**plain.__globals__, **closed_over(plain), **defaults, **arguments}
        if node is not None:
            yield from self.through(node.body, variables, depth)

    def arguments(self, call: ast.Call, function: Callable[..., Any], variables: dict[str, Any]) -> dict[str, Any]:
        """What the call hands over; samples and labels as the check has them."""
        signature = inspect.signature(function)
        starred = [node for node in call.args if isinstance(node, ast.Starred)]
        given = [] if starred else [evaluated(node, variables) for node in call.args]
        named = {word.arg: evaluated(word.value, variables) for word in call.keywords if word.arg}
        bound = signature.bind(*given, **named)
        bound.apply_defaults()
        found = dict(bound.arguments)
        assert self.maker.feed is not None
        for name in found:
            if roles_of(name)[:1] in (("input",), ("labels",)) and (len(name) > 1 or name in "xXyYtT"):
                found[name] = self.maker.feed.inputs() if "input" in roles_of(name)[:1] else self.maker.feed.labels()
        owner = getattr(function, "__self__", None)
        node = self.program.node_of(function)
        return {node.args.args[0].arg: owner, **found} if owner is not None and node is not None else found

    def mentions_training(self, node: ast.AST | None) -> bool:
        """Whether there is a training loop in it, or a call of a function of the program that has one."""
        if node is None:
            return False
        names = {called(part) for part in ast.walk(node) if isinstance(part, ast.Call)}
        return self.has_training_loop(node) or bool(names & self.training_functions())

    def training_functions(self) -> set[str]:
        functions = [(name, function) for name, function in self.program.functions().items()]
        for kind in self.program.classes().values():
            functions += [(name, getattr(kind, name)) for name in methods(kind)]
        return {
            name
            for name, function in functions
            if not is_called(NOT_TRAINING, name) and self.has_training_loop(self.program.node_of(function))
        }

    def has_training_loop(self, node: ast.AST | None) -> bool:
        return node is not None and any(is_training_loop(part) for part in ast.walk(node))


def branch(statement: ast.If | ast.With | ast.Try, variables: dict[str, Any]) -> list[ast.stmt]:
    if isinstance(statement, ast.If) and "__name__" not in ast.unparse(statement.test):
        with suppress(Exception):
            return statement.body if evaluated(statement.test, variables) else statement.orelse
    return statement.body


def evaluated(node: ast.expr, variables: dict[str, Any]) -> Any:
    return eval(compile(ast.Expression(node), "<script>", "eval"), variables)  # the user's own expression


def closed_over(function: Callable[..., Any]) -> dict[str, Any]:
    cells: Sequence[Any] = getattr(function, "__closure__", None) or ()
    names = function.__code__.co_freevars
    return {name: cell.cell_contents for name, cell in zip(names, cells, strict=True)}


def is_training_loop(node: ast.AST) -> bool:
    """A loop over epochs, batches or samples; not one over layers, whose index or object is used for nothing else."""
    if isinstance(node, ast.While):
        return True
    if not isinstance(node, ast.For):
        return False
    if re.search(r"permut|shuffl|batch|randint|choice", ast.unparse(node.iter), re.IGNORECASE):
        return True
    own = {part.id for part in ast.walk(node.target) if isinstance(part, ast.Name)}
    inside = [part for statement in node.body for part in ast.walk(statement)]
    if any(isinstance(part, ast.Slice) and part.lower is not None and own & names_in(part.lower) for part in inside):
        return True  # X[i:i + 32]
    for part in inside:
        if isinstance(part, ast.Subscript) and own & names_in(part.slice) and not DATA.fullmatch(last_name(part.value)):
            return False
        if isinstance(part, ast.Attribute) and getattr(part.value, "id", None) in own and not is_data(node.iter):
            return False
        if isinstance(part, ast.Call) and getattr(part.func, "id", None) in own:
            return False
    counts = isinstance(node.iter, ast.Call) and called(node.iter) in COUNTS
    works = any(isinstance(part, ast.Call | ast.AugAssign) for part in inside)
    return works and (counts or is_data(node.iter))


def is_data(node: ast.expr) -> bool:
    """Whether an iterable is made of samples or batches: `zip(X, y)`, `batches(X, y, 32)`, `training_data`."""
    return any(DATA.fullmatch(name) for name in names_in(node))


def names_in(node: ast.AST) -> set[str]:
    found = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return found | {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}


def last_name(node: ast.expr) -> str:
    return str(getattr(node, "id", getattr(node, "attr", "")))


def unrolled(loop: ast.AST) -> Iterator[ast.stmt]:
    """The loop's body once, and of loops over batches or samples in it the first round; what only shows is left out."""
    assert isinstance(loop, ast.For | ast.While)
    yield from first_round(loop)
    for statement in loop.body:
        if is_training_loop(statement):
            yield from unrolled(statement)
        elif not shows(statement):
            yield ast.fix_missing_locations(WithoutJumps().visit(copy.deepcopy(statement)))


def shows(statement: ast.stmt) -> bool:
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and SHOWS.fullmatch(called(call)) is not None


class WithoutJumps(ast.NodeTransformer):
    """`break`, `continue` and `return`, which have no meaning outside of their loop, become `pass`."""

    def visit_For(self, node: ast.For) -> ast.AST:
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        return ast.copy_location(ast.Pass(), node)

    def visit_Break(self, node: ast.Break) -> ast.AST:
        return ast.copy_location(ast.Pass(), node)

    # a visitor's method for one kind of node serves others, whose types the stubs name one by one
    visit_FunctionDef = visit_Lambda = visit_While = visit_For  # type: ignore[assignment]  # see above
    visit_Continue = visit_Break  # type: ignore[assignment]  # see above
