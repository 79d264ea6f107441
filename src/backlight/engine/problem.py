"""What training networks of one kind needs and does not change, as the kernels read it; threads may share it."""

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backlight.data.batches import epoch_order, steps_per_epoch
from backlight.data.dataset import Dataset
from backlight.data.named import check_widths
from backlight.engine.kernels import codes, descent
from backlight.engine.memory import ACTIVATION_CODES, SEGMENTS, blocks_of, empty_blocks, pays_by_matrix, plan_of
from backlight.engine.population import OPTIMIZER_CODES, Population
from backlight.errors import DataError, SettingsError

ORDERS_HELD = 2_000_000  # sample indices of mini-batches that are prepared ahead
SHORTEST_ORDER = 1000  # samples; drawing the order of fewer takes as long, some ten microseconds
ORDERS_KEPT = 64  # most that are kept in case they are asked for again


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


def read_only_order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """`epoch_order`, as an array that can be kept and handed out again."""
    order = epoch_order(count, seed, epoch)
    order.setflags(write=False)
    return order


class Problem:
    """What the networks of a population are trained by: rule, plans and samples.

    Raises:
        SettingsError, DataError: where networks and data do not fit.
    """

    def __init__(self, population: Population, data: Sequence[Dataset], kind: np.dtype[Any]):
        check_data(population, data)
        sizes, activation = population.sizes, population.activation
        self.sizes: tuple[int, ...] = sizes
        self.kind = kind
        self.samples: int = len(data[0].train)
        batch = min(population.batch_size or self.samples, self.samples)
        self.rule = codes.Rule(
            ACTIVATION_CODES[population.output_gate],
            OPTIMIZER_CODES[population.optimizer],
            batch if batch < self.samples else 0,
            pays_by_matrix(sizes),
        )
        as_contrast = sizes[-1] == 2 and self.rule.gate == codes.IDENTITY
        self.plan, self.whole = plan_of(sizes, activation, as_contrast), plan_of(sizes, activation)
        self.train, self.test = (blocks_of([getattr(each, part) for each in data], kind) for part in ("train", "test"))
        self.room: int = population.parameters.shape[1] + sizes[-2] + 1
        self.segments: int = min(empty_blocks(batch, sizes[0], kind).share.shape[0], SEGMENTS)
        self.per_epoch: int = steps_per_epoch(self.samples, batch)
        kept = min(ORDERS_KEPT, max(1, ORDERS_HELD // self.samples))
        self.order = lru_cache(kept)(partial(read_only_order, self.samples))  # by seed and epoch

    def lanes(self, count: int = 1) -> codes.Lanes:
        """For `count` threads that share the work on each network."""
        return codes.Lanes(np.zeros((2, self.segments, self.room), self.kind), np.zeros(count, np.int64))

    def descend(
        self,
        networks: codes.Networks,
        seeds: NDArray[np.int64],
        span: tuple[int, int],
        watch: codes.Watch,
        lanes: codes.Lanes,
        lane: int = 0,
    ) -> None:
        """Trains networks from step span[0] to span[1], in parts short enough for their mini-batches to be held."""
        batch = empty_blocks(self.rule.batch or 1, self.sizes[0], self.kind)
        length = max(1, span[1] - span[0])
        if self.rule.batch:
            length = max(1, ORDERS_HELD // (max(self.samples, SHORTEST_ORDER) * len(seeds))) * self.per_epoch
        for first in range(*span, length):
            part = (first, min(first + length, span[1]))
            descent.train_networks(
                self.rule, self.plan, self.whole, networks, self.train, self.test, batch, self.orders(seeds, part),
                watch, lanes, lane, part,
            )  # fmt: skip
            if watch.stop[0]:
                break

    def orders(self, seeds: NDArray[np.int64], span: tuple[int, int]) -> NDArray[np.int32]:
        """(S, epochs, N): the samples' order in each epoch of the span; no epochs where a step sees all samples."""
        epochs = range(span[0] // self.per_epoch, -(-span[1] // self.per_epoch)) if self.rule.batch else range(0)
        orders = np.empty((len(seeds), len(epochs), self.samples), np.int32)
        for row, seed in enumerate(seeds):
            for column, epoch in enumerate(epochs):
                orders[row, column] = self.order(int(seed), epoch)
        return orders
