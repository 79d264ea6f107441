"""Mistakes as edits of a blueprint's slots."""

from collections.abc import Callable, Iterator

from ..blueprint import Blueprint, Edit
from . import hidden, objective, output, scale, tensors
from .unseen import unseen

Operator = Callable[[Blueprint, str], Iterator[Edit]]
SINGLE: tuple[Operator, ...] = (
    scale.averaging, scale.factors, scale.penalised, output.output, hidden.slopes, hidden.definitions, hidden.chain,
    tensors.weights, tensors.biases, tensors.samples, tensors.program, objective.losses, objective.starts,
)  # fmt: skip
# Every name that a truth may have.
NAMES = (
    "summed-gradients", "mean-only-in-weights", "mean-only-in-biases", "averaged-twice", "constant-factor",
    "penalty-missing", "penalty-scale", "penalty-sign", "penalty-of-gradient", "penalty-on-biases", "penalty-form",
    "output-slope", "output-squared-error-slope", "softmax-diagonal", "labels-not-subtracted", "one-from-all",
    "labels-index-rows", "output-sign", "labels-shifted", "output-slope-missing",
    "slope-missing", "slope-at-activation", "activation-formula-at-z", "activation-as-slope", "relu-slope",
    "slope-of-neighbour", "slope-twice", "slope-of-other-function", "slope-formula",
    "weights-not-transposed", "wrong-weights", "weights-updated-first", "layer-skipped", "gradient-cut",
    "preactivation-in-weights", "own-activation-in-weights", "input-in-weights", "weights-transposed",
    "bias-missing", "bias-first-row", "bias-scalar", "bias-axis", "one-sample", "accumulated", "mutates",
    "loss-log-base", "loss-sign", "loss-integer-labels", "loss-averaged-twice", "loss-penalty-form",
    "loss-penalty-sign", "loss-penalty-scale", "loss-penalty-layers", "loss-epsilon", "loss-no-shift",
    "loss-wrong-class", "loss-half", "loss-unknown",
    "init-shared-seed", "init-constant", "init-scale", "init-positive", "unknown",
)  # fmt: skip


def singles(b: Blueprint, part: str) -> list[Edit]:
    return distinct(edit for operator in SINGLE for edit in operator(b, part))


def unknowns(b: Blueprint, part: str) -> list[Edit]:
    return distinct(unseen(b, part))


def distinct(edits: Iterator[Edit]) -> list[Edit]:
    seen: dict[tuple[object, ...], Edit] = {}
    for edit in edits:
        assert set(edit.names) <= set(NAMES), edit.names
        seen.setdefault((edit.names, edit.note, tuple(sorted(edit.slots.items()))), edit)
    return list(seen.values())
