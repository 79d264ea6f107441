"""What holds of a population whatever its numbers; that they are right is in tests/agreement."""

import threading
from dataclasses import replace
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backlight.data.dataset import Dataset, Samples
from backlight.data.points import load_points
from backlight.engine.kernels import codes
from backlight.engine.memory import blocks_of, flatten, network_of, parameter_count, plan_of, unflatten
from backlight.engine.outcome import Outcome
from backlight.engine.population import Population
from backlight.engine.problem import Problem
from backlight.engine.train import train_population
from backlight.errors import DataError, SettingsError
from backlight.networks.deep_network import DeepNeuralNetwork

DATA = [load_points("moons", 60, 50, 0.2, 2, seed) for seed in range(6)]


def population(seeds=range(6), **changes):
    settings = {"learning_rate": np.linspace(0.1, 0.6, 6), "l2": np.linspace(0, 0.01, 6), "draws": np.arange(6)}
    settings |= {"init_scale": np.linspace(0.5, 2, 6)} | changes
    chosen = {
        name: np.asarray(value)[list(seeds)] if name in PER_NETWORK else value for name, value in settings.items()
    }
    return Population.initialised((2, 4, 2), "tanh", list(seeds), **chosen)


PER_NETWORK = ("learning_rate", "l2", "draws", "init_scale")


@pytest.mark.parametrize("batch_size", [None, 7])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_a_network_is_the_same_in_any_company(optimizer, batch_size):
    given = {"optimizer": optimizer, "batch_size": batch_size}
    together = train_population(population(**given), DATA, 50)
    backwards = train_population(population(range(5, -1, -1), **given), DATA, 50, threads=1)
    np.testing.assert_array_equal(backwards.parameters[::-1], together.parameters)
    np.testing.assert_array_equal(backwards.train_loss[:, ::-1], together.train_loss)
    alone = train_population(population([3], **given), DATA, 50, threads=3)
    np.testing.assert_array_equal(alone.parameters[0], together.parameters[3])


@pytest.mark.parametrize("batch_size", [None, 1200])
@pytest.mark.parametrize("sizes", [(2, 8, 2), (2, 60, 60, 3)])
def test_threads_that_share_one_network_change_nothing(sizes, batch_size):
    data = [load_points("blobs", 5000, 50, 0.5, sizes[-1], 0)]
    lone = Population.initialised(sizes, "tanh", [1], batch_size=batch_size)
    results = [train_population(lone, data, 30, threads=threads) for threads in (1, 2, 3)]
    for other in results[1:]:
        np.testing.assert_array_equal(other.parameters, results[0].parameters)
    several = Population.initialised(sizes, "tanh", [1, 2, 3, 4], batch_size=batch_size)
    np.testing.assert_array_equal(train_population(several, data, 30).parameters[0], results[0].parameters[0])


@pytest.mark.parametrize(("count", "threads"), [(1, 2), (2, 3)])
def test_threads_meet_between_networks_and_spans(count, threads, monkeypatch):
    """Short spans and a look at every step, which makes one thread late: nobody may read what is not written yet."""
    data = [load_points("moons", 3000, 50)]
    networks = Population.initialised((2, 8, 8, 2), "tanh", range(count), batch_size=1200)
    alone = train_population(networks, data, 12, looks=range(13), threads=1)
    monkeypatch.setattr("backlight.engine.problem.ORDERS_HELD", 1)
    for _ in range(5):
        shared = train_population(networks, data, 12, looks=range(13), threads=threads)
        np.testing.assert_array_equal(shared.parameters, alone.parameters)


def test_mini_batches_in_short_spans_are_those_of_a_long_one(monkeypatch):
    whole = train_population(population(batch_size=7, optimizer="adam"), DATA, 90)
    monkeypatch.setattr("backlight.engine.problem.ORDERS_HELD", 1)
    np.testing.assert_array_equal(
        train_population(population(batch_size=7, optimizer="adam"), DATA, 90).parameters, whole.parameters
    )


def test_looks_do_not_disturb_and_see_what_numpy_sees():
    often = train_population(population(), DATA, 40, looks=range(41), dtype=np.float64)
    once = train_population(population(), DATA, 40, looks=[], dtype=np.float64)
    np.testing.assert_array_equal(often.parameters, once.parameters)
    assert list(once.looks) == [40]
    initial = network_of((2, 4, 2), "tanh", population().parameters)
    for number, data in enumerate(DATA):
        start = network_of((2, 4, 2), "tanh", population().parameters[number])
        assert often.train_accuracy[0, number] == (start.predict(data.train.X) == data.train.y).mean()
        end = once.network(number)
        assert once.test_accuracy[-1, number] == (end.predict(data.test.X) == data.test.y).mean()
        np.testing.assert_allclose(once.train_loss[-1, number], end.objective(data.train.X, data.train.y), rtol=1e-12)
    np.testing.assert_array_equal(initial.layers[0].weights[0], start_weights(0) * 0.5)


