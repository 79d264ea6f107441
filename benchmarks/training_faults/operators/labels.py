"""Labels that do not belong to their samples."""

from dataclasses import replace

import numpy as np

from backlight.data.dataset import Samples

from ..program import Data, DataChange, Program
from .operator import Operator


def with_data(program: Program, change: DataChange) -> Program:
    return replace(program, on_data=(*program.on_data, change))


def relabelled(samples: Samples, y: np.ndarray) -> Samples:
    return Samples(samples.X, y.astype(np.int64))


def shifted(program: Program, rung: float) -> Program:
    """A share of the training labels is one class too high."""

    def change(data: Data, chance: np.random.Generator) -> Data:
        y, moved = data.train.y, chance.random(len(data.train.y)) < rung
        return data._replace(train=relabelled(data.train, np.where(moved, (y + 1) % program.classes, y)))

    return with_data(program, change)


def permuted(program: Program, rung: float) -> Program:
    """The program's own test has another map from names to numbers: this share of the classes goes round."""

    def change(data: Data, chance: np.random.Generator) -> Data:
        moved = chance.permutation(program.classes)[: max(2, round(rung * program.classes))]
        table = np.arange(program.classes)
        table[moved] = np.roll(moved, 1)
        return data._replace(test=relabelled(data.test, table[data.test.y]))

    return with_data(program, change)


def shuffled(program: Program, rung: float) -> Program:
    """A share of the training labels is dealt out anew among its samples: shuffled apart from X."""

    def change(data: Data, chance: np.random.Generator) -> Data:
        y = data.train.y.copy()
        moved = np.flatnonzero(chance.random(len(y)) < rung)
        y[moved] = y[chance.permutation(moved)]
        return data._replace(train=relabelled(data.train, y))

    return with_data(program, change)


def noisy(program: Program, rung: float) -> Program:
    """A share of the training labels is drawn anew from all classes."""

    def change(data: Data, chance: np.random.Generator) -> Data:
        y, moved = data.train.y, chance.random(len(data.train.y)) < rung
        return data._replace(
            train=relabelled(data.train, np.where(moved, chance.integers(0, program.classes, len(y)), y))
        )

    return with_data(program, change)


def one_class_unlabelled(program: Program, rung: float) -> Program:
    """A share of each class but the first carries label 0: an annotator's default."""

    def change(data: Data, chance: np.random.Generator) -> Data:
        y, moved = data.train.y, chance.random(len(data.train.y)) < rung
        return data._replace(train=relabelled(data.train, np.where(moved, 0, y)))

    return with_data(program, change)


OPERATORS = (
    Operator("shifted-labels", shifted, (0.7, 0.85, 1.0), ("labels-shifted", "labels-permuted")),
    Operator("permuted-test-labels", permuted, (0.2, 0.3, 0.5, 1.0), ("labels-permuted", "labels-shifted")),
    Operator("shuffled-labels", shuffled, (0.7, 0.8, 0.9, 1.0), ("labels-shuffled",)),
    Operator("noisy-labels", noisy, (0.1, 0.2, 0.3, 0.4, 0.5), ("labels-noisy", "labels-shuffled")),
    Operator("default-label", one_class_unlabelled, (0.3, 0.6, 0.9), ("class-imbalance", "labels-noisy"),
             held_out=True, generic=("labels-shuffled", "labels-permuted", "overfitting")),
)  # fmt: skip
