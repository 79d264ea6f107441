"""Points in the plane (and a user's CSV of any number of columns): X (N, d) float64, y (N,) in 0..K−1."""

import csv
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backlight.data.dataset import Dataset, Samples, standardise, stratified_split
from backlight.errors import DataError, SettingsError
from backlight.files import file_stamp

Table = tuple[NDArray[np.float64], NDArray[np.int64]]  # features (N, d), classes (N,)


def moons(count: int, noise: float, classes: int, seed: int) -> Samples:
    """Two interleaved half-moons: the very draw of scikit-learn's `make_moons`, without the second its import takes."""
    outer, inner = np.linspace(0, np.pi, count // 2), np.linspace(0, np.pi, count - count // 2)
    X = np.concatenate(
        [np.stack([np.cos(outer), np.sin(outer)]), np.stack([1 - np.cos(inner), 1 - np.sin(inner) - 0.5])], 1
    )
    return shuffled_with_noise(X.T, count // 2, noise, seed)


def circles(count: int, noise: float, classes: int, seed: int) -> Samples:
    """A ring around a ring of half its radius: the very draw of scikit-learn's `make_circles`."""
    outer = np.linspace(0, 2 * np.pi, count // 2, endpoint=False)
    inner = np.linspace(0, 2 * np.pi, count - count // 2, endpoint=False)
    X = np.concatenate([np.stack([np.cos(outer), np.sin(outer)]), 0.5 * np.stack([np.cos(inner), np.sin(inner)])], 1)
    return shuffled_with_noise(X.T, count // 2, noise, seed)


def shuffled_with_noise(X: NDArray[np.float64], zeros: int, noise: float, seed: int) -> Samples:
    """The first `zeros` rows are class 0; shuffled, then moved, with the generator that scikit-learn uses."""
    rng, order = np.random.RandomState(random_state(seed)), np.arange(len(X))
    rng.shuffle(order)
    return Samples(X[order] + rng.normal(scale=noise, size=X.shape), (order >= zeros).astype(np.int64))


def blobs(count: int, noise: float, classes: int, seed: int) -> Samples:
    """K clouds of standard deviation `noise`, their centres evenly spaced on the unit circle."""
    rng, y = own_generator(seed), balanced_labels(count, classes)
    angle = 2 * np.pi * y / classes
    return Samples(np.column_stack([np.cos(angle), np.sin(angle)]) + rng.normal(0, noise, (count, 2)), y)


def spirals(count: int, noise: float, classes: int, seed: int) -> Samples:
    """K arms that turn once around the origin while the radius grows from 0.1 to 1.1; noise scaled by 0.2."""
    rng, y = own_generator(seed), balanced_labels(count, classes)
    radius = rng.uniform(0.1, 1.1, count)
    angle = 2 * np.pi * (radius + y / classes)
    arms = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    return Samples(arms + rng.normal(0, 0.2 * noise, (count, 2)), y)


def xor(count: int, noise: float, classes: int, seed: int) -> Samples:
    """Uniform on [−1, 1]², class 1 where the coordinates' signs differ; labels are set before the noise is added."""
    rng = own_generator(seed)
    X = rng.uniform(-1, 1, (count, 2))
    return Samples(X + rng.normal(0, noise, (count, 2)), (X[:, 0] * X[:, 1] < 0).astype(np.int64))


def balanced_labels(count: int, classes: int) -> NDArray[np.int64]:
    return np.arange(count) % classes


def own_generator(seed: int) -> np.random.Generator:
    """A stream that a network of the same seed does not draw its weights from."""
    return np.random.default_rng([seed, 1])


def random_state(seed: int) -> int:
    """Scikit-learn takes 32 bits."""
    return int(np.random.default_rng(seed).integers(2**31))


SHAPES: dict[str, Callable[[int, float, int, int], Samples]] = {
    shape.__name__: shape for shape in (moons, circles, blobs, spirals, xor)
}
TWO_CLASSES = ("moons", "circles", "xor")


def make_points(name: str, count: int = 200, noise: float = 0.2, classes: int = 2, seed: int = 0) -> Samples:
    """`count` points of the shape called `name`; one seed always gives the same points.

    Raises:
        SettingsError: unknown shape, fewer points than classes, negative noise, or a K the shape cannot have.

    >>> make_points("spirals", count=9, classes=3).y
    array([0, 1, 2, 0, 1, 2, 0, 1, 2])
    """
    if name not in SHAPES:
        raise SettingsError(f"unknown points {name!r}; choose one of {', '.join(SHAPES)}")
    if name in TWO_CLASSES and classes != 2:
        raise SettingsError(f"{name} has 2 classes, not {classes}; blobs and spirals take any number")
    if classes < 2 or count < 2 * classes:
        raise SettingsError(f"{count} points in {classes} classes: at least 2 classes of 2 points are needed")
    if not (noise >= 0 and np.isfinite(noise)):
        raise SettingsError(f"noise must be 0 or more, not {noise}")
    samples = SHAPES[name](count, noise, classes, seed)
    return Samples(samples.X, samples.y.astype(np.int64))


def load_points(
    name: str, count: int = 200, test_count: int = 1000, noise: float = 0.2, classes: int = 2, seed: int = 0
) -> Dataset:
    """`count` points to train on and `test_count` fresh ones of the same distribution held out.

    Args:
        name: moons, circles (scikit-learn's draws), blobs, spirals or xor.
        count, test_count: numbers of points, at least two a class.
        noise: standard deviation of the noise, 0 or more; of spirals a fifth of it.
        classes: K; moons, circles and xor have 2.
        seed: 0 or more; the same seed always gives the same points.

    Returns:
        X float64 (N, 2), y int64 (N,) in 0…K − 1, in the parts train and test.

    Raises:
        SettingsError: for an unknown shape, too few points, negative noise, or a K that the shape cannot have.

    >>> data = load_points("spirals", 300, classes=3)
    >>> data.train.X.shape, data.test.X.shape, data.classes
    ((300, 2), (1000, 2), 3)
    """
    train = make_points(name, count, noise, classes, seed)
    test = make_points(name, test_count, noise, classes, seed=held_out_seed(seed))
    return Dataset(name, classes, train, test)


def held_out_seed(seed: int) -> int:
    """A seed for test points that is never one of the small seeds people train with."""
    return seed + 2**32


def load_csv(path: Path | str, test_share: float = 0.2, seed: int = 0) -> Dataset:
    """A user's CSV: numbers in all columns but the last, the class in the last (0..K−1); a header is allowed.

    Columns are standardised with the mean and standard deviation of the train part.

    Args:
        path: of the file: UTF-8, columns parted by comma, semicolon or tab.
        test_share: share of the rows that is held out, between 0 and 1, the same in each class.
        seed: of the split.

    Returns:
        X float64 (N, d), y int64 (N,), in the parts train and test.

    Raises:
        DataError: naming file, line (1-based) and column of what cannot be used.
        SettingsError: for a share that is none.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "mine.csv"
    ...     _ = file.write_text("height,class\\n1.0,0\\n2.0,1\\n1.5,0\\n2.5,1\\n1.2,0\\n2.2,1\\n")
    ...     data = load_csv(file, test_share=0.5)
    >>> data.train.X.shape, sorted(data.test.y.tolist())
    ((3, 1), [0, 1, 1])
    """
    if not 0 < test_share < 1:
        raise SettingsError(f"test share must lie between 0 and 1, not {test_share}")
    path = Path(path)
    X, y = read_unchanged_csv(path, file_stamp(path))
    absent = np.setdiff1d(np.arange(min(int(y.max()), len(y))), y)
    if len(absent):
        raise DataError(f"{path}: class {y.max()} occurs but class {absent[0]} does not; they are counted 0, 1, 2, …")
    classes = int(y.max()) + 1
    if len(np.unique(y)) < 2:
        raise DataError(f"{path}: a single class ({y[0]}); two are needed")
    held_out = min(len(y) - 1, max(1, round(test_share * len(y))))
    train, test = stratified_split(y, [len(y) - held_out, held_out], seed)
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = X[train].mean(axis=0), X[train].std(axis=0)
    beyond = np.flatnonzero(~np.isfinite(mean + deviation))
    if len(beyond):
        raise DataError(f"{path}, column {beyond[0] + 1}: values too large to be standardised in float64")
    samples = Samples(standardise(X, mean, deviation), y)
    return Dataset(str(path), classes, samples.take(train), samples.take(test))


@lru_cache(maxsize=1)
def read_unchanged_csv(path: Path, stamp: tuple[int, int] | None) -> Table:
    """A study splits the same file once for each seed."""
    return read_csv(path)


def read_csv(path: Path) -> Table:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as CSV text: {error}") from None
    return parse_csv(text, path)


def parse_csv(text: str, path: Path) -> Table:
    """Features (N, d) and classes (N,) of a CSV's text; `path` is what errors call it."""
    plain = text.splitlines()
    delimiter = max(",;\t", key=plain[0].count) if plain else ","
    try:
        lines = list(csv.reader(plain, delimiter=delimiter))
    except csv.Error as error:
        raise DataError(f"{path}: cannot be read as CSV text: {error}") from None
    rows = [(number, row) for number, row in enumerate(lines, start=1) if any(cell.strip() for cell in row)]
    if rows and not any(is_number(cell) for cell in rows[0][1]):
        rows = rows[1:]  # a header
    if not rows:
        raise DataError(f"{path}: no rows")
    table = np.array([parse_row(path, number, row, width=len(rows[0][1])) for number, row in rows])
    return table[:, :-1], table[:, -1].astype(np.int64)


def parse_row(path: Path, number: int, row: list[str], width: int) -> list[float]:
    if len(row) != width or width < 2:
        raise DataError(f"{path}, line {number}: {len(row)} columns, expected {max(width, 2)} (features, then class)")
    for column, cell in enumerate(row, start=1):
        if not is_number(cell):
            raise DataError(f"{path}, line {number}, column {column}: {cell!r} is not a number")
        if not np.isfinite(float(cell)):
            raise DataError(f"{path}, line {number}, column {column}: {cell} is not finite")
    label = float(row[-1])
    if label != int(label) or not 0 <= label < 2**31:
        raise DataError(f"{path}, line {number}: class {row[-1]} is not one of 0, 1, 2, …")
    return [float(cell) for cell in row]


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
