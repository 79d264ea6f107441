"""What a function does with its parameters, where their names say nothing."""

import ast
from collections.abc import Mapping
from typing import Any

DEPTH = 3  # of functions that hand parameters on to others


def holders(
    function: ast.FunctionDef, network: Any, others: Mapping[str, ast.FunctionDef], depth: int = DEPTH
) -> dict[str, str]:
    """Parameters that the function takes the network's parameters out of: p["W1"], p.W1, W1, b1, W2, b2 = p.

    Also what it hands on to another function that does. Nothing where that would be more than one.
    """
    keys = set(network) if isinstance(network, dict) else set(getattr(network, "_fields", ()))
    count = len(network) if isinstance(network, dict | list | tuple) else 0
    names = {argument.arg for argument in [*function.args.args, *function.args.kwonlyargs]}
    found = {name for part in ast.walk(function) for name in taken_from(part, keys, count)}
    if depth and not found & names:
        found = {name for part in ast.walk(function) for name in handed_on(part, network, others, depth - 1)}
    return dict.fromkeys(found & names, "parameters") if len(found & names) == 1 else {}


def taken_from(part: ast.AST, keys: set[Any], count: int) -> list[str]:
    if isinstance(part, ast.Subscript) and isinstance(part.value, ast.Name):
        return [part.value.id] if isinstance(part.slice, ast.Constant) and part.slice.value in keys else []
    if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
        return [part.value.id] if part.attr in keys else []
    if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Tuple) and isinstance(part.value, ast.Name):
        return [part.value.id] if 2 < count == len(part.targets[0].elts) else []
    return []


def handed_on(part: ast.AST, network: Any, others: Mapping[str, ast.FunctionDef], depth: int) -> list[str]:
    called = others.get(getattr(part.func, "id", "")) if isinstance(part, ast.Call) else None
    if called is None or not isinstance(part, ast.Call):
        return []
    wanted = holders(called, network, others, depth)
    given = dict(zip((argument.arg for argument in called.args.args), part.args, strict=False))
    given |= {word.arg: word.value for word in part.keywords if word.arg}
    return [node.id for name, node in given.items() if name in wanted and isinstance(node, ast.Name)]
