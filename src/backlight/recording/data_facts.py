"""What samples are like, in some numbers that cost a fraction of a second."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backlight.recording.facts import DataFacts

MOST_FEATURES = 256  # of which each has its own mean and deviation in the file
MOST_ROWS, MOST_ASKED = 2000, 1000  # features are looked at, and neighbours found, among so many; for so many
MOST_CLASSES = 32  # of which votes are counted class by class
MOST_ALONE = 32  # features that are looked at alone: those with the largest η²
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
    _, first, which, repeats = np.unique(rows, return_index=True, return_inverse=True, return_counts=True)
    same = which == repeats.argmax()
    near = Neighbours(train[first], labels[first])  # a row's copies say nothing about rows that are only like it
    own, others = near.of_themselves(), near.of(test)
    alike = as_many(test_labels, counts)
    test_near = Neighbours(test[alike], test_labels[alike])
    test_own = test_near.of_themselves()
    asked, test_asked = near.labels[: len(own)], test_labels[: len(others)]
    alone = told_alone(train[some][:, order[:MOST_ALONE]], labels[some])
    best = np.argsort(alone)[::-1]
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
        neighbours=share(own[:, 0] == asked),
        test_neighbours=share(others[:, 0] == test_asked),
        chance=float(((counts / max(1, counts.sum())) ** 2).sum()),
        votes=vote_table(own, asked, classes),
        test_votes=vote_table(others, test_asked, classes),
        test_own_votes=vote_table(test_own, test_near.labels[: len(test_own)], classes),
        same_row_counts=tuple(class_counts(labels[same], classes).tolist()) if repeats.max() > 1 else (),
        alone=(float(alone[best[0]]), float(alone[best[1]]) if len(best) > 1 else 0.0),
        telling_feature=int(order[best[0]]),
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
    shares: NDArray[np.float64] = np.divide(between, total, out=np.zeros_like(total), where=total > 0)
    return shares


def told_alone(columns: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """(d,) share of rows whose class is that of the nearest other row, if nothing but one feature is known."""
    if len(labels) < 2:
        return np.zeros(columns.shape[1])
    order = np.argsort(columns, axis=0, kind="stable")
    values, classes = np.take_along_axis(columns, order, 0), labels[order]
    gaps = np.pad(np.diff(values, axis=0), ((1, 1), (0, 0)), constant_values=np.inf)
    alike = np.pad(classes[1:] == classes[:-1], ((1, 1), (0, 0)))
    return np.asarray(np.where(gaps[:-1] < gaps[1:], alike[:-1], alike[1:]).mean(axis=0))


def as_many(labels: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Indices of at most so many samples of each class."""
    order = np.argsort(labels, kind="stable")
    rank = np.arange(len(labels)) - np.searchsorted(labels[order], labels[order])
    return np.sort(order[rank < counts[labels[order]]])


def share(agreeing: NDArray[np.bool_]) -> float:
    return float(agreeing.mean()) if len(agreeing) else float("nan")


class Neighbours:
    """Rows that others are held against.

    Attributes:
        rows, labels: at most MOST_ROWS of those given, in random order.
    """

    def __init__(self, rows: NDArray[np.float32], labels: NDArray[np.int64]):
        chosen = np.random.default_rng(0).permutation(len(rows))[:MOST_ROWS]
        deviation = rows.std(axis=0)
        few = rows.shape[1] <= 64
        self.scale = np.divide(1, deviation, out=np.ones_like(deviation), where=deviation > 0) if few else 1
        self.rows, self.labels = rows[chosen] * self.scale, labels[chosen]

    def of_themselves(self) -> NDArray[np.int64]:
        """(n, k) labels of the nearest other rows, the nearest first, of the first rows."""
        distances = self._distances(self.rows[:MOST_ASKED])
        np.fill_diagonal(distances, np.inf)
        return self._nearest(distances)

    def of(self, asked: NDArray[np.float32]) -> NDArray[np.int64]:
        """(n, k) those of the first rows of others."""
        return self._nearest(self._distances(asked[:MOST_ASKED] * self.scale))

    def _distances(self, asked: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray((self.rows**2).sum(axis=1)[None] - 2 * asked @ self.rows.T)

    def _nearest(self, distances: NDArray[np.float32]) -> NDArray[np.int64]:
        """Of √n rows, the usual choice (Duda, Hart & Stork 2001, section 4.4), an odd number of them."""
        count = min(int(len(self.rows) ** 0.5) // 2 * 2 + 1, max(1, len(self.rows) - 1))
        some = np.argpartition(distances, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(distances, some, 1), axis=1)
        return self.labels[np.take_along_axis(some, order, 1)]


def vote_table(nearest: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> tuple[tuple[int, ...], ...]:
    """(K, K) rows of each class by the class that most of their nearest rows have; empty for many classes."""
    if classes > MOST_CLASSES:
        return ()
    votes = np.zeros((len(labels), classes), np.int64)
    for column in nearest.T:
        votes[np.arange(len(labels)), column] += 1
    table = np.zeros((classes, classes), np.int64)
    np.add.at(table, (labels, votes.argmax(axis=1)), 1)
    return tuple(tuple(row) for row in table.tolist())
