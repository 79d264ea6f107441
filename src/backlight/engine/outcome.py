"""What became of a population: final parameters, and curves of what was seen at each look."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backlight.compilation import announced
from backlight.data.dataset import Samples
from backlight.engine.kernels import codes, descent
from backlight.engine.memory import Reals, blocks_of, network_of, pays_by_matrix, plan_of
from backlight.engine.threads import one_blas_thread, run_tasks, slices
from backlight.errors import DataError
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.networks.losses import softmax


@dataclass(frozen=True)
class Outcome:
    """What became of S networks; the curves have a row a look, T looks.

    Attributes:
        sizes, activation: of all networks, as in `Population`.
        parameters: (S, P) final ones.
        looks: (T,) steps done at each look.
        train_loss: (T, S) mean cross-entropy on the training samples in nats, without the penalty.
        train_accuracy, test_accuracy: (T, S), 0…1.
        gradient_is_zero: (T, S) True where the data gradient of every parameter is exactly 0.
        logits_nonpositive: (T, S) True where no sample has a logit above 0.
        layer_is_dead: (T, S) True where some hidden layer is exactly 0 on every training sample.
        silent_share: (T, S) share of hidden units that fire (a > 0) on no training sample; only units of a
            rectifier can be silent.
        saturated_share: (T, S) share of hidden values outside [0.01, 0.99] (sigmoid) or [−0.98, 0.98] (tanh).

    All curves are NaN or False from the look at which the loss is no longer finite.
    """

    sizes: tuple[int, ...]
    activation: str | tuple[str, ...]
    parameters: Reals
    looks: NDArray[np.int64]
    train_loss: NDArray[np.float64]
    train_accuracy: NDArray[np.float64]
    test_accuracy: NDArray[np.float64]
    gradient_is_zero: NDArray[np.bool_]
    logits_nonpositive: NDArray[np.bool_]
    layer_is_dead: NDArray[np.bool_]
    silent_share: NDArray[np.float64]
    saturated_share: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.parameters)

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """(S,) True where the final loss or a parameter is not finite."""
        finite: NDArray[np.bool_] = np.isfinite(self.train_loss[-1]) & np.isfinite(self.parameters).all(axis=1)
        return ~finite

    def steps_to(self, accuracy: float) -> NDArray[np.float64]:
        """(S,) steps until the held-out accuracy first exceeds `accuracy`, to within the looks; NaN if never."""
        reached = self.test_accuracy > accuracy
        return np.where(reached.any(axis=0), self.looks[reached.argmax(axis=0)].astype(np.float64), np.nan)

    def networks(self, first: int = 0, last: int | None = None) -> DeepNeuralNetwork:
        """Numbers first … last − 1, or all, as one stack of float64 NumPy networks (leading axes of length S)."""
        return network_of(self.sizes, self.activation, self.parameters[first:last])

    def network(self, index: int) -> DeepNeuralNetwork:
        """One of the S networks, float64."""
        return network_of(self.sizes, self.activation, self.parameters[index])

    def predict_proba(self, X: ArrayLike, threads: int | None = None) -> NDArray[np.float64]:
        """Class probabilities float64 (S, M, K) of every network at the points X (M, d), such as those of a grid.

        Args:
            X: (M, d) real.
            threads: all cores if not given.

        Raises:
            DataError: if X is not of that shape.
        """
        points = np.asarray(X)
        if points.ndim != 2 or points.shape[1] != self.sizes[0]:
            raise DataError(f"points must have the shape (M, {self.sizes[0]}), not {points.shape}")
        if len(points) == 0:
            return np.empty((len(self), 0, self.sizes[-1]))
        return softmax(population_logits(self, points, threads).astype(np.float64))


def population_logits(outcome: Outcome, X: NDArray[Any], threads: int | None = None) -> Reals:
    """(S, M, K) logits in the networks' own precision."""
    kind = outcome.parameters.dtype
    samples = blocks_of([Samples(X, np.zeros(len(X), np.int64))], kind)
    room = samples.X.shape[1] * samples.X.shape[3]
    logits = np.empty((len(outcome), outcome.sizes[-1], room), kind)
    whole = plan_of(outcome.sizes, outcome.activation)
    rule = codes.Rule(codes.IDENTITY, codes.GRADIENT_DESCENT, 0, pays_by_matrix(outcome.sizes))
    draws = np.zeros(len(outcome), np.int64)

    def run(part: slice) -> None:
        descent.network_logits(rule, whole, outcome.parameters[part], draws[part], samples, logits[part])

    tasks = [partial(run, part) for part in slices(len(outcome), threads)]
    with announced(), one_blas_thread(rule.by_matrix):
        run_tasks(tasks, threads)
    return logits[:, :, : len(X)].swapaxes(1, 2)