def start_weights(seed):
    return DeepNeuralNetwork((2, 4, 2), "tanh", seed).layers[0].weights


def outcome_of(sizes, activation, parameters, data, dtype=np.float64):
    """What the engine sees in networks that it hardly trains."""
    parameters = np.atleast_2d(parameters)
    count = len(parameters)
    lone = Population(
        sizes, activation, parameters, np.arange(count), np.full(count, 1e-30), np.zeros(count), np.zeros(count, int)
    )
    return train_population(lone, [data], 1, looks=[0], dtype=dtype)


def test_dead_silent_and_saturated_are_counted():
    data = DATA[0]
    W, b = np.ones((2, 3)), np.zeros((1, 3))
    out = np.ones((3, 2)), np.zeros((1, 2))

    def seen(activation, bias):
        return outcome_of((2, 3, 2), activation, flatten([0 * W, b + bias, *out]), data)

    for activation, bias, dead, silent, saturated in [
        ("relu", [-1, -1, -1], True, 1, 0),
        ("relu", [1, -1, -1], False, 2 / 3, 0),
        ("leaky_relu", [1, -1, -1], False, 2 / 3, 0),
        ("sigmoid", [100, -100, 0], False, 0, 2 / 3),
        ("tanh", [100, -1, 0], False, 0, 1 / 3),
    ]:
        outcome = seen(activation, np.array(bias))
        assert outcome.layer_is_dead[0, 0] == dead
        np.testing.assert_allclose(outcome.silent_share[0, 0], silent)
        np.testing.assert_allclose(outcome.saturated_share[0, 0], saturated)


def test_each_layer_is_seen_by_its_own_activation():
    """Two units a layer that give ±1 before the activation, which is beyond no limit of tanh, or ±100, which is."""
    W, out = np.zeros((2, 2)), [np.ones((2, 2)), np.zeros((1, 2))]

    def seen(activation, size):
        bias = np.array([[size, -size]])
        flat = flatten([W, bias, W, bias, *out])
        outcome = outcome_of((2, 2, 2, 2), activation, flat, DATA[0])
        return outcome.silent_share[0, 0], outcome.saturated_share[0, 0], outcome.layer_is_dead[0, 0]

    assert seen(("relu", "tanh"), 1) == (1 / 4, 0, False)
    assert seen(("relu", "tanh"), 100) == (1 / 4, 1 / 2, False)
    assert seen(("sigmoid", "leaky_relu"), 100) == (1 / 4, 1 / 2, False)
    assert seen(("identity", "relu"), 100) == (1 / 4, 0, False)
    assert seen(("identity", "tanh"), -100) == (0, 1 / 2, False)
    dead = flatten([W, np.full((1, 2), -1.0), W, np.full((1, 2), -1.0), *out])
    for activation, silent in ((("relu", "identity"), 1 / 2), (("identity", "relu"), 1 / 2), (("relu", "relu"), 1)):
        outcome = outcome_of((2, 2, 2, 2), activation, dead, DATA[0])
        assert (outcome.layer_is_dead[0, 0], outcome.silent_share[0, 0]) == (True, silent)
    assert not outcome_of((2, 2, 2, 2), "identity", dead, DATA[0]).layer_is_dead[0, 0]


def test_a_population_of_mixed_layers_predicts_what_its_networks_do():
    mixed = Population.initialised((2, 4, 3, 2), ["relu", "tanh"], [0, 1])
    outcome = train_population(mixed, DATA[:1], 20, looks=[])
    assert outcome.activation == ("relu", "tanh")
    assert repr(outcome.network(0)) == "DeepNeuralNetwork([2, 4, 3, 2], ('relu', 'tanh'))"
    grid = np.random.default_rng(0).normal(size=(50, 2))
    np.testing.assert_allclose(outcome.predict_proba(grid), outcome.networks().predict_proba(grid), atol=1e-5)


