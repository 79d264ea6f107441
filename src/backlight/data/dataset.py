"""What every data source hands on: samples, their labels, and the split into train, validation and test."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backlight.errors import DataError


@dataclass(frozen=True)
class Samples:
    """X: (N, d) float64 points or (N, 28, 28) uint8 images; y: (N,) int64 in 0..K−1."""

    X: NDArray[Any]
    y: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.y)

    def take(self, index: NDArray[np.int64]) -> "Samples":
        return Samples(self.X[index], self.y[index])


@dataclass(frozen=True)
class Dataset:
    """A named data set; `validation` is None where the source has no such part.

    Raises:
        DataError: where a part is empty, holds NaN or infinity, a label outside 0..K−1, or a single class.
    """

    name: str
    classes: int
    train: Samples
    test: Samples
    validation: Samples | None = None

    def __post_init__(self) -> None:
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        for part, samples in parts.items():
            if samples is not None:
                check_samples(samples, self.classes, f"{self.name} ({part})")
        if len(np.unique(self.train.y)) < 2:
            raise DataError(f"{self.name}: the train part holds a single class ({self.train.y[0]}); two are needed")


def check_samples(samples: Samples, classes: int, where: str) -> None:
    """Raises DataError naming `where` and the first bad row (0-based)."""
    if len(samples) == 0:
        raise DataError(f"{where}: no samples")
    if len(samples.X) != len(samples.y):
        raise DataError(f"{where}: {len(samples.X)} samples but {len(samples.y)} labels")
    outside = np.flatnonzero((samples.y < 0) | (samples.y >= classes))
    if len(outside):
        row = outside[0]
        raise DataError(f"{where}: label {samples.y[row]} in row {row} is outside 0..{classes - 1}")
    if samples.X.dtype.kind == "f" and not np.isfinite(samples.X).all():
        row, *column = np.argwhere(~np.isfinite(samples.X))[0]
        raise DataError(f"{where}: {samples.X[row][tuple(column)]} in row {row}, column {column[0]}")


def stratified_split(y: NDArray[np.int64], sizes: list[int], seed: int) -> list[NDArray[np.int64]]:
    """Disjoint random index sets of the given sizes, classes in the proportions of `y`.

    Each class's members are spread evenly over a line, in random order; the sets are stretches of that line.
    """
    rng = np.random.default_rng(seed)
    position = np.empty(len(y))
    for label in np.unique(y):
        members = rng.permutation(np.flatnonzero(y == label))
        position[members] = (np.arange(len(members)) + rng.random()) / len(members)
    order = np.argsort(position, kind="stable")  # any stretch of it holds all classes in proportion
    bounds = np.cumsum(sizes)[:-1]
    return [np.sort(part) for part in np.split(order[: sum(sizes)], bounds)]


def standardise(
    X: NDArray[np.float64], mean: NDArray[np.float64], deviation: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(X − mean) / deviation, columnwise; a constant column becomes 0."""
    scale: NDArray[np.float64] = np.where(deviation > 0, deviation, 1.0)
    return (X - mean) / scale
