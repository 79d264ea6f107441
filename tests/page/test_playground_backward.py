"""One backward pass, layer by layer: the numbers are the network's, and the numeric gradient agrees."""

import msgspec
import numpy as np
import pytest

from backlight.engine.memory import flatten
from backlight.networks.losses import residuals
from backlight.page.playground.backward import one_pass, slope
from backlight.page.playground.settings import PlaygroundSettings
from tests.page.play import BROKEN, root

ACTIVATIONS = ["tanh", "sigmoid", "relu", "leaky_relu", "identity"]


def passed(branch, step=20, sample=0):
    return one_pass(branch, branch.at(step), sample)


def checks(found):
    return [stage.check for stage in found["stages"] if stage.check]


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("changes", [{}, {"batch_size": 7, "l2": 0.05}, {"data": "blobs", "classes": 5}])
def test_the_analytic_gradient_agrees_with_the_numeric_one(activation, changes):
    branch = root(activations=(activation, activation), learning_rate=0.05, **changes)
    found = passed(branch)
    assert len(checks(found)) == 3
    for check in checks(found):
        assert check.largest_difference < 1e-6
        apart = np.abs(np.array(check.analytic) - np.array(check.numeric))
        assert check.largest_difference == np.nanmax(apart)
        assert np.isfinite(apart).mean() > 0.9  # kinks are rare
    moment = branch.at(20)
    batch = branch.trainer.batch(moment)
    gradients = branch.trainer.network(moment).gradients(batch.X, batch.y, branch.settings.l2)
    told = np.concatenate([np.array(check.analytic).ravel() for check in reversed(checks(found))])
    np.testing.assert_array_equal(told, flatten(gradients))


def test_a_wrong_gradient_would_be_seen(monkeypatch):
    branch = root()
    network = type(branch.trainer.network(branch.at(0)))
    right = network.gradients
    monkeypatch.setattr(
        network, "gradients", lambda self, X, y, l2=0.0: [1.01 * each for each in right(self, X, y, l2)]
    )
    assert max(check.largest_difference for check in checks(passed(branch))) > 1e-5


@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_every_stage_has_its_formula(l2):
    found = passed(root(activations=("relu", "sigmoid"), l2=l2))
    formulas = [stage.formulas for stage in found["stages"]]
    penalty = " + λ W{}" if l2 else "{:.0}"
    assert formulas[:3] == [
        ["z₁ = x W₁ + b₁", "a₁ = f(z₁), f(z) = max(z, 0)"],
        ["z₂ = a₁ W₂ + b₂", "a₂ = f(z₂), f(z) = 1 / (1 + e^−z)"],
        ["z₃ = a₂ W₃ + b₃"],
    ]
    assert formulas[3][0].startswith("p = softmax(z₃), loss of this sample = −ln p[")
    assert formulas[3][1] == "δ₃ = p − y"
    assert formulas[4:] == [
        ["∂L/∂W₃ = (1/N) Σₙ a₂ᵀ δ₃" + penalty.format("₃"), "∂L/∂b₃ = (1/N) Σₙ δ₃"],
        ["δ₂ = (δ₃ W₃ᵀ) ⊙ f′(z₂), f′ = a (1 − a)"],
        ["∂L/∂W₂ = (1/N) Σₙ a₁ᵀ δ₂" + penalty.format("₂"), "∂L/∂b₂ = (1/N) Σₙ δ₂"],
        ["δ₁ = (δ₂ W₂ᵀ) ⊙ f′(z₁), f′ = 1 if z > 0, else 0"],
        ["∂L/∂W₁ = (1/N) Σₙ xᵀ δ₁" + penalty.format("₁"), "∂L/∂b₁ = (1/N) Σₙ δ₁"],
    ]
    assert [stage.layer for stage in found["stages"]] == [1, 2, 3, 3, 3, 2, 2, 1, 1]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_each_activation_has_its_formulas(activation):
    found = passed(root(activations=(activation, "tanh")))
    assert all(formula for stage in found["stages"] for formula in stage.formulas)


