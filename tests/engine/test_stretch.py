"""A network trained in stretches is the one that is trained in one go, to the bit."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from backlight.data.batches import shuffled_batches
from backlight.data.points import load_points
from backlight.engine.memory import flatten
from backlight.engine.population import Population
from backlight.engine.stretch import Moment, Trainer
from backlight.engine.threads import one_blas_thread
from backlight.engine.train import train_population
from backlight.errors import DataError, SettingsError

DATA = {classes: load_points("blobs" if classes == 3 else "moons", 60, 50, 0.3, classes, 0) for classes in (2, 3)}
STEPS = 90


def population(sizes=(2, 4, 3, 2), activation="tanh", learning_rate=0.1, **options):
    return Population.initialised(sizes, activation, [5], learning_rate, 0.01, **options)


def in_one_go(networks, steps=STEPS):
    data = DATA[networks.sizes[-1]]
    return train_population(networks, [data], steps, looks=[], dtype=np.float64, threads=1).parameters[0]


def in_stretches(trainer, lengths):
    moment = trainer.start()
    for length in lengths:
        moment = trainer.advance(moment, length)
    return moment


def assert_same(one, other):
    assert one.step == other.step
    np.testing.assert_array_equal(one.parameters, other.parameters)
    np.testing.assert_array_equal(one.state, other.state)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("batch_size", [None, 7, 60])
@pytest.mark.parametrize(
    ("sizes", "activation"),
    [((2, 4, 3, 2), "tanh"), ((2, 4, 3, 3), ("relu", "identity")), ((2, 8, 8, 3), ("leaky_relu", "sigmoid"))],
)
def test_stretches_lead_where_one_go_leads(optimizer, batch_size, sizes, activation):
    networks = population(sizes, activation, optimizer=optimizer, batch_size=batch_size)
    trainer = Trainer(networks, DATA[sizes[-1]])
    whole = trainer.advance(trainer.start(), STEPS)
    np.testing.assert_array_equal(whole.parameters, in_one_go(networks))
    assert_same(in_stretches(trainer, [1, 0, 8, 9, 1, 40, 31]), whole)


@given(st.lists(st.integers(0, 40), max_size=8), st.sampled_from([None, 1, 7]))
@settings(max_examples=25, deadline=None)
def test_cuts_may_lie_anywhere(lengths, batch_size):
    trainer = Trainer(population(optimizer="adam", batch_size=batch_size), DATA[2])
    assert_same(in_stretches(trainer, lengths), trainer.advance(trainer.start(), sum(lengths)))


@pytest.mark.parametrize("batch_size", [None, 900])
@pytest.mark.parametrize("sizes", [(2, 4, 2), (2, 60, 60, 2)])
def test_many_samples_are_summed_as_in_a_population(sizes, batch_size):
    data = load_points("moons", 1300, 50)
    networks = population(sizes, batch_size=batch_size)
    once = train_population(networks, [data], 12, looks=[], dtype=np.float64, threads=2).parameters[0]
    np.testing.assert_array_equal(in_stretches(Trainer(networks, data), [5, 7]).parameters, once)


def test_going_back_is_starting_from_an_earlier_moment():
    trainer = Trainer(population(optimizer="momentum", batch_size=7), DATA[2])
    early = trainer.advance(trainer.start(), 11)
    late = trainer.advance(early, 30)
    assert_same(trainer.advance(early, 30), late)
    kept = Moment(early.step, early.parameters.copy(), early.state.copy())  # as read back from a file
    assert_same(Trainer(population(optimizer="momentum", batch_size=7), DATA[2]).advance(kept, 30), late)


def test_a_moment_cannot_be_written_to():
    trainer = Trainer(population(), DATA[2])
    for moment in (trainer.start(), trainer.advance(trainer.start(), 1)):
        for array in (moment.parameters, moment.state):
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0
    network = trainer.network(trainer.start())
    network.layers[0].weights[:] = 7  # a copy
    np.testing.assert_array_equal(trainer.start().parameters, population().parameters[0])


def test_the_next_update_and_what_it_is_computed_from():
    networks = population(activation=("sigmoid", "leaky_relu"), batch_size=7)
    trainer = Trainer(networks, DATA[2])
    indices = list(shuffled_batches(60, 7, 5, 0, 20))
    for step in (0, 7, 8, 9, 17):  # the first and last batches of epochs, of which the last is smaller
        moment = trainer.advance(trainer.start(), step)
        batch = trainer.batch(moment)
        np.testing.assert_array_equal(batch.X, DATA[2].train.X[indices[step]])
        gradient = flatten(trainer.network(moment).gradients(batch.X, batch.y, 0.01))
        update = trainer.advance(moment, 1).parameters - moment.parameters
        np.testing.assert_allclose(update, -0.1 * gradient, rtol=1e-9, atol=1e-15)
    assert Trainer(population(), DATA[2]).batch(moment) is DATA[2].train


@pytest.mark.parametrize("batch_size", [None, 7])
@pytest.mark.parametrize("activation", ["relu", "tanh", ("identity", "relu")])
def test_a_network_that_diverges_goes_on_as_nan(activation, batch_size):
    networks = population(activation=activation, learning_rate=1e38, batch_size=batch_size)
    trainer = Trainer(networks, DATA[2])
    moment = in_stretches(trainer, [1, 3, 26])
    np.testing.assert_array_equal(moment.parameters, in_one_go(networks, 30))
    assert not np.isfinite(moment.parameters).all()
    assert np.isnan(trainer.advance(moment, 5).parameters).any()
    trainer.network(moment)


@pytest.mark.parametrize("sizes", [(2, 4, 3, 2), (2, 60, 60, 3)])
def test_two_threads_may_use_one_trainer(sizes):
    trainer = Trainer(population(sizes, optimizer="adam", batch_size=7), DATA[sizes[-1]])
    starts = [trainer.advance(trainer.start(), step) for step in range(20)]
    alone = [trainer.advance(moment, 25) for moment in starts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda moment: trainer.advance(moment, 25), starts))
    for one, other in zip(together, alone, strict=True):
        assert_same(one, other)


def test_a_trainer_that_is_let_go_holds_no_memory():
    """At once, not when the collector of cycles comes by: its samples may be many."""
    trainer = Trainer(population(batch_size=7), DATA[2])
    trainer.advance(trainer.start(), 20)
    problem = weakref.ref(trainer.problem)
    gc.disable()
    try:
        del trainer
        assert problem() is None
    finally:
        gc.enable()


def blas_threads():
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


def test_blas_is_limited_until_the_last_has_left():
    with one_blas_thread(True):  # loads the library
        pass
    with threadpool_limits(2, user_api="blas"):
        first, second = one_blas_thread(True), one_blas_thread(True)
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert blas_threads() == {1}
        second.__exit__(None, None, None)
        assert blas_threads() == {2}
        with one_blas_thread(False):
            assert blas_threads() == {2}


def test_what_cannot_be_trained_in_stretches_is_refused():
    with pytest.raises(SettingsError, match="of one network, not of 2"):
        Trainer(Population.initialised((2, 2), "tanh", [0, 1]), DATA[2])
    with pytest.raises(SettingsError, match="do not fit blobs"):
        Trainer(population(), DATA[3])
    with pytest.raises(SettingsError, match="draws name data sets"):
        Trainer(replace(population(), draws=np.array([1])), DATA[2])
    images = replace(DATA[2].train, X=np.zeros((60, 28, 28)))
    with pytest.raises(DataError, match="rows of numbers"):
        Trainer(population((784, 2)), replace(DATA[2], train=images))
    trainer = Trainer(population(), DATA[2])
    with pytest.raises(SettingsError, match="steps must be 0 or more, not -1"):
        trainer.advance(trainer.start(), -1)
