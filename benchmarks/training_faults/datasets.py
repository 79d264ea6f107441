"""The programs' data: points, or a few hundred of the digits; the two parts see different digits."""

from functools import cache

import numpy as np

from backlight.data.dataset import Dataset, Samples
from backlight.data.digits import load_digits, normalised
from backlight.data.points import load_points

from .program import Data, Program

CLEAN = 400  # points that are held out
DIGITS_HELD_OUT = 200
OFFSETS = {"dev": 0, "test": 500_000}  # on seeds of points


@cache
def digits() -> Dataset:
    return load_digits()


def load(program: Program) -> Data:
    """The program's data, changed as it says: points (N, 2); images (N, 784) for an "mlp", else (N, 28, 28)."""
    data = digit_data(program) if program.data == "digits" else point_data(program)
    chance = np.random.default_rng([program.seed, 77])
    for change in program.on_data:
        data = change(data, chance)
    return data


def point_data(program: Program) -> Data:
    p = program
    seed = p.seed + OFFSETS[p.part]
    made = load_points(p.data, p.samples, CLEAN, p.noise, p.classes, seed)
    return Data(made.train, made.test, made.test)


def digit_data(program: Program) -> Data:
    """Every other one of the 4,000 and the 500 belongs to each part."""
    source, second = digits(), program.part == "test"
    chance = np.random.default_rng([program.seed, 78])
    ours = np.arange(second, len(source.train.y), 2)  # the source is in order of the classes
    train = source.train.take(chance.choice(ours, min(program.samples, len(ours)), replace=False))
    ours = np.arange(second, len(source.test.y), 2)
    test = source.test.take(chance.choice(ours, DIGITS_HELD_OUT, replace=False))
    flat = program.model == "mlp"
    train, test = (shaped(part, flat) for part in (train, test))
    return Data(train, test, test)


def shaped(samples: Samples, flat: bool) -> Samples:
    X = normalised(samples.X)
    return Samples(X.reshape(len(X), -1).astype(np.float64) if flat else X, samples.y)
