"""Which samples each step sees: a function of (seed, epoch) alone, so a run can be resumed at any step."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def steps_per_epoch(count: int, batch_size: int) -> int:
    """The last batch of an epoch may be smaller; none is dropped."""
    return -(-count // batch_size)


def epoch_order(count: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """All sample indices in the order of that epoch."""
    return np.random.default_rng([seed, epoch]).permutation(count)


def shuffled_batches(
    count: int, batch_size: int, seed: int, first_step: int, last_step: int
) -> Iterator[NDArray[np.int64]]:
    """Sample indices of the steps first_step … last_step − 1 (0-based), each epoch in a new order."""
    per_epoch = steps_per_epoch(count, batch_size)
    epoch, order = -1, np.arange(0)
    for step in range(first_step, last_step):
        if step // per_epoch != epoch:
            epoch = step // per_epoch
            order = epoch_order(count, seed, epoch)
        start = step % per_epoch * batch_size
        yield order[start : start + batch_size]
