"""Thousands of small networks of one kind, each with its own seed, weights, data, step and penalty.

A thread takes a few networks at a time and trains them from the first step to the last. Where there are fewer
networks than threads, the threads share the samples of each. Either way a network's numbers depend on nothing but
its own settings: not on its neighbours, their order, or the number of threads.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from backlight.data.batches import epoch_order, steps_per_epoch
from backlight.data.dataset import Dataset, Samples
from backlight.data.named import check_widths
from backlight.engine import kernels
from backlight.engine.compilation import ensure_compiled
from backlight.engine.memory import (
    SEGMENTS,
    blocks_of,
    check_memory,
    check_sizes,
    empty_blocks,
    flatten,
    pays_by_matrix,
    plan_of,
    unflatten,
)
from backlight.engine.threads import Task, one_blas_thread, run_tasks, thread_count
from backlight.errors import DataError, SettingsError
from backlight.networks.activations import ACTIVATIONS, activation_named
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.networks.layer import Layer
from backlight.networks.losses import softmax

ACTIVATION_CODES = {
    "tanh": kernels.TANH,
    "sigmoid": kernels.SIGMOID,
    "relu": kernels.RELU,
    "leaky_relu": kernels.LEAKY_RELU,
    "identity": kernels.IDENTITY,
}
OPTIMIZER_CODES = {"sgd": kernels.GRADIENT_DESCENT, "momentum": kernels.MOMENTUM, "adam": kernels.ADAM}
MEASURES = (
    "train_loss",
    "train_accuracy",
    "test_accuracy",
    "gradient_is_zero",
    "logits_nonpositive",
    "layer_is_dead",
    "silent_share",
    "saturated_share",
)
LOOKS = 100  # times a training run is looked at
ORDERS_HELD = 2_000_000  # sample indices of mini-batches that a task prepares ahead

Report = Callable[[int], None]


@dataclass(frozen=True)
class Population:
    """S networks before training.

    Attributes:
        sizes: widths [d_0, …, K] of all.
        activation: of their hidden layers.
        parameters: (S, P) float64: W_1 row by row, b_1, W_2, …
        seeds: (S,) of the mini-batches' order.
        learning_rate: (S,) steps on the mean loss; l2: (S,) λ of each.
        draws: (S,) which of the data sets each is trained on.
        optimizer: sgd, momentum or adam.
        batch_size: samples of an update; all of them if None.
        output_gate: an activation by whose derivative δ_L is multiplied, which is a mistake unless it is identity.
    """

    sizes: tuple[int, ...]
    activation: str
    parameters: NDArray[np.float64]
    seeds: NDArray[np.int64]
    learning_rate: NDArray[np.float64]
    l2: NDArray[np.float64]
    draws: NDArray[np.int64]
    optimizer: str = "sgd"
    batch_size: int | None = None
    output_gate: str = "identity"

    def __post_init__(self) -> None:
        check_sizes(self.sizes)
        activation_named(self.activation)
        activation_named(self.output_gate)
        if self.optimizer not in OPTIMIZER_CODES:
            raise SettingsError(f"unknown optimizer {self.optimizer!r}; choose one of {', '.join(OPTIMIZER_CODES)}")
        if len(self.parameters) == 0:
            raise SettingsError("a population needs at least one seed")
        if not np.isfinite(self.parameters).all():
            raise SettingsError("the initial parameters are not finite; is init_scale a number?")
        if not (np.isfinite(self.learning_rate).all() and (self.learning_rate > 0).all()):
            raise SettingsError(
                f"every learning_rate must be a number above 0, not {first_bad(self.learning_rate, 0):g}"
            )
        if not (np.isfinite(self.l2).all() and (self.l2 >= 0).all()):
            raise SettingsError(f"every l2 must be 0 or more, not {first_bad(self.l2, -np.finfo(float).tiny):g}")
        if self.batch_size is not None and self.batch_size < 1:
            raise SettingsError(f"batch_size must be at least 1, not {self.batch_size}")

    def __len__(self) -> int:
        return len(self.parameters)

    @classmethod
    def initialised(
        cls,
        sizes: Sequence[int],
        activation: str,
        seeds: Sequence[int],
        learning_rate: ArrayLike = 0.5,
        l2: ArrayLike = 5e-5,
        init_scale: ArrayLike = 1.0,
        draws: ArrayLike = 0,
        optimizer: str = "sgd",
        batch_size: int | None = None,
        output_gate: str = "identity",
    ) -> "Population":
        """The network that `DeepNeuralNetwork(sizes, activation, seed)` is, for each seed; weights times `init_scale`.

        What is given as one number holds for all networks.

        Raises:
            SettingsError: for settings that cannot be trained, or more networks than fit into memory.
        """
        sizes, count = check_sizes(sizes), len(seeds)
        if count == 0:
            raise SettingsError("a population needs at least one seed")
        check_memory(count, sizes)
        scales = np.broadcast_to(np.asarray(init_scale, np.float64), count)
        parameters = np.stack(
            [
                flatten(DeepNeuralNetwork(sizes, activation, int(seed)).parameters) * scale
                for seed, scale in zip(seeds, scales, strict=True)
            ]
        )
        return cls(
            sizes,
            activation,
            parameters,
            np.asarray(seeds, np.int64),
            np.array(np.broadcast_to(np.asarray(learning_rate, np.float64), count)),
            np.array(np.broadcast_to(np.asarray(l2, np.float64), count)),
            np.array(np.broadcast_to(np.asarray(draws, np.int64), count)),
            optimizer,
            batch_size,
            output_gate,
        )


def first_bad(values: NDArray[np.float64], bound: float) -> float:
    return float(values[~(np.isfinite(values) & (values > bound))][0])


@dataclass(frozen=True)
class Outcome:
    """What became of S networks; the curves have a row a look, T looks.

    Attributes:
        sizes, activation: of all networks.
        parameters: (S, P) final ones.
        looks: (T,) steps done at each look.
        train_loss: (T, S) mean cross-entropy on the training samples, without the penalty.
        train_accuracy, test_accuracy: (T, S).
        gradient_is_zero: (T, S) True where the data gradient of every parameter is exactly 0.
        logits_nonpositive: (T, S) True where no sample has a logit above 0.
        layer_is_dead: (T, S) True where some hidden layer is exactly 0 on every training sample.
        silent_share: (T, S) share of hidden units that fire (a > 0) on no training sample; 0 for tanh and sigmoid.
        saturated_share: (T, S) share of hidden values outside [0.01, 0.99] (sigmoid) or [−0.98, 0.98] (tanh).

    All curves are NaN or False from the look at which the loss is no longer finite.
    """

    sizes: tuple[int, ...]
    activation: str
    parameters: NDArray
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
        return ~(np.isfinite(self.train_loss[-1]) & np.isfinite(self.parameters).all(axis=1))

    def steps_to(self, accuracy: float) -> NDArray[np.float64]:
        """(S,) steps until the held-out accuracy first exceeds `accuracy`, to within the looks; NaN if never."""
        reached = self.test_accuracy > accuracy
        return np.where(reached.any(axis=0), self.looks[reached.argmax(axis=0)].astype(np.float64), np.nan)

    def networks(self, first: int = 0, last: int | None = None) -> DeepNeuralNetwork:
        """Numbers first … last − 1, or all, as one stack of float64 NumPy networks (leading axes of length S)."""
        return network_of(self.sizes, self.activation, self.parameters[first:last])

    def network(self, index: int) -> DeepNeuralNetwork:
        return network_of(self.sizes, self.activation, self.parameters[index])

    def predict_proba(self, X: NDArray, threads: int | None = None) -> NDArray:
        """Class probabilities (S, M, K) of every network at the points X (M, d), such as those of a grid."""
        return softmax(population_logits(self, X, threads).astype(np.float64))


def network_of(sizes: Sequence[int], activation: str, parameters: NDArray) -> DeepNeuralNetwork:
    """The network, or stack of networks, whose flat parameters (…, P) these are, in float64."""
    arrays = unflatten(parameters.astype(np.float64), sizes)
    functions = [activation_named(activation)] * (len(sizes) - 2) + [ACTIVATIONS["identity"]]
    return DeepNeuralNetwork.from_layers(
        [Layer(W, b, function) for W, b, function in zip(arrays[::2], arrays[1::2], functions, strict=True)]
    )


def look_schedule(steps: int) -> NDArray[np.int64]:
    """0, then whole numbers evenly spaced in the logarithm, up to `steps`."""
    return np.unique(np.concatenate([[0], np.geomspace(1, steps, LOOKS).round().astype(np.int64)]))


def train_population(
    population: Population,
    data: Sequence[Dataset],
    steps: int,
    looks: Sequence[int] | None = None,
    dtype: DTypeLike = np.float32,
    threads: int | None = None,
    report: Report | None = None,
) -> Outcome:
    """Trains every network for `steps` updates.

    Args:
        data: one data set or several of the same shape; `population.draws` says which one each network sees.
        looks: steps after which the networks are looked at; 0 and 100 evenly spaced in the logarithm if not given.
            The last step is always one of them.
        dtype: float32, or float64 for the reference's digits.
        threads: all cores if not given.
        report: called now and then with the number of updates done by all networks together.

    Raises:
        SettingsError, DataError: before anything is trained, for settings and data that do not fit.
    """
    check_data(population, data)
    for name, value in (("steps", steps), ("threads", threads)):
        if value is not None and value < 1:
            raise SettingsError(f"{name} must be at least 1, not {value}")
    times = look_schedule(steps) if looks is None else np.unique([*looks, steps]).astype(np.int64)
    if times[0] < 0 or times[-1] > steps:
        raise SettingsError(f"looks must lie between 0 and {steps} steps, not {times[0]} … {times[-1]}")
    kind = np.dtype(dtype)
    if kind not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise SettingsError(f"dtype must be float32 or float64, not {kind}")
    check_memory(len(population), population.sizes, len(times))
    ensure_compiled(kind)
    training = Training(population, data, times, kind)
    shared = len(population) < (threads or thread_count()) and training.segments > 1
    tasks = training.shared_tasks(threads) if shared else training.tasks(threads)
    with one_blas_thread(training.rule.by_matrix):
        run_tasks(tasks, threads, training.watch.stop, lambda: report and report(int(training.watch.done.sum())))
    return training.outcome()


def check_data(population: Population, data: Sequence[Dataset]) -> None:
    """Raises SettingsError or DataError where networks and data, or the data sets among themselves, do not fit."""
    if len(data) == 0:
        raise DataError("no data set to train on")
    used = population.draws
    if used.min() < 0 or used.max() >= len(data):
        raise SettingsError(f"draws name data sets {used.min()} … {used.max()}, but there are {len(data)} (0-based)")
    shapes = {(each.train.X.shape, each.test.X.shape, each.classes) for each in data}
    if len(shapes) > 1:
        raise DataError(f"the data sets of a population must have one shape, but differ: {sorted(shapes)}")
    (shape, *_) = shapes.pop()
    if len(shape) != 2:
        raise DataError(f"samples must be rows of numbers (N, d), not of shape {shape}")
    check_widths(population.sizes, data[0])


class Training:
    """A population in the kernels' memory, cut into tasks for threads."""

    def __init__(self, population: Population, data: Sequence[Dataset], looks: NDArray[np.int64], kind: np.dtype):
        count, sizes = len(population), population.sizes
        self.population, self.looks, self.kind = population, looks, kind
        self.samples = len(data[0].train)
        batch = min(population.batch_size or self.samples, self.samples)
        self.rule = kernels.Rule(
            ACTIVATION_CODES[population.activation],
            ACTIVATION_CODES[population.output_gate],
            OPTIMIZER_CODES[population.optimizer],
            batch if batch < self.samples else 0,
            pays_by_matrix(sizes),
        )
        as_contrast = sizes[-1] == 2 and self.rule.gate == kernels.IDENTITY
        self.plan, self.whole = plan_of(sizes, as_contrast), plan_of(sizes)
        parameters = population.parameters.astype(kind)
        state = np.zeros((count, 2, parameters.shape[1]), kind)
        self.networks = kernels.Networks(parameters, state, population.learning_rate, population.l2, population.draws)
        self.train, self.test = (blocks_of([getattr(each, part) for each in data], kind) for part in ("train", "test"))
        curves = np.full((count, len(looks), kernels.MEASURES), np.nan)
        self.watch = kernels.Watch(looks, curves, np.zeros(count, np.int64), np.zeros(1, np.int64))
        self.room = parameters.shape[1] + sizes[-2] + 1
        self.blocks = empty_blocks(batch, sizes[0], kind).share.shape[0]
        self.segments = min(self.blocks, SEGMENTS)

    def tasks(self, threads: int | None) -> list[Task]:
        """A few networks each."""
        size = max(1, len(self.population) // (8 * (threads or thread_count())))
        starts = range(0, len(self.population), size)
        return [partial(self.run, slice(start, start + size), self.lanes(1), 0) for start in starts]

    def shared_tasks(self, threads: int | None) -> list[Task]:
        """One for each thread, all of which work on one network after the other."""
        count = min(threads or thread_count(), self.segments)
        lanes = self.lanes(count)
        return [partial(self.run, slice(None), lanes, lane) for lane in range(count)]

    def lanes(self, count: int) -> kernels.Lanes:
        return kernels.Lanes(np.zeros((2, self.segments, self.room), self.kind), np.zeros(count, np.int64))

    def run(self, part: slice, lanes: kernels.Lanes, lane: int) -> None:
        """Trains the networks of `part`, in spans short enough for the orders of their mini-batches to be held."""
        networks = kernels.Networks(*(array[part] for array in self.networks))
        watch = self.watch._replace(curves=self.watch.curves[part], done=self.watch.done[part])
        batch = empty_blocks(self.rule.batch or 1, self.population.sizes[0], self.kind)
        last = int(self.looks[-1])
        per_span, per_epoch = last, 1
        if self.rule.batch:
            per_epoch = steps_per_epoch(self.samples, self.rule.batch)
            per_span = max(1, ORDERS_HELD // (self.samples * len(networks.draw))) * per_epoch
        for first in range(0, last, per_span):
            span = (first, min(first + per_span, last))
            orders = self.orders(self.population.seeds[part], span, per_epoch)
            kernels.train_networks(
                self.rule, self.plan, self.whole, networks, self.train, self.test, batch, orders, watch, lanes, lane,
                span,
            )  # fmt: skip
            if self.watch.stop[0]:
                break

    def orders(self, seeds: NDArray[np.int64], span: tuple[int, int], per_epoch: int) -> NDArray[np.int32]:
        """(S, epochs, N): the samples' order in each epoch of the span; no epochs where a step sees all samples."""
        epochs = range(span[0] // per_epoch, -(-span[1] // per_epoch)) if self.rule.batch else range(0)
        orders = np.empty((len(seeds), len(epochs), self.samples), np.int32)
        for row, seed in enumerate(seeds):
            for column, epoch in enumerate(epochs):
                orders[row, column] = epoch_order(self.samples, int(seed), epoch)
        return orders

    def outcome(self) -> Outcome:
        curves = np.moveaxis(self.watch.curves, 2, 0).swapaxes(1, 2)  # (measures, T, S)
        named = dict(zip(MEASURES, curves, strict=True))
        flags = ("gradient_is_zero", "logits_nonpositive", "layer_is_dead")
        named |= {name: named[name] == 1 for name in flags}
        population = self.population
        return Outcome(population.sizes, population.activation, self.networks.parameters, self.looks, **named)


def population_logits(outcome: Outcome, X: NDArray, threads: int | None = None) -> NDArray:
    """(S, M, K) logits in the networks' own precision."""
    kind = outcome.parameters.dtype
    ensure_compiled(kind)
    samples = blocks_of([Samples(np.asarray(X), np.zeros(len(X), np.int64))], kind)
    room = samples.X.shape[1] * samples.X.shape[3]
    logits = np.empty((len(outcome), outcome.sizes[-1], room), kind)
    code, whole = ACTIVATION_CODES[outcome.activation], plan_of(outcome.sizes)
    rule = kernels.Rule(code, kernels.IDENTITY, kernels.GRADIENT_DESCENT, 0, pays_by_matrix(outcome.sizes))
    size = max(1, len(outcome) // (8 * (threads or thread_count())))
    draws = np.zeros(len(outcome), np.int64)

    def task(part: slice) -> Task:
        return lambda: kernels.network_logits(rule, whole, outcome.parameters[part], draws[part], samples, logits[part])

    tasks = [task(slice(start, start + size)) for start in range(0, len(outcome), size)]
    with one_blas_thread(rule.by_matrix):
        run_tasks(tasks, threads)
    return logits[:, :, : len(X)].swapaxes(1, 2)
