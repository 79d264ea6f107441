"""Whether a program hands over samples one by one: seen in the loops that call its functions."""

import ast
import re
from collections.abc import Iterator

from backlight.checking.layers import LAYER_FORWARD
from backlight.checking.own_code import OwnCode
from backlight.checking.program import Program
from backlight.checking.roles import BACKWARD, is_called
from backlight.checking.subject import Subject


def one_by_one(program: Program, subject: Subject) -> bool:
    """Whether a loop of the program hands single samples to the functions that were found."""
    if not isinstance(subject, OwnCode):  # any call of layers counts, but for those that layers make themselves
        return any(loop_hands_samples(node, None) for node in loops(program, rf"{LAYER_FORWARD}|{BACKWARD}"))
    steps = (subject.recipe.forward, subject.recipe.loss, subject.recipe.backward)
    names = {step.reference.name for step in steps if step}
    return any(loop_hands_samples(node, names) for node in loops(program))


def loops(program: Program, outside: str = "") -> Iterator[ast.For]:
    """All loops, but for those in functions of such names."""
    pending: list[ast.AST] = list(program.trees.values())
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef) and is_called(outside, node.name):
            continue
        if isinstance(node, ast.For):
            yield node
        pending.extend(ast.iter_child_nodes(node))


def loop_hands_samples(loop: ast.For, functions: set[str] | None) -> bool:
    """`for x, t in …: f(x, t)` or `for i in …: f(X[i], …)`, also by way of `x = X[i:i + 1]`; batches aside."""
    bound = {node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
    bound = {name for name in bound if not re.search(r"batch|mini|_?mb$|[xy]_?b$", name, re.IGNORECASE)}
    pairs = isinstance(loop.target, ast.Tuple) and len(bound) > 1
    single = {
        node.id
        for assign in ast.walk(loop)
        if isinstance(assign, ast.Assign) and picks_one(assign.value, bound)
        for target in assign.targets
        for node in ast.walk(target)
        if isinstance(node, ast.Name)
    }
    for call in (node for node in ast.walk(loop) if isinstance(node, ast.Call)):
        name = getattr(call.func, "id", getattr(call.func, "attr", None))
        if functions is not None and name not in functions:
            continue
        arguments = [*call.args, *(word.value for word in call.keywords)]
        names = {argument.id for argument in arguments if isinstance(argument, ast.Name)}
        if (pairs and names & bound) or names & single or any(picks_one(a, bound) for a in arguments):
            return True
    return False


def picks_one(value: ast.expr, indices: set[str]) -> bool:
    """Whether an expression has X[i], X[:, i], X[[i]] or X[i:i + 1] in it, for one of these indices i."""
    for part in ast.walk(value):
        if isinstance(part, ast.Subscript):
            axes = part.slice.elts if isinstance(part.slice, ast.Tuple | ast.List) else [part.slice]
            axes = [axis.elts[0] if isinstance(axis, ast.List) and len(axis.elts) == 1 else axis for axis in axes]
            if any(isinstance(axis, ast.Name) and axis.id in indices for axis in axes):
                return True
            if any(isinstance(axis, ast.Slice) and next_to(axis, indices) for axis in axes):
                return True
    return False


def next_to(part: ast.Slice, indices: set[str]) -> bool:
    """i:i + 1."""
    if not (isinstance(part.lower, ast.Name) and part.lower.id in indices and part.upper is not None):
        return False
    return ast.unparse(part.upper) in (f"{part.lower.id} + 1", f"1 + {part.lower.id}")