def test_zero_gradients_and_nonpositive_logits_are_seen():
    data = DATA[0]
    dead = flatten([np.zeros((2, 3)), np.full((1, 3), -1.0), np.ones((3, 2)), np.array([[-1.0, -2.0]])])
    outcome = outcome_of((2, 3, 2), "relu", dead, data)
    assert outcome.logits_nonpositive[0, 0]
    assert not outcome.gradient_is_zero[0, 0]  # the output's bias still has one


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_network_that_diverges_says_so_and_harms_no_other(activation, dtype):
    far = Population.initialised((2, 4, 4, 2), activation, [0, 1, 2], [0.1, 1e38, 0.1], l2=[0, 0.1, 0])
    outcome = train_population(far, DATA[:1], 100, dtype=dtype, threads=1)
    np.testing.assert_array_equal(outcome.diverged, [False, True, False])
    assert np.isnan(outcome.train_loss[-1, 1])
    alone = Population.initialised((2, 4, 4, 2), activation, [2], 0.1, l2=0)
    np.testing.assert_array_equal(
        train_population(alone, DATA[:1], 100, dtype=dtype).parameters[0], outcome.parameters[2]
    )


@pytest.mark.parametrize("sizes", [(2, 4, 2), (2, 5, 3, 4), (2, 64, 64, 3)])
def test_probabilities_on_a_grid(sizes, rng):
    networks = [DeepNeuralNetwork(sizes, "relu", seed) for seed in range(3)]
    data = load_points("blobs", 40, 40, 0.3, sizes[-1])
    parameters = np.stack([flatten(network.parameters) for network in networks])
    outcome = outcome_of(sizes, "relu", parameters, data)
    grid = rng.normal(size=(700, 2))
    probabilities = outcome.predict_proba(grid)
    assert probabilities.shape == (3, 700, sizes[-1])
    for number, network in enumerate(networks):
        np.testing.assert_allclose(probabilities[number], network.predict_proba(grid), atol=1e-12)


@given(st.lists(st.integers(1, 5), min_size=2, max_size=5), st.integers(0, 3))
def test_flat_parameters_and_back(sizes, seed):
    network = DeepNeuralNetwork(sizes, seed=seed)
    flat = flatten(network.parameters)
    assert flat.size == parameter_count(sizes)
    for array, parameter in zip(unflatten(flat, sizes), network.parameters, strict=True):
        np.testing.assert_array_equal(array, parameter)
    assert plan_of(sizes, "tanh")[-1, codes.WEIGHTS] == flat.size - (sizes[-2] + 1) * sizes[-1]


@given(st.integers(1, 3000), st.integers(1, 3))
@settings(max_examples=50)
def test_blocks_hold_every_sample_once(count, features):
    X = np.arange(count * features, dtype=float).reshape(count, features)
    blocks = blocks_of([Samples(X, np.arange(count) % 2)], np.float64)
    real = blocks.share.ravel() > 0
    np.testing.assert_array_equal(blocks.X[0].swapaxes(1, 2)[:, :, :-1].reshape(-1, features)[real], X)
    np.testing.assert_allclose(blocks.share.sum(), 1)
    assert blocks.X.shape[-1] % 16 == 0
    assert (blocks.X[0, :, -1] == 1).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rate": np.full(6, np.nan)}, "learning_rate must be a number above 0, not nan"),
        ({"learning_rate": np.array([1, 1, -2, 1, 1, 1])}, "not -2"),
        ({"l2": np.full(6, -1.0)}, "l2 must be 0 or more, not -1"),
        ({"l2": np.array([0, 0, np.inf, 0, 0, 0])}, "not inf"),
        ({"optimizer": "adma"}, "unknown optimizer 'adma'; choose one of sgd"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"init_scale": np.full(6, np.nan)}, "parameters are not finite"),
    ],
)
def test_bad_populations_are_refused(changes, message):
    with pytest.raises(SettingsError, match=message):
        population(**changes)


@pytest.mark.parametrize("name", ["seeds", "learning_rate", "l2", "draws", "parameters"])
def test_arrays_of_another_length_are_refused(name):
    with pytest.raises(SettingsError, match=f"{name} must have"):
        replace(population(), **{name: getattr(population(), name)[..., :3]})


def test_points_of_another_width_are_refused():
    outcome = train_population(population(), DATA, 1)
    with pytest.raises(DataError, match=r"shape \(M, 2\)"):
        outcome.predict_proba(np.zeros((4, 3)))
    assert outcome.predict_proba(np.zeros((0, 2))).shape == (6, 0, 2)


