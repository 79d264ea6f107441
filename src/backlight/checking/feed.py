"""The samples a network is tried on, in the layout that the user's code expects."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from backlight.networks.activations import Array
from backlight.networks.losses import Labels, one_hot

Layout = Literal["rows", "columns", "single column", "single vector", "single row"]
Encoding = Literal["integers", "one-hot", "column", "row", "scalar"]

FEW = 3  # where they are taken one by one
SAMPLES = 7  # no width, number of classes or inputs is 7, so that no sum over samples looks like one over units


@dataclass(frozen=True)
class Feed:
    """N samples, and how they are handed over.

    Attributes:
        X: (N, d), always.
        y: (N,) class numbers 0 … K − 1; for K = 1, 0 or 1.
        classes: K, the number of outputs.
        layout: samples as rows (N, d), as columns (d, N), or one at a time.
        encoding: labels as integers, as one-hot rows (or columns), as (N, 1) or (1, N) numbers.
        first: the number of the first class, where labels are numbers.
    """

    X: Array
    y: Labels
    classes: int
    layout: Layout
    encoding: Encoding
    first: int = field(default=0, kw_only=True)

    @property
    def single(self) -> bool:
        return self.layout.startswith("single")

    def inputs(self) -> Array:
        return self.X.T.copy() if self.layout == "columns" else self.X.copy()

    def labels(self) -> Any:
        return self.encoded(self.y, self.layout)

    def encoded(self, y: Labels, layout: Layout) -> Any:
        if self.encoding == "integers":
            return y + self.first
        rows = self.targets() if len(y) == len(self.y) else y
        if self.encoding == "column":
            return y[:, None].astype(np.int64) + self.first
        if self.encoding == "row":
            return y[None, :].astype(np.int64) + self.first
        return rows.T.copy() if layout == "columns" else rows.copy()

    def targets(self) -> Array:
        """(N, K) what the outputs should be: one-hot rows, or the labels themselves for K = 1."""
        if self.classes == 1:
            return self.y[:, None].astype(float)
        return one_hot(self.y, self.classes).astype(float)

    def sample(self, index: int) -> tuple[Any, Any]:
        """One sample, for code that takes one at a time."""
        x, target = self.X[index], self.targets()[index]
        if self.layout == "single column":
            x, target = x[:, None].copy(), target[:, None]
        if self.layout == "single row":
            x, target = x[None, :].copy(), target[None, :]
        if self.encoding in ("integers", "scalar"):
            return x.copy(), int(self.y[index]) + self.first
        return x.copy(), target.copy()


def feeds(inputs: int, classes: int, samples: int = SAMPLES, seed: int = 0, first: int = 0) -> list[Feed]:
    """Every layout and encoding that code of this kind is written for, the common ones first.

    With `first`, also those in which the classes are counted from there.
    """
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((samples, inputs))
    y = rng.permutation(np.arange(samples) % max(classes, 2))
    many: list[tuple[Layout, Encoding]] = [("rows", "integers"), ("rows", "one-hot"), ("columns", "one-hot")]
    one: list[tuple[Layout, Encoding]] = [("single column", "one-hot"), ("single vector", "one-hot"),
                                          ("single row", "one-hot")]  # fmt: skip
    if classes == 1:
        pairs = [("rows", "column"), ("columns", "row"), ("rows", "integers"), ("columns", "integers"), *one]
    else:
        pairs = [*many, ("columns", "integers"), ("columns", "row"), ("rows", "column"), *one,
                 ("single column", "scalar"), ("single vector", "scalar")]  # fmt: skip
    found = []
    for layout, encoding in pairs:
        count = FEW if layout.startswith("single") else samples
        found.append(Feed(X[:count], y[:count], classes, layout, encoding))  # type: ignore[arg-type]  # of the names above
        if first and classes > 1 and encoding != "one-hot":
            found.append(replace(found[-1], first=first))
    return found
