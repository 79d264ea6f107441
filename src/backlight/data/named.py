"""Data sets as settings name them: a shape, digits, mnist, or the path of a CSV file."""

from pathlib import Path

import numpy as np

from backlight.data.dataset import Dataset, Samples
from backlight.data.digits import IMAGES, load_images, normalised
from backlight.data.points import SHAPES, load_csv, load_points
from backlight.errors import SettingsError

HELD_OUT = 1000  # points
NAMED = (*SHAPES, *IMAGES)  # all data sets but those of files


def load_named(name: str, samples: int, noise: float, classes: int, seed: int, data_dir: Path | None = None) -> Dataset:
    """The data set called `name`, samples as rows; `samples`, `noise` and `classes` are of generated points.

    Raises:
        SettingsError, DataError: if there is none of that name or it cannot be used.
    """
    if name in SHAPES:
        return load_points(name, samples, HELD_OUT, noise, classes, seed)
    if name in IMAGES:
        images = load_images(name, data_dir)
        return Dataset(images.name, images.classes, as_rows(images.train), as_rows(images.test))
    if is_csv(name):
        return load_csv(Path(name), seed=seed)
    raise SettingsError(f"unknown data {name!r}; choose one of {', '.join(NAMED)}, or a path that ends in .csv")


def is_csv(name: str) -> bool:
    return Path(name).suffix.lower() == ".csv"


def as_rows(samples: Samples) -> Samples:
    return Samples(normalised(samples.X).reshape(len(samples), -1).astype(np.float64), samples.y)


def check_widths(layers: tuple[int, ...], data: Dataset) -> None:
    """Raises SettingsError unless the list of widths begins with the features and ends with the classes."""
    features = data.train.X.shape[1]
    if (layers[0], layers[-1]) != (features, data.classes):
        raise SettingsError(
            f"layers {','.join(map(str, layers))} do not fit {data.name}: it has {features} features and "
            f"{data.classes} classes, so the list must begin with {features} and end with {data.classes}"
        )
