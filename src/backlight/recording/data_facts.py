"""What samples are like, in some numbers that cost a fraction of a second."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backlight.recording.facts import DataFacts

MOST_FEATURES = 256  # of which each has its own mean and deviation in the file
MOST_ROWS, MOST_ASKED = 2000, 400  # features are looked at, and neighbours found, among so many; for so many
BLOCK = 4096  # rows


def describe_data(X: ArrayLike, y: ArrayLike, X_test: ArrayLike, y_test: ArrayLike, classes: int) -> DataFacts:
    """The facts of samples as the network is given them.

    Args:
        X, X_test: (N, …) features of the training part and of that which accuracies are measured on.
        y, y_test: (N,) classes 0…K−1.
        classes: K.
    """
    train, test = as_rows(X), as_rows(X_test)
    labels, test_labels = np.asarray(y, np.int64).reshape(-1), np.asarray(y_test, np.int64).reshape(-1)
    wide = train.shape[1] > MOST_FEATURES
    columns = train.reshape(-1, 1) if wide else train
    counts = class_counts(labels, classes)
    some = np.random.default_rng(0).permutation(len(train))[:MOST_ROWS]
    explained = explained_shares(train[some], labels[some])
    order = np.argsort(explained)[::-1]
    second = float(explained[order[1]]) if len(order) > 1 else 0.0
    rows, test_rows = row_keys(train), row_keys(test)
    return DataFacts(
        train_samples=len(train),
        test_samples=len(test),
        train_counts=tuple(counts.tolist()),
        test_counts=tuple(class_counts(test_labels, classes).tolist()),
        means=numbers(columns.mean(axis=0)),
        deviations=numbers(columns.std(axis=0)),
        largest=numbers(np.abs(columns).max(axis=0)),
        repeated_in_test=float(np.isin(test_rows, rows).mean()),
        repeated_in_train=1 - len(np.unique(rows)) / len(rows),
        label_runs=runs_by_chance(labels, counts),
        explained=(float(explained[order[0]]), second),
        explaining_feature=int(order[0]),
        neighbours=agreement(train, labels, train, labels, True),
        test_neighbours=agreement(train, labels, test, test_labels, False),
        chance=float(((counts / max(1, counts.sum())) ** 2).sum()),
    )


def numbers(values: NDArray[np.float32]) -> tuple[float, ...]:
    return tuple(values.astype(np.float64).tolist())


def as_rows(X: ArrayLike) -> NDArray[np.float32]:
    """(N, d) float32, in which repeated rows stay repeated."""
    array = np.asarray(X, np.float32)
    return np.ascontiguousarray(array.reshape(len(array), -1))


def class_counts(labels: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    return np.bincount(labels[labels >= 0], minlength=classes)


def row_keys(rows: NDArray[np.float32]) -> NDArray[np.uint64]:
    """(N,) a number per row, equal for equal rows and, but for one pair in 2⁶⁴, for these alone."""
    factors = np.random.default_rng(0).integers(1, 2**63, (2, rows.shape[1]), np.uint64) | np.uint64(1)
    keys = np.zeros(len(rows), np.uint64)
    for first in range(0, len(rows), BLOCK):
        words = (rows[first : first + BLOCK] + np.float32(0)).view(np.uint32).astype(np.uint64)  # −0 becomes 0
        words *= factors[0]
        words ^= words >> np.uint64(29)
        keys[first : first + BLOCK] = (words * factors[1]).sum(axis=1, dtype=np.uint64)
    return keys


def runs_by_chance(labels: NDArray[np.int64], counts: NDArray[np.int64]) -> float:
    """Stretches of equal labels by their expected number in random order, 1 + Σ n_k (N − n_k)/N (Wald & Wolfowitz)."""
    runs = 1 + int((labels[1:] != labels[:-1]).sum())
    expected = 1 + float((counts * (len(labels) - counts)).sum()) / max(1, len(labels))
    return runs / expected


def explained_shares(rows: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(d,) η² of each feature: variance between classes by the whole variance; 0 for a constant one."""
    rows = rows.astype(np.float64)
    total = rows.var(axis=0)
    centre = rows.mean(axis=0)
    between = np.zeros_like(total)
    for label in np.unique(labels):
        members = rows[labels == label]
        between += len(members) / len(rows) * (members.mean(axis=0) - centre) ** 2
    return np.divide(between, total, out=np.zeros_like(total), where=total > 0)


def agreement(
    rows: NDArray[np.float32], labels: NDArray[np.int64],
    asked: NDArray[np.float32], asked_labels: NDArray[np.int64], same: bool,
) -> float:  # fmt: skip
    """Share of `asked` rows whose nearest row has their label; `same`: they are the rows themselves."""
    deviation = rows.std(axis=0)
    scale = np.divide(1, deviation, out=np.ones_like(deviation), where=deviation > 0) if rows.shape[1] <= 64 else 1
    chosen = np.random.default_rng(0).permutation(len(rows))[:MOST_ROWS]
    picked = chosen[:MOST_ASKED] if same else np.random.default_rng(0).permutation(len(asked))[:MOST_ASKED]
    base, queries = rows[chosen] * scale, asked[picked] * scale
    distances = (base**2).sum(axis=1)[None] - 2 * queries @ base.T
    if same:
        distances[np.arange(len(picked)), np.arange(len(picked))] = np.inf
    nearest = chosen[distances.argmin(axis=1)]
    return float((labels[nearest] == asked_labels[picked]).mean())
