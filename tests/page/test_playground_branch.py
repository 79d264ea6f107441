"""Any step of a way can be had again, to the bit; a branch is the run that was changed there by hand."""

import numpy as np
import pytest
from msgspec.structs import replace

from backlight.data.points import load_points
from backlight.engine.population import Population
from backlight.engine.train import train_population
from backlight.page.playground import branch as module
from backlight.page.playground.branch import Origin
from tests.page.play import BROKEN, root, same, small


def whole_way(branch, steps):
    """The moments 0 … steps, each by one update."""
    moments = [branch.kept[0]]
    for _ in range(steps):
        moments.append(branch.trainer.advance(moments[-1], 1))
    return moments


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("batch_size", [None, 7, 60])
def test_any_step_can_be_had_again_to_the_bit(optimizer, batch_size):
    branch = root(optimizer=optimizer, batch_size=batch_size)
    moments = whole_way(branch, 40)
    for step in (3, 17, 40):
        branch.keep(moments[step])
    for step in (40, 0, 1, 16, 17, 18, 39, 3, 2):
        same(branch.at(step), moments[step])
        assert branch.at(step).step == step


@pytest.mark.parametrize("batch_size", [None, 7])
def test_the_way_is_the_one_of_a_population(batch_size):
    branch = root(batch_size=batch_size, optimizer="adam", l2=0.01, init_scale=1.5, seed=3)
    networks = Population.initialised(
        (2, 4, 3, 2), ("tanh", "tanh"), [3], 0.3, 0.01, 1.5, optimizer="adam", batch_size=batch_size
    )
    outcome = train_population(networks, [load_points("moons", 60, 60, 0.1, 2, 3)], 50, dtype=np.float64)
    np.testing.assert_array_equal(branch.at(50).parameters, outcome.parameters[0])
    measured = branch.measure(branch.at(50))
    assert measured.train_loss == pytest.approx(outcome.train_loss[-1, 0], rel=1e-9)
    assert measured.train_accuracy == outcome.train_accuracy[-1, 0]
    assert measured.test_accuracy == outcome.test_accuracy[-1, 0]


def test_of_many_moments_every_second_is_let_go_but_never_first_and_last(monkeypatch):
    monkeypatch.setattr(module, "MOST_KEPT", 8)
    branch = root()
    moments = whole_way(branch, 100)
    for moment in moments[1:]:
        branch.keep(moment)
        steps = [each.step for each in branch.kept]
        assert steps[0] == 0
        assert steps[-1] == branch.last == moment.step
        assert steps == sorted(set(steps))
        assert len(steps) <= 8
        assert [each.step for each in branch.curve] == steps
    for step in (1, 50, 99):
        same(branch.at(step), moments[step])


def test_what_lies_before_is_not_kept_twice():
    branch = root()
    branch.keep(branch.at(30))
    measured = branch.keep(branch.at(10))
    assert measured == branch.measure(branch.at(10))
    assert [each.step for each in branch.kept] == [0, 30]
    assert branch.last == 30


def test_before_its_beginning_a_branch_has_nothing():
    trunk = root()
    branch = trunk.branched(0, trunk.at(20), small(learning_rate=0.1))
    same(branch.at(5), trunk.at(20))
    assert (branch.first, branch.last, branch.origin) == (20, 20, Origin(0, 20))


@pytest.mark.parametrize(
    "changes",
    [{"learning_rate": 0.01}, {"l2": 0.1}, {"batch_size": 7}, {"batch_size": 7, "learning_rate": 0.05},
     {"activations": ("relu", "tanh")}],
)  # fmt: skip
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_a_branch_is_the_run_that_was_changed_there_by_hand(changes, optimizer):
    trunk = root(optimizer=optimizer)
    branch = trunk.branched(0, trunk.at(20), small(optimizer=optimizer, **changes))
    by_hand = root(optimizer=optimizer, **changes).trainer.advance(trunk.at(20), 15)  # state and all
    same(branch.at(35), by_hand)
    assert branch.step_of(by_hand) == 35
    assert not np.array_equal(by_hand.parameters, trunk.at(35).parameters)


@pytest.mark.parametrize(("before", "after"), [("sgd", "adam"), ("adam", "momentum"), ("momentum", "sgd")])
@pytest.mark.parametrize("batch_size", [None, 7])
def test_another_optimiser_begins_anew(before, after, batch_size):
    trunk = root(optimizer=before, batch_size=batch_size)
    branch = trunk.branched(0, trunk.at(20), small(optimizer=after, batch_size=batch_size))
    fresh = root(optimizer=after, batch_size=batch_size)
    start = fresh.trainer.start()
    start = type(start)(0, trunk.at(20).parameters, np.zeros_like(start.state))
    same(branch.at(29), fresh.trainer.advance(start, 9))
    assert (branch.first, branch.at(29).step) == (20, 9)
    assert branch.curve[0].step == 20
    again = branch.branched(1, branch.at(25), replace(branch.settings, learning_rate=0.1))
    assert (again.first, again.offset) == (25, 20)
    same(again.at(25), branch.at(25))


def test_adam_goes_on_counting_where_only_its_rate_changes():
    trunk = root(optimizer="adam")
    branch = trunk.branched(0, trunk.at(20), small(optimizer="adam", learning_rate=0.3, l2=0.0))
    same(branch.at(30), trunk.at(30))


def test_a_broken_network_is_measured_without_a_warning():
    branch = root(**BROKEN)
    measured = branch.measure(branch.at(30))
    assert not measured.finite
    assert measured.train_accuracy <= 1
    assert branch.measure(branch.at(0)).finite
