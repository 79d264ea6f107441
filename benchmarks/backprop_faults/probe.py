"""A program run: its loss and gradients at generic parameters, central differences, and the curl of its gradient."""

import contextlib
import io
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SAMPLES = 7  # no width and no number of classes
GENERIC = {1: (3, 1), 2: (3, 5, 4), 3: (3, 5, 6, 4), 4: (3, 5, 6, 8, 4)}
STEP = 1e-5


class Probe:
    """A program and its driver, executed.

    Attributes:
        names: each layer's parameters as the program calls them, from the input upwards.
    """

    def __init__(self, text: str, driver: str, feed: str, sizes: Sequence[int], act: str, seed: int = 0) -> None:
        self.random = np.random.default_rng([seed, 5])
        self.space: dict[str, Any] = {"__name__": "program"}
        with quiet():
            exec(compile(text, "program.py", "exec"), self.space)
            self.space |= {"SIZES": list(sizes), "ACT": act, **batch(feed, sizes, self.random)}
            exec(compile(driver, "driver.py", "exec"), self.space)
        self.arrays: list[list[Array]] = [list(layer.values()) for layer in self.space["probe_layers"]()]
        self.names: list[list[str]] = [list(layer) for layer in self.space["probe_layers"]()]
        self.point: list[Array] = []
        self.first = [array.copy() for array in self.flat]

    @property
    def flat(self) -> list[Array]:
        return [array for layer in self.space["probe_layers"]() for array in layer.values()]

    def move(self) -> None:
        """To parameters at which nothing coincides."""
        self.point = [
            self.random.normal(
                0, 0.5 if 1 in array.shape or array.ndim == 1 else 1 / np.sqrt(array.shape[0]), array.shape
            )
            for array in self.first
        ]

    def set(self, point: Sequence[Array]) -> None:
        for array, value in zip(self.flat, point, strict=True):
            array[...] = value

    def loss(self) -> float:
        with quiet():
            return float(np.sum(self.space["probe_loss"]()))

    def gradients(self) -> list[Array]:
        self.set(self.point)
        with quiet():
            found = self.space["probe_gradients"]()
        values = [np.array(value, dtype=float) for layer in found for value in layer.values()]
        self.set(self.point)
        return values

    def numeric(self) -> list[Array]:
        found = []
        for number, value in enumerate(self.point):
            gradient = np.zeros_like(value)
            for index in np.ndindex(value.shape):
                ends = []
                for sign in (1, -1):
                    moved = [array.copy() for array in self.point]
                    moved[number][index] += sign * STEP
                    self.set(moved)
                    ends.append(self.loss())
                gradient[index] = (ends[0] - ends[1]) / (2 * STEP)
            found.append(gradient)
        self.set(self.point)
        return found

    def curl(self, pairs: int = 4) -> float:
        """How far the gradient is from having a symmetric Jacobian: 0 if it belongs to any scalar at all."""
        here, worst = self.point, 0.0
        for _ in range(pairs):
            u, v = ([self.random.normal(size=array.shape) for array in here] for _ in range(2))
            first, second = inner(u, self.along(v)), inner(v, self.along(u))
            scale = np.sqrt(inner(self.along(v), self.along(v)) * inner(u, u)) or 1.0
            worst = max(worst, abs(first - second) / scale)
        return float(worst)

    def along(self, direction: Sequence[Array]) -> list[Array]:
        here, ends = self.point, []
        for sign in (1, -1):
            self.point = [a + sign * STEP * d for a, d in zip(here, direction, strict=True)]
            ends.append(self.gradients())
        self.point = here
        return [(a - b) / (2 * STEP) for a, b in zip(*ends, strict=True)]


def batch(feed: str, sizes: Sequence[int], random: np.random.Generator) -> dict[str, Any]:
    layout, labels = feed.split(" ")
    count = 1 if layout == "single" else SAMPLES
    X, K = random.normal(size=(count, sizes[0])), sizes[-1]
    if labels == "index":
        y = random.permutation(np.arange(count) % K)
    elif labels == "binary":
        y = random.permutation(np.arange(count) % 2)[:, None].astype(float)
    else:
        y = np.eye(K)[random.permutation(np.arange(count) % K)]
    return {"X": X, "Y": y} if layout == "rows" else {"X": X.T.copy(), "Y": y.T.copy()}


def inner(a: Sequence[Array], b: Sequence[Array]) -> float:
    return float(sum(np.sum(x * y) for x, y in zip(a, b, strict=True)))


def difference(a: Array, b: Array) -> float:
    """‖a − b‖ / (‖a‖ + ‖b‖), infinite if the shapes are not the same."""
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("inf")
    scale = float(np.linalg.norm(a) + np.linalg.norm(b))
    return float(np.linalg.norm(a - b)) / scale if scale else 0.0


@contextlib.contextmanager
def quiet() -> Any:
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
