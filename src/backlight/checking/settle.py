"""Which analysis counts: of the backward pass alone, or of a whole step of training."""

import ast
import re
from contextlib import suppress
from dataclasses import replace

import numpy as np

from backlight.checking import readings as reading_module
from backlight.checking.analysis import Analysis, analyse
from backlight.checking.misapplied import misapplied
from backlight.checking.own_code import OwnCode
from backlight.checking.program import Program
from backlight.checking.readings import Reading
from backlight.checking.roles import LOSS, is_called, roles_of
from backlight.checking.subject import Subject, generic_values

ADDED_OUTSIDE = (
    "penalty-missing",
    "summed-gradients",
    "averaged-twice",
    "penalty-scale",
    "constant-factor",
    "loss-penalty-missing",
)


WEIGHTS = re.compile(r"w\d*|w_?\w{0,3}|.*weights?\d*|theta\w*|p|param\w*|kernel|pesos?|poids|gewicht\w*", re.IGNORECASE)


def settle(program: Program, target: str | None, reading: Reading) -> Analysis:
    """The analysis of the backward pass, or of a whole training step where that explains the numbers better.

    A penalty or an average may be put into the update instead of the backward pass: then the step is what counts.
    """
    subject = reading.subject
    if accumulates(program, subject):
        subject.accumulates = True
    found = analyse(reading, strength(subject))
    if found.right and not found.loss:
        return misapplied(program, target, reading) or found
    names = {m.name for m in found.name.mistakes} if found.name else set()
    if found.right or (names and not names & set(ADDED_OUTSIDE)):
        return found
    with suppress(Exception):
        step = reading_module.training_reading(program, target, reading)
        if step is not None:
            if "penalty-missing" in names:
                step = at_its_rate(step)
            other = analyse(step, strength(step.subject))
            if other.right:
                return misapplied(program, target, reading) or other
            if found.name is None and other.name is not None:
                return other
            if found.name and other.name:
                fewer = len(other.name.mistakes) < len(found.name.mistakes)
                put_in_there = names == {"penalty-missing"} and len(other.name.mistakes) == 1
                if fewer or put_in_there:
                    return other
    if names == {"penalty-missing"} and penalised_elsewhere(program, subject):
        return replace(found, name=None, right=True, gradient_class="right", first_wrong=None)
    return found


def at_its_rate(step: Reading) -> Reading:
    """A step that is right but for one factor over all gradients, as one of its own rate.

    The rate may stand where it was not found, and a running mean takes a share of the gradient at first. From the
    error e = |c − 1| / (c + 1) the factor is c = (1 − e) / (1 + e), or its inverse.
    """
    subject = step.subject
    if isinstance(subject, OwnCode) and step.off_by_a_factor:
        rate, error = subject.recipe.rate, max(step.errors)
        for factor in ((1 - error) / (1 + error), (1 + error) / (1 - error)):
            subject.recipe = replace(subject.recipe, rate=rate * factor)
            again = reading_module.read(subject, step.sizes, step.activation)
            if again.right:
                return again
        subject.recipe = replace(subject.recipe, rate=rate)
    return step


def penalised_elsewhere(program: Program, subject: Subject) -> bool:
    """Whether something else than the functions that were tried multiplies by a penalty's strength.

    An update that could not be run may add what the backward pass lacks: then nothing is proven against it.
    """
    recipe = subject.recipe if isinstance(subject, OwnCode) else None
    tried = (
        {step.reference.name for step in (recipe.forward, recipe.loss, recipe.backward) if step} if recipe else set()
    )
    for tree in program.trees.values():
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            losing = is_called(LOSS, function.name) or function.name in tried
            if not losing and any(is_penalty(part) for part in ast.walk(function)):
                return True
    return False


def is_penalty(part: ast.AST) -> bool:
    """λ · W, and neither β · velocity nor λ · gradient."""
    if not isinstance(part, ast.BinOp) or not isinstance(part.op, ast.Mult):
        return False
    for factor, other in ((part.left, part.right), (part.right, part.left)):
        names = [getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(other)]
        if is_strength(factor) and any(WEIGHTS.fullmatch(str(name)) for name in names):
            return True
    return False


def is_strength(factor: ast.expr) -> bool:
    name = getattr(factor, "id", getattr(factor, "attr", ""))
    return roles_of(str(name))[:1] == ("penalty",)


def strength(subject: Subject) -> float:
    return float(getattr(subject, "strength", 0.1))


def accumulates(program: Program, subject: Subject) -> bool:
    """Whether a second backward pass on the same batch gives twice what the first one of a new network gives."""
    with suppress(Exception):
        fresh = subject.rebuilt(program)
        fresh.assign(generic_values(fresh, 1))
        once, twice = fresh.gradients(), fresh.gradients()
        pairs = [(a, b) for a, b in zip(once, twice, strict=True) if a is not None and b is not None and np.any(a)]
        return bool(pairs) and all(np.allclose(b, 2 * a, rtol=1e-9, atol=1e-15) for a, b in pairs)
    return False