def test_bad_sizes_seeds_and_activations_are_refused():
    for sizes in ((2, 0, 2), (2,), (2, 2.5, 2)):
        with pytest.raises(SettingsError, match="layer widths"):
            Population.initialised(sizes, "tanh", [0])
    with pytest.raises(SettingsError, match="unknown activation 'rleu'"):
        Population.initialised((2, 3, 2), "rleu", [0])
    with pytest.raises(SettingsError, match="2 hidden layers need one activation for all or one for each, not 1: relu"):
        Population.initialised((2, 3, 3, 2), ("relu",), [0])
    with pytest.raises(SettingsError, match="at least one seed"):
        Population.initialised((2, 3, 2), "relu", [])
    with pytest.raises(SettingsError, match="GiB"):
        Population.initialised((2, 10**6, 10**6, 2), "relu", range(100))


@pytest.mark.parametrize(
    ("data", "steps", "options", "error", "message"),
    [
        ([], 10, {}, DataError, "no data set"),
        (DATA[:5], 10, {}, SettingsError, "draws name data sets 0 … 5, but there are 5"),
        ([*DATA[:5], load_points("moons", 61, 50)], 10, {}, DataError, "one shape"),
        ([load_points("blobs", 60, 50, 0.2, 3)] * 6, 10, {}, SettingsError, "do not fit blobs"),
        (DATA, 0, {}, SettingsError, "steps must be at least 1"),
        (DATA, 10, {"looks": [11]}, SettingsError, "looks must lie between 0 and 10"),
        (DATA, 10, {"looks": [-1]}, SettingsError, "looks must lie between 0 and 10"),
        (DATA, 10, {"dtype": np.float16}, SettingsError, "dtype must be float32 or float64"),
        (DATA, 10, {"threads": 0}, SettingsError, "threads must be at least 1"),
    ],
)
def test_bad_training_is_refused(data, steps, options, error, message):
    with pytest.raises(error, match=message):
        train_population(population(), data, steps, **options)


def test_images_are_refused_before_training():
    images = Samples(np.zeros((4, 28, 28)), np.array([0, 1, 0, 1]))
    with pytest.raises(DataError, match="rows of numbers"):
        train_population(Population.initialised((784, 2), "tanh", [0]), [Dataset("images", 2, images, images)], 1)


class Enough(Exception):
    pass


def seconds_to_stop(networks, data):
    """From the exception of the first report until it comes out of the training, which would take hours."""
    raised = []

    def report(updates):
        if updates > 0:
            raised.append(perf_counter())
            raise Enough

    with pytest.raises(Enough):
        train_population(networks, [data], 100_000_000, looks=[], report=report)
    return perf_counter() - raised[0]


@pytest.mark.parametrize(("sizes", "samples", "batch_size"), [((2, 3, 2), 200, None), ((2, 30, 30, 2), 500, 10)])
def test_an_exception_of_the_report_stops_all_threads_at_once(sizes, samples, batch_size):
    """Of three times one has to do: a machine may be busy."""
    data = load_points("moons", samples, 50)
    many = Population.initialised(sizes, "tanh", range(1000), batch_size=batch_size)
    train_population(many, [data], 1)
    before = set(threading.enumerate())
    assert min(seconds_to_stop(many, data) for _ in range(3)) < 2
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("backlight")]


def test_orders_are_drawn_in_parts_so_short_that_a_stop_is_soon_seen(monkeypatch):
    """Two thousand take some twenty milliseconds, however few samples they are of."""
    drawn, orders = [], Problem.orders
    monkeypatch.setattr(Problem, "orders", lambda *given: drawn.append(orders(*given)) or drawn[-1])
    lone = Population.initialised((2, 2), "tanh", [0], batch_size=1)
    train_population(lone, [load_points("moons", 4, 50)], 4 * 3000, looks=[], threads=1)
    assert [part.shape for part in drawn] == [(1, 2000, 4), (1, 1000, 4)]


def test_an_outcome_knows_when_a_network_succeeded():
    looks, nothing = np.array([0, 10, 20]), np.zeros((3, 2))
    accuracy = np.array([[0.5, 0.5], [0.95, 0.9], [0.8, 0.9]])
    flags = np.zeros((3, 2), bool)
    outcome = Outcome(
        (2, 2), "tanh", np.zeros((2, 6)), looks, nothing, nothing, accuracy, flags, flags, flags, nothing, nothing
    )
    np.testing.assert_array_equal(outcome.steps_to(0.9), [10, np.nan])
