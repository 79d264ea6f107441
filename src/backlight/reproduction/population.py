"""Many small networks of one kind on make_moons, each with its own seed, weights, training and held-out points.

They train as one stack (see `networks.deep_network.stack`); NumPy pays its overhead once for all of them.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backlight.data.points import held_out_seed, make_points
from backlight.networks.activations import Array
from backlight.networks.deep_network import DeepNeuralNetwork, stack
from backlight.networks.losses import Labels, cross_entropy
from backlight.reproduction.mistakes import NO_MISTAKES, Mistakes
from backlight.training.gradient_descent import descend
from backlight.training.optimizers import GradientDescent

SAMPLES, NOISE, HELD_OUT = 200, 0.2, 1000
STACK = 20  # networks of a stack: 20 × 200 samples stay in the L2 cache
LOOKS = 100  # times a training run is looked at


@dataclass(frozen=True)
class Condition:
    """One kind of network and how it is trained, by full-batch gradient descent."""

    sizes: tuple[int, ...]
    activation: str
    learning_rate: float
    l2: float
    passes: int
    mistakes: Mistakes = NO_MISTAKES

    def describe(self) -> dict[str, Any]:
        return {**asdict(self), "sizes": list(self.sizes)}


@dataclass(frozen=True)
class Outcome:
    """What became of S networks of one condition; the curves have a row a look, T looks.

    Attributes:
        parameters: final [W_1, b_1, …], each with a leading axis of length S.
        looks: (T,) passes done at each look.
        train_loss: (T, S) mean cross-entropy on the training points, without the penalty.
        train_accuracy, test_accuracy: (T, S).
        gradient_is_zero: (T, S) True where the data gradient of every parameter is exactly 0.
        logits_nonpositive: (T, S) True where no sample has a logit above 0.
        layer_is_dead: (T, S) True where some hidden layer is exactly 0 on every training point.
    """

    condition: Condition
    parameters: list[Array]
    looks: NDArray[np.int64]
    train_loss: NDArray[np.float64]
    train_accuracy: NDArray[np.float64]
    test_accuracy: NDArray[np.float64]
    gradient_is_zero: NDArray[np.bool_]
    logits_nonpositive: NDArray[np.bool_]
    layer_is_dead: NDArray[np.bool_]

    def network(self) -> DeepNeuralNetwork:
        """All S networks as one stack."""
        network = stack([DeepNeuralNetwork(self.condition.sizes, self.condition.activation)] * len(self.parameters[0]))
        for parameter, final in zip(network.parameters, self.parameters, strict=True):
            parameter[...] = final
        return network


CURVES = ("train_loss", "train_accuracy", "test_accuracy", "gradient_is_zero", "logits_nonpositive", "layer_is_dead")


@cache
def moons_stack(seeds: tuple[int, ...], held_out: bool = False) -> tuple[Array, Labels]:
    """X (S, N, 2) and y (S, N): a draw of its own for each seed."""
    count, seed_of = (HELD_OUT, held_out_seed) if held_out else (SAMPLES, int)
    draws = [make_points("moons", count, NOISE, seed=seed_of(seed)) for seed in seeds]
    return np.stack([draw.X for draw in draws]), np.stack([draw.y for draw in draws])


def train_condition(condition: Condition, seeds: Sequence[int]) -> Outcome:
    """Trains one network a seed, all as one stack."""
    mistakes = condition.mistakes
    network = stack([mistakes.initial_network(condition.sizes, condition.activation, seed) for seed in seeds])
    optimizer = GradientDescent(network.parameters, condition.learning_rate)
    X, y = moons_stack(tuple(seeds))
    looks = look_schedule(condition.passes)
    rows = [look(network, seeds, mistakes)]
    batches = ((X, y) for _ in range(condition.passes))
    for step in descend(network, optimizer, batches, condition.l2, mistakes.gradients):
        if step == looks[len(rows)]:
            rows.append(look(network, seeds, mistakes))
    curves = {name: np.stack([row[name] for row in rows]) for name in CURVES}
    return Outcome(condition, network.parameters, looks, **curves)


def look_schedule(passes: int) -> NDArray[np.int64]:
    """0, then whole numbers evenly spaced in the logarithm, up to `passes`."""
    return np.unique(np.concatenate([[0], np.geomspace(1, passes, LOOKS).round().astype(np.int64)]))


def look(network: DeepNeuralNetwork, seeds: Sequence[int], mistakes: Mistakes) -> dict[str, NDArray]:
    """One row of each curve."""
    X, y = moons_stack(tuple(seeds))
    X_held_out, y_held_out = moons_stack(tuple(seeds), held_out=True)
    passes = network.forward(X)
    logits = passes[-1].activation
    gradients = mistakes.gradients(network, X, y, 0.0)
    return {
        "train_loss": cross_entropy(logits, y),
        "train_accuracy": (logits.argmax(-1) == y).mean(-1),
        "test_accuracy": (network.predict(X_held_out) == y_held_out).mean(-1),
        "gradient_is_zero": ~np.any([gradient.any(axis=(-2, -1)) for gradient in gradients], axis=0),
        "logits_nonpositive": (logits <= 0).all(axis=(-2, -1)),
        "layer_is_dead": np.any([~passed.activation.any(axis=(-2, -1)) for passed in passes[:-1]], axis=0),
    }


def joined(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcomes of one condition on several sets of seeds as one."""
    first = outcomes[0]
    parameters = [np.concatenate(arrays) for arrays in zip(*(each.parameters for each in outcomes), strict=True)]
    curves = {name: np.concatenate([getattr(each, name) for each in outcomes], axis=1) for name in CURVES}
    return Outcome(first.condition, parameters, first.looks, **curves)


def outcome_arrays(outcome: Outcome) -> dict[str, NDArray]:
    """The outcome as named arrays, for a checkpoint."""
    arrays = {name: np.asarray(getattr(outcome, name)) for name in ("looks", *CURVES)}
    return arrays | {f"parameter/{number}": array for number, array in enumerate(outcome.parameters)}


def outcome_from_arrays(condition: Condition, arrays: dict[str, NDArray]) -> Outcome:
    count = sum(name.startswith("parameter/") for name in arrays)
    parameters = [arrays[f"parameter/{number}"] for number in range(count)]
    return Outcome(condition, parameters, arrays["looks"], **{name: arrays[name] for name in CURVES})
