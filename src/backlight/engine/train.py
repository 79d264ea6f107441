"""Training a population on all cores.

A thread takes a few networks at a time and trains them from the first step to the last. Where there are fewer
networks than threads, the threads share the samples of each. Either way a network's numbers depend on nothing but
its own settings: not on its neighbours, their order, or the number of threads.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import DTypeLike, NDArray

from backlight.compilation import announced
from backlight.data.batches import epoch_order, steps_per_epoch
from backlight.data.dataset import Dataset
from backlight.data.named import check_widths
from backlight.engine.kernels import codes, descent
from backlight.engine.memory import (
    ACTIVATION_CODES,
    SEGMENTS,
    blocks_of,
    check_memory,
    empty_blocks,
    pays_by_matrix,
    plan_of,
)
from backlight.engine.outcome import Outcome
from backlight.engine.population import OPTIMIZER_CODES, Population
from backlight.engine.threads import Task, one_blas_thread, run_tasks, slices, thread_count
from backlight.errors import DataError, SettingsError

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
WORTH_SHARING = 50_000  # samples × parameters, some ten microseconds
ORDERS_HELD = 2_000_000  # sample indices of mini-batches that a task prepares ahead

Report = Callable[[int], None]


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
    training = Training(population, data, times, kind)
    shared = len(population) < (threads or thread_count()) and training.worth_sharing
    tasks = training.shared_tasks(threads) if shared else training.tasks(threads)
    with announced(), one_blas_thread(training.rule.by_matrix):
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
        self.rule = codes.Rule(
            ACTIVATION_CODES[population.output_gate],
            OPTIMIZER_CODES[population.optimizer],
            batch if batch < self.samples else 0,
            pays_by_matrix(sizes),
        )
        as_contrast = sizes[-1] == 2 and self.rule.gate == codes.IDENTITY
        self.whole = plan_of(sizes, population.activation)
        self.plan = plan_of(sizes, population.activation, as_contrast)
        parameters = population.parameters.astype(kind)
        state = np.zeros((count, 2, parameters.shape[1]), kind)
        self.networks = codes.Networks(parameters, state, population.learning_rate, population.l2, population.draws)
        self.train, self.test = (blocks_of([getattr(each, part) for each in data], kind) for part in ("train", "test"))
        curves = np.full((count, len(looks), codes.MEASURES), np.nan)
        self.watch = codes.Watch(looks, curves, np.zeros(count, np.int64), np.zeros(1, np.int64))
        self.room = parameters.shape[1] + sizes[-2] + 1
        self.blocks = empty_blocks(batch, sizes[0], kind).share.shape[0]
        self.segments = min(self.blocks, SEGMENTS)

    @property
    def worth_sharing(self) -> bool:
        """Whether a step takes long enough for threads to meet after it."""
        return self.segments > 1 and self.samples * self.room >= WORTH_SHARING

    def tasks(self, threads: int | None) -> list[Task]:
        """A few networks each."""
        return [partial(self.run, part, self.lanes(1), 0) for part in slices(len(self.population), threads)]

    def shared_tasks(self, threads: int | None) -> list[Task]:
        """One for each thread, all of which work on one network after the other."""
        count = min(threads or thread_count(), self.segments)
        lanes = self.lanes(count)
        return [partial(self.run, slice(None), lanes, lane) for lane in range(count)]

    def lanes(self, count: int) -> codes.Lanes:
        return codes.Lanes(np.zeros((2, self.segments, self.room), self.kind), np.zeros(count, np.int64))

    def run(self, part: slice, lanes: codes.Lanes, lane: int) -> None:
        """Trains the networks of `part`, in spans short enough for the orders of their mini-batches to be held."""
        networks = codes.Networks(*(array[part] for array in self.networks))
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
            descent.train_networks(
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
