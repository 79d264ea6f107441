"""How surely a difference is none of chance, in standard deviations of what chance would give."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

SURE = 4.0  # one-sided p = 3e-5: a thousand healthy runs that are asked thirty such questions raise one alarm
LIKELY = 2.33  # one-sided p = 0.01: enough for a hint

Table = Sequence[Sequence[int]]


def above(right: float, count: float, other_right: float, other_count: float) -> float:
    """z of a first rate above a second; with one success and one failure more (Agresti & Caffo 2000).

    >>> round(above(90, 100, 50, 100), 1)
    6.7
    """
    p, q = (right + 1) / (count + 2), (other_right + 1) / (other_count + 2)
    return float((p - q) / np.sqrt(p * (1 - p) / (count + 2) + q * (1 - q) / (other_count + 2)))


def more_often(this: float, that: float) -> float:
    """z of one of two outcomes being the likelier (McNemar 1947), each having been seen so many times.

    >>> more_often(25, 0), more_often(0, 0)
    (5.0, 0.0)
    """
    return float((this - that) / np.sqrt(max(1.0, this + that)))


def same_shares(counts: ArrayLike, others: ArrayLike) -> float:
    """z of two samples having other shares of some kinds: of χ² over a 2 × K table, by Wilson & Hilferty (1931)."""
    table = np.array([counts, others], np.float64)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return 0.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    chi2, free = float(((table - expected) ** 2 / expected).sum()), table.shape[1] - 1
    return float(((chi2 / free) ** (1 / 3) - (1 - 2 / (9 * free))) / np.sqrt(2 / (9 * free)))


def balanced_above(table: Table, other: Table) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """(z, rates, other rates) of the diagonal of one confusion table above that of another, class by class.

    Classes count as often as they stand in the second table; those that one of the tables lacks are left out.
    """
    first, second = np.array(table, np.float64), np.array(other, np.float64)
    n, m = first.sum(axis=1), second.sum(axis=1)
    kept = (n > 0) & (m > 0)
    n, m, right, told = n[kept], m[kept], np.diag(first)[kept], np.diag(second)[kept]
    if not len(n):
        return 0.0, n, m
    weights = m / m.sum()
    p, q = (right + 1) / (n + 2), (told + 1) / (m + 2)
    spread = np.sqrt((weights**2 * (p * (1 - p) / n + q * (1 - q) / m)).sum())
    return float((weights * (right / n - told / m)).sum() / spread), weights * right / n, weights * told / m
