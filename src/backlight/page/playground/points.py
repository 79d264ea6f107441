"""The points of a playground: generated, parted by a formula, drawn by hand, or out of a CSV."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from backlight.data.dataset import Dataset, Samples, standardise, stratified_split
from backlight.data.points import held_out_seed, load_points, own_generator, parse_csv
from backlight.errors import DataError
from backlight.page.playground.formula import formula_values
from backlight.page.playground.settings import MOST_CLASSES, MOST_POINTS, PlaygroundSettings

TOO_FEW = 10  # points of one's own of which none are held out
HELD_OUT = 0.2


def dataset_of(settings: PlaygroundSettings) -> Dataset:
    """Points to train on and as many fresh ones to test on; of one's own points a fifth is held out.

    Raises:
        DataError, SettingsError: for points or a formula that cannot be learnt from.
    """
    if settings.data == "own":
        return own_points(settings.points, settings.seed)
    count, noise, seed = settings.samples, settings.noise, settings.seed
    if settings.data == "formula":
        train, test = (above(settings.formula, count, noise, each) for each in (seed, held_out_seed(seed)))
        return Dataset(f"y > {settings.formula}", 2, train, test)
    return load_points(settings.data, count, count, noise, settings.classes, seed)


def own_points(points: Sequence[tuple[float, float, int]], seed: int) -> Dataset:
    """Fewer than TOO_FEW are all trained on, and tested on as well."""
    if len({label for *_, label in points}) < 2:
        raise DataError("draw points of at least two classes: with one alone there is nothing to tell apart")
    table = np.array(points, np.float64)
    y = table[:, 2].astype(np.int64)
    samples, classes = Samples(table[:, :2], y), int(y.max()) + 1
    if len(y) < TOO_FEW:
        return Dataset("own points", classes, samples, samples)
    held_out = max(1, round(HELD_OUT * len(y)))
    train, test = stratified_split(y, [len(y) - held_out, held_out], seed)
    return Dataset("own points", classes, samples.take(train), samples.take(test))


def above(formula: str, count: int, noise: float, seed: int) -> Samples:
    """Uniform on [−1, 1]², class 1 where y > f(x); labels are set before the noise is added."""
    rng = own_generator(seed)
    X = rng.uniform(-1, 1, (count, 2))
    heights = formula_values(formula, X[:, 0])
    y = (X[:, 1] > np.where(np.isnan(heights), -np.inf, heights)).astype(np.int64)
    if len(np.unique(y)) < 2:
        raise DataError(f"all points of [−1, 1]² lie on one side of y = {formula}; choose a curve that crosses it")
    return Samples(X + rng.normal(0, noise / 4, X.shape), y)


def csv_points(text: str) -> list[tuple[float, float, int]]:
    """Points out of a CSV of two columns of numbers and a class, standardised.

    Raises:
        DataError: naming line and column of what cannot be used.
    """
    X, y = parse_csv(text, Path("the file"))
    if X.shape[1] != 2:
        raise DataError(
            f"a playground needs two columns of numbers and a class; this file has {X.shape[1]} and a class "
            "(`backlight train mlp --data FILE.csv` takes any number)"
        )
    if len(y) > MOST_POINTS or y.max() >= MOST_CLASSES:
        raise DataError(
            f"a playground takes {MOST_POINTS:,} points in {MOST_CLASSES} classes, not {len(y):,} in {y.max() + 1}"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = X.mean(axis=0), X.std(axis=0)
    beyond = np.flatnonzero(~np.isfinite(mean + deviation))
    if len(beyond):
        raise DataError(f"the file, column {beyond[0] + 1}: values too large to be standardised in float64")
    scaled = standardise(X, mean, deviation)
    return [(float(a), float(b), int(label)) for (a, b), label in zip(scaled.round(4), y, strict=True)]
