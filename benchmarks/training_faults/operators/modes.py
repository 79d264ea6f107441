"""Training mode where evaluation mode belongs, and the reverse."""

from dataclasses import replace
from typing import Any

import numpy as np

from ..program import Data, Program
from .inputs import scaled
from .labels import with_data
from .operator import TORCH, Operator


def with_dropout(program: Program) -> Program:
    return replace(program, dropout=0.5)


def with_norm(program: Program) -> Program:
    return replace(program, batch_norm=True)


def dropout_at_test(program: Program, rung: float) -> Program:
    """Nobody calls `eval` before the test; dropout of that rate."""
    return replace(program, dropout=rung, evaluation_mode=False)


def dropout_always(program: Program, rung: float) -> Program:
    """The function dropout, called without being told the mode: it stays on after `eval`."""

    def change(model: Any) -> None:
        model.always_drops = True

    return replace(program, dropout=rung, on_model=(*program.on_model, change))


def evaluation_in_training(program: Program, rung: float) -> Program:
    """`eval` is called and never undone, with batch norm; inputs in raw pixels, times the rung."""
    changed = replace(program, batch_norm=True, training_mode=False)
    return changed if rung == 1 else scaled(changed, rung)


def norm_in_training_mode(program: Program, rung: float) -> Program:
    """`eval` is never called: batch norm takes its statistics from the test itself, of the first so many classes."""

    def one_class(data: Data, chance: np.random.Generator) -> Data:
        kept = np.flatnonzero(data.test.y < rung)
        return data._replace(test=data.test.take(kept))

    return with_data(replace(program, batch_norm=True, evaluation_mode=False), one_class)


OPERATORS = (
    Operator("dropout-at-test", dropout_at_test, (0.5, 0.7, 0.9), ("dropout-at-test",), TORCH, prepare=with_dropout),
    Operator("dropout-always", dropout_always, (0.5, 0.7, 0.9), ("dropout-at-test",), TORCH, prepare=with_dropout),
    Operator("evaluation-in-training", evaluation_in_training, (1, 10, 50), ("eval-mode-in-training",), TORCH,
             prepare=with_norm),
    Operator("norm-of-the-test", norm_in_training_mode, (3, 2, 1), ("dropout-at-test",), ("cnn",), prepare=with_norm,
             held_out=True, generic=("labels-permuted", "overfitting", "split-overlap")),
)  # fmt: skip
