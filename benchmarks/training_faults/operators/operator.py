"""A fault operator: a change of a healthy program, in rungs of rising severity, and the names it may be given."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ..program import Model, Program

TORCH: tuple[Model, ...] = ("cnn", "recurrent", "attention")
MLP: tuple[Model, ...] = ("mlp",)
ALL: tuple[Model, ...] = (*MLP, *TORCH)


def unchanged(program: Program) -> Program:
    return program


def anywhere(program: Program, rung: float) -> tuple[str, ...]:
    """Of a fault that belongs to no layer."""
    return ()


def any_base(program: Program) -> bool:
    return True


@dataclass(frozen=True)
class Operator:
    """A fault.

    Attributes:
        name: of the fault, not of a cause.
        change: (healthy program, rung) ↦ faulty program.
        rungs: from hardly to badly.
        accepted: names of causes that are right answers, the most exact first.
        models: kinds of program it can be planted into.
        fits: whether it can be planted into this one.
        prepare: the healthy twin of the faulty program, where that is not the base itself: it has dropout, say.
        layers: where it may rightly be located; empty where that is no question.
        held_out: of the test part only; any of `generic` is accepted too.
        generic: causes that are near enough for a fault that no rule was made for.
    """

    name: str
    change: Callable[[Program, float], Program]
    rungs: tuple[float, ...]
    accepted: tuple[str, ...]
    models: tuple[Model, ...] = ALL
    fits: Callable[[Program], bool] = any_base
    prepare: Callable[[Program], Program] = unchanged
    layers: Callable[[Program, float], tuple[str, ...]] = field(default=anywhere)
    held_out: bool = False
    generic: tuple[str, ...] = ()
