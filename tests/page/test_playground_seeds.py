"""What many other seeds do, beside the one run."""

import numpy as np
import pytest

from backlight.engine.train import train_population
from backlight.page.playground.branch import population_of
from backlight.page.playground.seeds import BINS, QUANTILES, CancelledError, other_seeds
from tests.page.play import BROKEN, root

COUNT, STEPS = 24, 60


def ignore(share):
    pass


def trained(branch, seeds, steps=STEPS):
    return train_population(population_of(branch.settings, branch.data, seeds), [branch.data], steps, dtype=np.float64)


@pytest.mark.parametrize("changes", [{}, {"batch_size": 7, "optimizer": "adam", "seed": 3, "learning_rate": 0.05}])
def test_quantiles_are_those_of_a_population_of_the_next_seeds(changes):
    branch = root(**changes)
    found = other_seeds(branch, STEPS, COUNT, ignore)
    seed = branch.settings.seed
    outcome = trained(branch, tuple(range(seed + 1, seed + 1 + COUNT)))
    assert found.steps == outcome.looks.tolist()
    assert found.steps[-1] == STEPS
    for at in range(len(found.steps)):
        np.testing.assert_allclose(found.accuracy[at], np.quantile(outcome.test_accuracy[at], QUANTILES))
        nearest = np.quantile(outcome.train_loss[at], QUANTILES, method="nearest")
        np.testing.assert_array_equal(found.loss[at], nearest)
    counts, _ = np.histogram(outcome.test_accuracy[-1], BINS, (0, 1))
    assert found.histogram == counts.tolist()
    assert (found.count, sum(found.histogram), found.diverged) == (COUNT, COUNT, 0)


def test_the_one_that_is_shown_is_not_among_them():
    branch = root(seed=5)
    population = population_of(branch.settings, branch.data, tuple(range(6, 6 + COUNT)))
    assert not (population.parameters == branch.at(0).parameters).all(axis=1).any()


def test_below_is_the_share_that_does_worse_than_the_one_that_is_shown():
    branch = root()
    outcome = trained(branch, tuple(range(1, COUNT + 1)))
    own = branch.measure(branch.at(STEPS)).test_accuracy
    found = other_seeds(branch, STEPS, COUNT, ignore)
    assert found.below == (outcome.test_accuracy[-1] < own).mean()
    assert 0 <= found.below < 1


def test_before_the_first_step_they_are_looked_at_after_one():
    assert other_seeds(root(), 0, 10, ignore).steps == [0, 1]


def test_those_that_diverge_are_counted_and_are_the_worst():
    """Warnings are errors here."""
    found = other_seeds(root(**BROKEN), 40, 12, ignore)
    assert found.diverged == 12
    assert found.accuracy[-1] == [0.0] * len(QUANTILES)
    assert found.loss[-1] == [np.inf] * len(QUANTILES)
    assert found.histogram == [12] + [0] * (BINS - 1)


def test_dead_layers_are_counted():
    branch = root(activations=("relu", "relu"), hidden=(2, 1), learning_rate=50.0)
    outcome = trained(branch, tuple(range(1, COUNT + 1)))
    found = other_seeds(branch, STEPS, COUNT, ignore)
    assert found.dead == outcome.layer_is_dead[-1].sum() > 0


def test_progress_goes_to_1_and_who_cancels_ends_it():
    shares = []
    other_seeds(root(), STEPS, COUNT, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0

    def cancel(share):
        raise CancelledError

    with pytest.raises(CancelledError):
        other_seeds(root(), 1_000_000, COUNT, cancel)  # would take minutes
