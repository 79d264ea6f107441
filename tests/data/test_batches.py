import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from backlight.data.batches import shuffled_batches, steps_per_epoch


@given(st.integers(1, 50), st.integers(1, 60), st.integers(0, 5))
def test_each_epoch_shows_every_sample_once(count, batch_size, seed):
    per_epoch = steps_per_epoch(count, batch_size)
    batches = list(shuffled_batches(count, batch_size, seed, 0, 3 * per_epoch))
    for epoch in range(3):
        shown = np.concatenate(batches[epoch * per_epoch : (epoch + 1) * per_epoch])
        np.testing.assert_array_equal(np.sort(shown), np.arange(count))


@given(st.integers(0, 30), st.integers(0, 3))
def test_starting_later_gives_the_same_batches(first, seed):
    everything = list(shuffled_batches(23, 5, seed, 0, 31))
    for a, b in zip(everything[first:], shuffled_batches(23, 5, seed, first, 31), strict=True):
        np.testing.assert_array_equal(a, b)


def test_epochs_and_seeds_differ():
    first, second = list(shuffled_batches(50, 50, 0, 0, 2))
    (other,) = shuffled_batches(50, 50, 1, 0, 1)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)