def test_rows_are_the_numbers_of_that_sample():
    branch = root(batch_size=7)
    found = passed(branch, sample=3)
    moment = branch.at(20)
    network, batch = branch.trainer.network(moment), branch.trainer.batch(moment)
    assert (found["step"], found["sample"], found["samples"], found["label"]) == (20, 3, 7, batch.y[3])
    assert found["point"] == batch.X[3].tolist()
    passes = network.forward(batch.X)
    rows = {row.name: row.values for stage in found["stages"] for row in stage.rows}
    np.testing.assert_allclose(rows["z₁"], passes[0].pre_activation[3], rtol=1e-12)
    np.testing.assert_allclose(rows["a₂"], passes[1].activation[3], rtol=1e-12)
    delta3 = residuals(passes[2].activation, batch.y)[3]
    delta2 = delta3 @ network.layers[2].weights.T * (1 - passes[1].activation[3] ** 2)
    np.testing.assert_allclose(rows["δ₃"], delta3, rtol=1e-12)
    np.testing.assert_allclose(rows["δ₂"], delta2, rtol=1e-12)
    np.testing.assert_allclose(sum(rows["p"]), 1)
    assert rows["y"] == [float(label == batch.y[3]) for label in range(2)]


def test_samples_go_round():
    branch = root(batch_size=7)
    assert passed(branch, sample=8)["sample"] == 1


def test_where_a_rectifier_has_its_kink_there_is_no_numeric_gradient():
    branch = root(activations=("relu", "relu"))
    branch.data.train.X[0] = 0.0  # where the input of every unit is 0 as long as the biases are
    found = passed(branch, step=0)
    for check in checks(found):
        assert check.largest_difference < 1e-6
    (first,) = [stage.check for stage in found["stages"] if stage.check and stage.layer == 1]
    numeric = np.array(first.numeric)
    assert np.isnan(numeric[2]).any()  # biases
    assert np.isfinite(numeric[:2]).all()  # weights of an input that is 0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_at_the_beginning_many_units_stand_on_their_kink(activation, seed):
    """Of samples that kill a whole layer: the next one's inputs are its biases, 0."""
    found = passed(root(activations=(activation, activation), hidden=(2, 3), samples=500, seed=seed), step=0)
    assert max(check.largest_difference for check in checks(found)) < 1e-6


@pytest.mark.parametrize("kink", [0.0, 1e-7, 1e-6, 3e-6, 1e-5 / 3, 5e-6, 7e-6, -4e-6])
def test_a_kink_within_the_step_is_noticed(kink):
    def f(x):
        return 0.3 * x + 5 * x**2 + 0.01 * max(0.0, x - kink)

    assert np.isnan(slope(1e-5, f(0.0), f(1e-5), f(-1e-5), f(5e-6), f(-5e-6)))


@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_a_smooth_curve_has_its_slope(scale):
    def f(x):
        return scale * (1 + np.exp(x) + 5 * x**2 + 10 * x**3)

    assert slope(1e-5, f(0.0), f(1e-5), f(-1e-5), f(5e-6), f(-5e-6)) == pytest.approx(scale, rel=1e-7)


def test_a_broken_network_has_a_pass_too():
    """Warnings are errors here."""
    found = passed(root(**BROKEN), step=40)
    assert b"null" in msgspec.json.encode(found)
    assert all(np.isnan(check.largest_difference) for check in checks(found))


def test_a_network_without_hidden_layers():
    found = passed(root(hidden=(), activations=()))
    assert [stage.title for stage in found["stages"]] == [
        "Forward through layer 1", "The loss, and its derivative at the logits", "The gradient of layer 1's weights",
    ]  # fmt: skip
    assert checks(found)[0].largest_difference < 1e-6


def test_the_network_itself_is_left_as_it_was():
    branch = root()
    moment = branch.at(20)
    before = moment.parameters.copy()
    one_pass(branch, moment, 0)
    np.testing.assert_array_equal(moment.parameters, before)
    assert isinstance(branch.settings, PlaygroundSettings)
