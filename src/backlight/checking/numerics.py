"""What no gradient shows: log(p + ε), a softmax that overflows, labels with a minus sign, overwritten activations."""

import ast
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from backlight.checking.own_code import OwnCode
from backlight.checking.program import Program
from backlight.checking.roles import LOSS, is_called, roles_of
from backlight.checking.store import arrays
from backlight.checking.subject import Subject, generic_values, seeded
from backlight.networks.activations import Array

LARGEST_EPSILON = 1e-4  # what is added to a probability before its logarithm; above, the loss itself is another


@dataclass(frozen=True)
class Oddity:
    """name of the mistake, its line, and what was seen."""

    name: str
    file: str | None
    line: int | None
    evidence: str


def oddities(program: Program, subject: Subject) -> Iterator[Oddity]:
    for file, tree in program.trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield from in_call(node, file)
    with suppress(Exception):
        yield from overflow(subject)
    with suppress(Exception):
        yield from overwritten(subject)


def in_call(call: ast.Call, file: str) -> Iterator[Oddity]:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if (
        name.startswith("log")
        and call.args
        and isinstance(call.args[0], ast.BinOp)
        and isinstance(call.args[0].op, ast.Add)
    ):
        for side in (call.args[0].left, call.args[0].right):
            if isinstance(side, ast.Constant) and isinstance(side.value, float) and 0 < side.value <= LARGEST_EPSILON:
                yield Oddity(
                    "loss-epsilon",
                    file,
                    call.lineno,
                    f"log(p + {side.value:g}) is never above {-np.log(side.value):.1f}",
                )
    if is_called(LOSS, name):
        for argument in call.args:
            if isinstance(argument, ast.UnaryOp) and isinstance(argument.op, ast.USub):
                inner = argument.operand
                if isinstance(inner, ast.Name) and "labels" in roles_of(inner.id)[:1]:
                    shown = f"{name}(…, −{inner.id}): a negative label is another class, counted from the end"
                    yield Oddity("loss-wrong-class", file, call.lineno, shown)


def overflow(subject: Subject) -> Iterator[Oddity]:
    """Outputs for logits in the thousands; a softmax that subtracts the row's maximum stays finite."""
    kept = subject.values()
    subject.assign([1000.0 * value for value in generic_values(subject, 1)])
    outputs = subject.outputs()
    subject.assign(kept)
    if outputs is not None and np.isnan(outputs).any():
        yield Oddity("loss-no-shift", None, None, "with logits in the thousands the outputs are NaN")


def overwritten(subject: Subject) -> Iterator[Oddity]:
    """Arrays that the forward pass wrote, inputs or labels, which the backward pass changes in place."""
    if isinstance(subject, OwnCode) and not subject.feed.single and not subject.steps:
        subject.assign(generic_values(subject, 1))
        pool = subject.fresh_pool(subject.feed.inputs(), subject.feed.labels())
        places = {"input": pool["input"], "labels": pool["labels"], "": subject.network}
        there = {id(value): value.copy() for _, value in arrays(list(places.values()))}
        seeded(lambda: subject.prepare_backward(pool))
        written = [
            (path, value)
            for path, value in arrays({**pool, **places})
            if path[0] in ("input", "labels") or id(value) not in there or not same(there[id(value)], value)
        ]
        parameters = {id(slot.read()) for slot in subject.slots}
        kept = [(path, value, value.copy()) for path, value in written if id(value) not in parameters]
        step = subject.recipe.backward
        assert step is not None
        seeded(lambda: subject.call(step, pool))
        for path, value, copy in kept:
            if not same(value, copy):
                name = str(path[-1]).lstrip("=")
                shown = f"after the backward pass {name} is no longer what it was before"
                yield Oddity("mutates", None, None, shown)
                return


def same(a: Array, b: Array) -> bool:
    return a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))
