"""Inputs that are out of scale, out of balance, leaking, overlapping, in order, or not looked at."""

from dataclasses import replace

import numpy as np

from backlight.data.dataset import Samples

from ..program import Data, Program
from .labels import with_data
from .operator import MLP, TORCH, Operator


def scaled(program: Program, rung: float) -> Program:
    """As they come from an instrument: multiplied, and far from 0."""

    def change(data: Data, chance: np.random.Generator) -> Data:
        return Data(*(Samples(part.X * rung + rung, part.y) for part in data))

    return with_data(program, change)


def one_feature_scaled(program: Program, rung: float) -> Program:
    """One column in other units than the rest."""

    def change(data: Data, chance: np.random.Generator) -> Data:
        factors = np.ones(data.train.X.shape[1])
        factors[int(chance.integers(len(factors)))] = rung
        return Data(*(Samples(part.X * factors, part.y) for part in data))

    return with_data(program, change)


def imbalanced(program: Program, rung: float) -> Program:
    """Of all classes but the first only this share is trained on; the test is balanced."""

    def change(data: Data, chance: np.random.Generator) -> Data:
        y = data.train.y
        kept = (y == 0) | (chance.random(len(y)) < rung)
        for label in np.unique(y):  # at least two samples of each
            kept[np.flatnonzero(y == label)[:2]] = True
        return data._replace(train=data.train.take(np.flatnonzero(kept)))

    return with_data(program, change)


def leaking(program: Program, rung: float) -> Program:
    """A column that holds the label, with noise of deviation 1/rung, wherever the program looks, and not later."""

    def change(data: Data, chance: np.random.Generator) -> Data:
        def with_column(part: Samples, column: np.ndarray) -> Samples:
            X = part.X.copy()
            if X.ndim == 2 and X.shape[1] > 2:
                X[:, 0] = 3 * column  # a corner that is empty in all digits
                return Samples(X, part.y)
            return Samples(np.column_stack([X, column]), part.y)

        centred = (np.arange(program.classes) - (program.classes - 1) / 2) * 2
        columns = [centred[part.y] + chance.normal(0, 1 / rung, len(part.y)) for part in data[:2]]
        later = chance.choice(centred, len(data.clean.y))
        return Data(*(with_column(part, column) for part, column in zip(data, (*columns, later), strict=True)))

    return with_data(program, change)


def overlapping(program: Program, rung: float) -> Program:
    """A share of the program's test samples are copies of training samples, of which there are few."""

    def change(data: Data, chance: np.random.Generator) -> Data:
        copies = chance.integers(0, len(data.train.y), int(rung * len(data.test.y)))
        kept = data.test.take(np.arange(len(copies), len(data.test.y)))
        taken = data.train.take(copies)
        return data._replace(test=Samples(np.concatenate([taken.X, kept.X]), np.concatenate([taken.y, kept.y])))

    return with_data(program, change)


def hard(program: Program) -> Program:
    """Few noisy samples, so that the gap between training and test is real."""
    if program.data == "digits":
        return replace(program, samples=150)
    return replace(program, samples=60, noise=2 * program.noise, steps=2 * program.steps)


def in_order(program: Program, rung: float) -> Program:
    """Samples stand by class, in batches of so many that are never shuffled."""

    def change(data: Data, chance: np.random.Generator) -> Data:
        return data._replace(train=data.train.take(np.argsort(data.train.y, kind="stable")))

    return replace(with_data(program, change), shuffled=False, batch_size=int(rung))


def ignored(program: Program, rung: float) -> Program:
    """This share of the samples has an input of zeros: a loader that failed."""

    def blank(part: Samples, chance: np.random.Generator) -> Samples:
        X = part.X.copy()
        X[chance.random(len(X)) < rung] = 0
        return Samples(X, part.y)

    def change(data: Data, chance: np.random.Generator) -> Data:
        return data._replace(train=blank(data.train, chance), test=blank(data.test, chance))

    return with_data(program, change)


def with_nan(program: Program, rung: float) -> Program:
    """So many training samples hold a NaN."""

    def change(data: Data, chance: np.random.Generator) -> Data:
        X = data.train.X.copy()
        X[chance.choice(len(X), int(rung), replace=False), 3, 3] = np.nan
        return data._replace(train=Samples(X, data.train.y))

    return with_data(program, change)


def divided_by_deviation(program: Program, rung: float) -> Program:
    """Each pixel over its deviation, where corners have none; ε in the denominator, 10^−rung, or nothing for 99."""

    def change(data: Data, chance: np.random.Generator) -> Data:
        black = data.train.X.min()  # so that a pixel that is always black has a deviation of exactly 0
        X = data.train.X - black
        mean, deviation = X.mean(axis=0), X.std(axis=0)
        epsilon = 0.0 if rung == 99 else 10.0**-rung
        with np.errstate(all="ignore"):
            return Data(*(Samples((part.X - black - mean) / (deviation + epsilon), part.y) for part in data))

    return with_data(program, change)


def scrambled(program: Program, rung: float) -> Program:
    """A share of the pixels or coordinates changes places, anew in training and at test: axes mixed up."""

    def change(data: Data, chance: np.random.Generator) -> Data:
        flat = data.train.X.reshape(len(data.train.X), -1)
        moved = np.flatnonzero(chance.random(flat.shape[1]) < rung)
        order = np.arange(flat.shape[1])
        order[moved] = chance.permutation(moved)
        return data._replace(train=Samples(flat[:, order].reshape(data.train.X.shape), data.train.y))

    return with_data(program, change)


def other_test_inputs(program: Program, rung: float) -> Program:
    """The program's test inputs were prepared in another way than those it trains on: times −rung."""

    def change(data: Data, chance: np.random.Generator) -> Data:
        return data._replace(test=Samples(-rung * data.test.X, data.test.y))

    return with_data(program, change)


def of_digits(program: Program) -> bool:
    return program.data == "digits"


OPERATORS = (
    Operator("unscaled-inputs", scaled, (3, 10, 30, 100, 1000), ("unscaled-inputs",)),
    Operator("unscaled-feature", one_feature_scaled, (10, 100, 1000), ("unscaled-inputs",), MLP,
             lambda program: program.data != "digits"),
    Operator("imbalanced-classes", imbalanced, (0.2, 0.1, 0.05, 0.02), ("class-imbalance",)),
    Operator("leaking-feature", leaking, (1, 2, 5, 20), ("leaking-feature",), MLP),
    Operator("overlapping-split", overlapping, (0.25, 0.5, 0.75, 1.0), ("split-overlap",), prepare=hard),
    Operator("unshuffled-data", in_order, (100, 50, 20, 10), ("unshuffled-data",)),
    Operator("blank-inputs", ignored, (0.6, 0.8, 0.95, 1.0), ("inputs-ignored",)),
    Operator("nan-in-inputs", with_nan, (1, 5, 50), ("nonfinite-values",), TORCH),
    Operator("zero-deviation", divided_by_deviation, (2, 6, 99), ("nonfinite-values", "unscaled-inputs"), TORCH,
             held_out=True),
    Operator("other-test-inputs", other_test_inputs, (0.3, 1, 3), ("labels-permuted", "overfitting"), held_out=True,
             generic=("labels-shifted", "dropout-at-test", "unscaled-inputs")),
    Operator("scrambled-axes", scrambled, (0.3, 0.6, 1.0), ("labels-permuted", "overfitting", "split-overlap"),
             fits=of_digits, held_out=True, generic=("labels-shuffled", "inputs-ignored", "labels-shifted")),
)  # fmt: skip
