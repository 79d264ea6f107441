"""Whether a program sets gradients that add up over calls to zero again before the next step."""

import ast
from collections.abc import Iterator

from backlight.checking.program import Program
from backlight.checking.rehearsal import called
from backlight.checking.roles import BACKWARD, is_called

RESETS = ("zero_grad", "zero_gradients", "reset_grad", "reset_grads", "reset_gradients", "clear_grads", "zero_grads")
NOT_WHILE_TRAINING = "__init__"


def cleared(program: Program, names: set[str]) -> bool:
    """Whether something sets one of these attributes, keys or variables anew while the program trains."""
    for function, node in inside_functions(program):
        if function == NOT_WHILE_TRAINING or not sets_anew(node, names):
            continue
        if function not in RESETS or is_used(program, function):
            return True
    return False


def forgotten(program: Program) -> bool:
    """Whether backward passes follow one another, and none of the functions that clear gradients is ever called."""
    defined = {function for function, _ in inside_functions(program)}
    passes = {name for name in defined if is_called(BACKWARD, name)}
    own = [reset for reset in RESETS if reset in defined]
    return bool(own) and not any(is_used(program, reset) for reset in own) and any(repeats(program, p) for p in passes)


def inside_functions(program: Program) -> Iterator[tuple[str, ast.AST]]:
    """Every node with the name of the function around it; "" for the script's own."""

    def walk(node: ast.AST, function: str) -> Iterator[tuple[str, ast.AST]]:
        for child in ast.iter_child_nodes(node):
            name = child.name if isinstance(child, ast.FunctionDef) else function
            yield name, child
            yield from walk(child, name)

    for tree in program.trees.values():
        yield from walk(tree, "")


def sets_anew(node: ast.AST, names: set[str]) -> bool:
    """`self.dW = 0`, `p.grad = None`, `grads[k] = …`, `dW[...] = 0`, `dW *= 0`, `dW.fill(0)`."""
    if isinstance(node, ast.Assign):
        targets = [name for target in node.targets for name in words(target)]
        return bool(names & set(targets)) and not names & set(words(node.value))
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Mult):
        return bool(names & set(words(node.target))) and isinstance(node.value, ast.Constant) and not node.value.value
    filled = isinstance(node, ast.Call) and called(node) == "fill"
    return filled and bool(names & set(words(node)))


def words(node: ast.AST) -> list[str]:
    """Variables, attributes and keys in an expression."""
    found = []
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found.append(part.id)
        elif isinstance(part, ast.Attribute):
            found.append(part.attr)
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            found.append(part.value)
    return found


def is_used(program: Program, name: str) -> bool:
    """Whether it is called while the program trains: not by one of its name, as in containers, nor by constructors."""
    return any(
        isinstance(node, ast.Call) and called(node) == name and function not in (name, NOT_WHILE_TRAINING)
        for function, node in inside_functions(program)
    )


def repeats(program: Program, name: str, depth: int = 2) -> bool:
    """Whether it is called in a loop, or by a function that is."""
    for function, node in inside_functions(program):
        if function == name:
            continue
        loop = isinstance(node, ast.For | ast.While)
        if loop and any(isinstance(part, ast.Call) and called(part) == name for part in ast.walk(node)):
            return True
        if depth and function and isinstance(node, ast.Call) and called(node) == name:
            return repeats(program, function, depth - 1)
    return False
