"""What a tab shows of a moment agrees with the network, the optimisers, and the data; and it always shows something."""

import msgspec
import numpy as np
import pytest

from backlight.engine.memory import flatten
from backlight.page.playground.picture import BROKEN as NO_NUMBER
from backlight.page.playground.picture import SIDE, STEPS, boundary, picture, plane_of
from backlight.training.optimizers import OPTIMIZERS
from tests.page.play import BROKEN, cells, floats, root


def seen(branch, step, point=(0.3, -0.2)):
    return picture(branch, branch.at(step), plane_of(branch.data), point)


@pytest.mark.parametrize(("data", "classes"), [("moons", 2), ("blobs", 3), ("blobs", 5)])
def test_cells_tell_the_class_and_how_certain_it_is(data, classes):
    branch = root(data=data, classes=classes)
    plane = plane_of(branch.data)
    network = branch.trainer.network(branch.at(60))
    found = cells(seen(branch, 60)["boundary"])
    assert found.shape == (SIDE**2,)
    probabilities = network.predict_proba(plane.grid)
    np.testing.assert_array_equal(found // STEPS, probabilities.argmax(axis=1))
    share = (probabilities.max(axis=1) - 1 / classes) / (1 - 1 / classes)
    np.testing.assert_array_equal(found % STEPS, np.minimum(share * STEPS, STEPS - 1).astype(int))
    assert found.max() < classes * STEPS <= NO_NUMBER


def test_the_least_and_the_most_certain_cell():
    branch = root(data="blobs", classes=5)
    plane, network = plane_of(branch.data), branch.trainer.network(branch.at(0))
    for array in network.parameters:
        array[...] = 0
    assert set(boundary(network, plane)) == {0}  # nothing is known: certainty 0, the first class
    network.layers[-1].biases[0, 4] = 1000
    assert set(boundary(network, plane)) == {4 * STEPS + STEPS - 1}


def test_the_top_left_of_the_plane_comes_first():
    branch = root(data="formula", formula="0", noise=0.0, hidden=(), activations=(), learning_rate=5.0)
    found = cells(seen(branch, 200)["boundary"]).reshape(SIDE, SIDE) // STEPS
    assert (found[:5] == 1).all()  # above y = 0
    assert (found[-5:] == 0).all()


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "leaky_relu", "identity"])
def test_units_are_their_activations_over_the_plane(activation):
    branch = root(activations=(activation, activation))
    coarse = plane_of(branch.data).grid.reshape(SIDE, SIDE, 2)[::2, ::2].reshape(-1, 2)
    passes = branch.trainer.network(branch.at(30)).forward(coarse)
    found = seen(branch, 30)["units"]
    assert len(found) == 3  # the logits too
    for layer, passed in zip(found, passes, strict=True):
        values, pixels = passed.activation.T, cells(layer["cells"]).reshape(-1, (SIDE // 2) ** 2)
        np.testing.assert_allclose(layer["scales"], np.abs(values).max(axis=1))
        scales = np.array(layer["scales"])[:, None]
        told = (pixels.astype(float) - 127) / 127 * scales
        assert (np.abs(told - values) <= scales / 127 / 2 + 1e-12).all()
        assert pixels.max() <= 254


def test_a_unit_that_is_0_everywhere_has_the_colour_of_0():
    branch = root(activations=("relu", "relu"), hidden=(3, 2))
    moment = branch.at(0)
    parameters = moment.parameters.copy()
    parameters[:6], parameters[6:9] = 0, -1  # W₁ and b₁ of layer 1
    found = picture(branch, type(moment)(0, parameters, moment.state), plane_of(branch.data), (0.0, 0.0))
    assert set(cells(found["units"][0]["cells"])) == {127}
    assert found["units"][0]["scales"] == [0, 0, 0]
    assert found["dead"][:3] == ((1, 1), (1, 2), (1, 3))


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("batch_size", [None, 7])
@pytest.mark.parametrize("step", [0, 23])
def test_gradients_and_updates_are_those_of_the_next_step(optimizer, batch_size, step):
    branch = root(optimizer=optimizer, batch_size=batch_size, l2=0.02)
    moment, found = branch.at(step), seen(branch, step)
    batch = branch.trainer.batch(moment)
    gradient = flatten(branch.trainer.network(moment).gradients(batch.X, batch.y, 0.02))
    np.testing.assert_array_equal(floats(found["gradients"]), gradient)
    np.testing.assert_array_equal(floats(found["parameters"]), moment.parameters)
    np.testing.assert_array_equal(floats(found["memory"]), moment.state.ravel())
    updates = floats(found["updates"])
    done = branch.at(step + 1).parameters - moment.parameters
    np.testing.assert_allclose(updates, done, rtol=1e-6, atol=1e-12)
    if optimizer == "sgd":
        np.testing.assert_allclose(updates, -0.3 * gradient, rtol=1e-6, atol=1e-15)


@pytest.mark.parametrize("optimizer", ["momentum", "adam"])
def test_updates_come_from_the_optimisers_that_people_read(optimizer):
    branch = root(optimizer=optimizer)
    network, data = branch.trainer.network(branch.at(0)), branch.data.train
    rule = OPTIMIZERS[optimizer](network.parameters, 0.3)
    for step in range(12):
        before = flatten(network.parameters)
        rule.step(network.gradients(data.X, data.y))
        expected = flatten(network.parameters) - before
        np.testing.assert_allclose(floats(seen(branch, step)["updates"]), expected, rtol=1e-5, atol=1e-10)


def test_the_clock_of_adam_begins_anew_in_a_branch():
    trunk = root()
    branch = trunk.branched(0, trunk.at(20), root(optimizer="adam").settings)
    assert seen(branch, 25)["clock"] == 5
    moment = branch.at(25)
    done = branch.at(26).parameters - moment.parameters
    np.testing.assert_allclose(floats(seen(branch, 25)["updates"]), done, rtol=1e-6, atol=1e-12)


def test_a_chosen_point_is_followed_through_the_layers():
    branch = root()
    found = seen(branch, 10, (0.25, -0.5))["probe"]
    for told, passed in zip(
        found, branch.trainer.network(branch.at(10)).forward(np.array([[0.25, -0.5]])), strict=True
    ):
        np.testing.assert_array_equal(floats(told["z"]), passed.pre_activation[0])
        np.testing.assert_array_equal(floats(told["a"]), passed.activation[0])


@pytest.mark.parametrize("step", [*range(4, 12), 40])
@pytest.mark.parametrize("changes", [BROKEN, {**BROKEN, "optimizer": "momentum"}, {"l2": 100.0, "learning_rate": 1e6}])
def test_a_network_that_goes_to_nan_is_always_drawn(step, changes):
    """Warnings are errors here."""
    branch = root(**changes)
    found = seen(branch, step)
    assert msgspec.json.decode(msgspec.json.encode(found))["clock"] == step
    if np.isnan(branch.at(step).parameters).all():
        assert step > 7
        assert set(cells(found["boundary"])) == {NO_NUMBER}
        assert all(set(cells(layer["cells"])) == {NO_NUMBER} for layer in found["units"])
    assert np.isfinite([scale for layer in found["units"] for scale in layer["scales"]]).all()


def test_a_plain_classifier_has_no_hidden_units():
    found = seen(root(hidden=(), activations=()), 5)
    assert len(found["units"]) == 1
    assert (found["dead"], found["saturated"], found["remarks"]) == ((), (), ())


def test_answers_are_counted_by_class():
    branch = root(data="blobs", classes=3)
    network, test = branch.trainer.network(branch.at(30)), branch.data.test
    found, answers = seen(branch, 30)["confusion"], network.predict(test.X)
    assert found == [[int(((test.y == row) & (answers == column)).sum()) for column in range(3)] for row in range(3)]
