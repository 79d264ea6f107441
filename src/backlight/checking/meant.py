"""Which of the networks that a file knows it is about: its own before what it imports, heirs before their bases."""

import ast
import inspect

from backlight.checking.compose import network_classes
from backlight.checking.layers import BEHIND, method, required
from backlight.checking.program import Program
from backlight.checking.repair import Lines
from backlight.checking.roles import BACKWARD, LOSS, is_called
from backlight.checking.source import names_read


def meant(program: Program) -> list[str]:
    """Names of classes (or of one function) to be judged each by itself; empty where the file leaves no choice.

    A class that others derive from, that is a part of another, or that is imported stands in the file for the sake of
    another one: were it judged beside that one, it could be taken for it.
    """
    known = network_classes(program, None)
    own = own_networks(program, known)
    if own:
        return own if len(own) > 1 or any(may_be_taken(program, name, own) for name in distinct(program, known)) else []
    return own_passes(program)[:1] if known else []


def may_be_taken(program: Program, name: str, own: list[str]) -> bool:
    """Whether a class beside these networks could be taken for one of them; their layers could not."""
    if name in own:
        return False
    layer = any(name in parts_of(program, other) for other in own) and method(program.classes()[name], LOSS) is None
    return not layer or any(derives(program, other, name) for other in own)


def own_networks(program: Program, known: list[str]) -> list[str]:
    """Network classes that are written in the checked file, or derived there, with a backward pass."""
    classes = program.classes()
    own = [name for name in distinct(program, known) if is_own(program, name) and method(classes[name], BACKWARD)]
    heirs = [name for name in own if not any(derives(program, other, name) for other in own)]
    return [name for name in heirs if not any(name in parts_of(program, other) for other in heirs)]


def distinct(program: Program, names: list[str]) -> list[str]:
    """Without second names of the same class."""
    return list({id(program.classes()[name]): name for name in reversed(names)}.values())[::-1]


def is_own(program: Program, name: str) -> bool:
    return program.file_of(program.classes()[name]) == program.sources.main


def derives(program: Program, heir: str, base: str) -> bool:
    return heir != base and issubclass(program.classes()[heir], program.classes()[base])


def parts_of(program: Program, name: str) -> set[str]:
    """What a class speaks of in its body."""
    body = [
        statement
        for node in program.trees[program.sources.main].body
        if isinstance(node, ast.ClassDef) and node.name == name
        for statement in node.body
    ]
    return set().union(*map(names_read, body)) - {name}


def own_passes(program: Program) -> list[str]:
    """Functions of the checked file that are a backward pass of a whole network, not of a layer or an activation."""
    return [
        name
        for name, function in program.functions().items()
        if program.file_of(function) == program.sources.main
        and is_called(BACKWARD, name)
        and len(inspect.signature(function).parameters) > 2
        and not any(is_called(BEHIND, argument) for argument in required(function))
    ]


def passes_beside(program: Program, ran: Lines) -> list[str]:
    """Backward passes among the file's functions of which no line has run."""
    lines = ran.get(program.sources.main, {})
    nodes = {name: program.node_of(program.functions()[name]) for name in own_passes(program)}
    return [
        name
        for name, node in nodes.items()
        if node is not None and lines.keys().isdisjoint(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    ]
