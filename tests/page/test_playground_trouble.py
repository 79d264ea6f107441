"""What goes wrong in a small network: who is dead or saturated, and why and since when there is NaN."""

import numpy as np
import pytest
from msgspec.structs import replace

from backlight.page.playground.trouble import divergence, first_broken, units_of
from tests.page.play import BROKEN, root


def watched(biases, activations=("relu", "relu"), factor=1.0):
    """Remarks on a network of hidden widths (4, 3) whose biases of the first layers are set."""
    branch = root(activations=activations)
    network = branch.trainer.network(branch.at(0))
    for layer, values in zip(network.layers, biases, strict=False):
        layer.weights[...] *= factor
        layer.biases[0, : len(values)] = values
    return units_of(network, network.forward(branch.data.train.X))


def test_a_healthy_network_has_no_remarks():
    for activations in (("tanh", "tanh"), ("sigmoid", "leaky_relu"), ("identity", "identity")):
        found = watched([], activations)
        assert (found.dead, found.saturated, found.remarks) == ((), (), ())


def test_a_dead_unit_is_named_and_explained():
    found = watched([[50, 50, -99, 50], [900, 900, 900]])
    assert found.dead == ((1, 3),)
    (remark,) = found.remarks
    assert remark.startswith("Unit 3 of layer 1 is dead: its input is 0 or below for each of the 60 samples")
    assert "get no gradient" in remark


def test_two_dead_units_are_named_together():
    found = watched([[50, -99, -99, 50], [900, 900, 900]])
    assert found.dead == ((1, 2), (1, 3))
    assert found.remarks[0].startswith("Units 2 of layer 1, 3 of layer 1 are dead: their inputs are")


def test_a_dead_layer_is_said_to_be_one():
    found = watched([[50] * 4, [-9e3] * 3])
    assert found.dead == ((2, 1), (2, 2), (2, 3))
    assert found.remarks[0].startswith("Layer 2 is dead")
    assert "only the output biases do" in found.remarks[0]


def test_units_that_cannot_die_are_never_dead():
    assert watched([[-99] * 4], ("leaky_relu", "leaky_relu")).dead == ()
    assert watched([[-99] * 4], ("identity", "identity")).dead == ()


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_saturated_units_are_named(activation):
    found = watched([[99, 0, 0, -99]], (activation, activation))
    assert found.saturated == ((1, 1), (1, 4))
    assert found.dead == ()
    assert found.remarks == (
        "Units 1 of layer 1, 4 of layer 1 are saturated: on more than 95% of the samples the activation is so near its "
        "limit that hardly any gradient passes.",
    )
    assert "is saturated" in watched([[99]], (activation, activation)).remarks[0]


def test_the_weights_of_a_dead_unit_get_no_gradient():
    branch = root(activations=("relu", "relu"))
    network = branch.trainer.network(branch.at(0))
    network.layers[0].biases[0, 2] = -99
    W, b, *_ = network.gradients(branch.data.train.X, branch.data.train.y)
    assert not W[:, 2].any()
    assert not b[0, 2]


def by_hand(branch, most=400):
    """The first step whose loss is not finite."""
    moment = branch.kept[0]
    while branch.measure(moment).finite:
        moment = branch.trainer.advance(moment, 1)
        assert moment.step < most
    return branch.step_of(moment)


@pytest.mark.parametrize(
    "changes",
    [BROKEN, {**BROKEN, "batch_size": 7}, {**BROKEN, "optimizer": "momentum"}, {"l2": 100.0},
     {"activations": ("leaky_relu", "leaky_relu"), "learning_rate": 20.0}],
)  # fmt: skip
def test_the_first_broken_step_is_found(changes):
    first = by_hand(root(**changes))
    for late in (first, first + 1, first + 100):
        branch = root(**changes)
        branch.keep(branch.at(late))
        assert first_broken(branch, late) == first
        found = divergence(branch, late)
        assert found.step == first - 1
        assert f"After step {first} the loss is no longer a number" in found.words
        assert f"{np.abs(branch.at(first - 1).parameters).max():.3g}" in found.words


@pytest.mark.parametrize(
    ("changes", "cure"),
    [
        (BROKEN, {"learning_rate": 1.0}),
        ({"activations": ("identity", "identity"), "learning_rate": 1e6}, {"learning_rate": 1.0}),
        ({"activations": ("leaky_relu", "leaky_relu"), "learning_rate": 20.0}, {"learning_rate": 2.0}),
        ({"l2": 100.0}, {"l2": 0.0}),
        ({**BROKEN, "learning_rate": 1.0, "l2": 50.0}, {"l2": 0.0}),
    ],
)
def test_a_cure_changes_one_setting_and_was_tried(changes, cure):
    branch = root(**changes)
    first = by_hand(branch)
    found = divergence(branch, first)
    assert found.cure == replace(branch.settings, **cure)
    (value,) = cure.values()
    assert ("leave it out" if value == 0 else f"use {value:g}") in found.words
    assert "it stays finite" in found.words
    cured = root(**{**changes, **cure})
    assert cured.measure(cured.at(2 * first + 20)).finite


def test_a_strong_penalty_with_a_rate_that_is_too_high_as_well():
    branch = root(**BROKEN, l2=1.0)  # ηλ = 100, and without λ it diverges too
    found = divergence(branch, by_hand(branch))
    assert found.cure == replace(branch.settings, learning_rate=1.0)


def test_a_network_that_begins_broken_has_no_cure_of_its_own():
    trunk = root(**BROKEN)
    branch = trunk.branched(0, trunk.at(30), replace(trunk.settings, learning_rate=0.1))
    for step in (30, 31, 50):
        found = divergence(branch, step)
        assert found.words == "After step 30 the loss is no longer a number: the network begins like that."
        assert (found.step, found.cure) == (30, None)


def test_the_first_broken_step_of_a_branch_counts_from_the_trunks_beginning():
    trunk = root()
    branch = trunk.branched(0, trunk.at(50), replace(trunk.settings, l2=100.0, optimizer="adam", learning_rate=1.0))
    assert branch.measure(branch.at(600)).finite  # Adam's steps are bounded
    branch = trunk.branched(0, trunk.at(50), replace(trunk.settings, l2=100.0))
    first = by_hand(branch, 1000)
    found = divergence(branch, first + 3)
    assert found.step == first - 1 > 50
    assert found.cure == trunk.settings


def test_where_nothing_helps_it_is_said(monkeypatch):
    monkeypatch.setattr("backlight.page.playground.trouble.LADDER", (2.0,))
    branch = root(**BROKEN)
    found = divergence(branch, by_hand(branch))
    assert found.cure is None
    assert found.words.endswith("Smaller rates were tried and do not help.")
