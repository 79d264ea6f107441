import numpy as np
import pytest
import torch
from torch import nn

from backlight.errors import RunError
from backlight.recording.data_facts import describe_data
from backlight.recording.facts import FILE, Facts, ParameterFacts, add_facts, read_facts, write_facts
from backlight.recording.run import Run
from backlight.watching.watch import watch
from tests.diagnosis import runs


def points(rng, count=300, classes=3):
    y = np.arange(count) % classes
    return rng.normal(size=(count, 4)) + 3 * np.eye(classes, 4)[y], y


def test_facts_survive_their_file(tmp_path, rng):
    X, y = points(rng)
    facts = Facts(
        optimizer="adam", learning_rate=0.1, batch_size=8, classes=3, shuffled=True,
        parameters=(ParameterFacts("W1", (4, 3), True, False, 4, "z1"),),
        modules=(("0", "Linear"),), same_draws=(("a", "b"),), data=describe_data(X, y, X[:9], y[:9], 3),
    )  # fmt: skip
    write_facts(tmp_path, facts)
    assert read_facts(tmp_path) == facts
    assert add_facts(tmp_path, batch_size=4).batch_size == 4
    assert read_facts(tmp_path).data == facts.data


def test_data_that_hold_nan_are_facts_too(tmp_path, rng):
    X, y = points(rng)
    X[3, 1] = np.nan
    write_facts(tmp_path, Facts(classes=3, data=describe_data(X, y, X[:9], y[:9], 3)))
    assert np.isnan(read_facts(tmp_path).data.largest).any()


def test_no_file_and_a_damaged_one(tmp_path):
    assert read_facts(tmp_path) is None
    (tmp_path / FILE).write_text("{", encoding="utf-8")
    with pytest.raises(RunError, match="cannot be read"):
        read_facts(tmp_path)


def test_counts_scales_and_repeated_rows(rng):
    X, y = points(rng)
    X[:, 1] *= 50
    facts = describe_data(X, y, np.concatenate([X[:30], X[:60] + 9]), np.concatenate([y[:30], y[:60]]), 4)
    assert facts.train_counts == (100, 100, 100, 0)
    assert facts.test_counts == (30, 30, 30, 0)
    np.testing.assert_allclose(facts.means, X.mean(axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(facts.deviations, X.std(axis=0), rtol=1e-4)
    np.testing.assert_allclose(facts.largest, np.abs(X).max(axis=0), rtol=1e-5)
    assert facts.repeated_in_test == pytest.approx(30 / 90)
    assert facts.repeated_in_train == 0
    assert describe_data(np.r_[X, X], np.r_[y, y], X, y, 4).repeated_in_train == pytest.approx(0.5)


def test_order_neighbours_and_leaks(rng):
    X, y = points(rng)
    shuffled = rng.permutation(y)
    facts, random = describe_data(X, y, X + 0.01, y, 3), describe_data(X, shuffled, X, y, 3)
    assert facts.neighbours > 0.85
    assert facts.test_neighbours == 1
    assert abs(random.neighbours - random.chance) < 0.1
    assert facts.chance == pytest.approx(1 / 3)
    order = np.argsort(y)
    assert describe_data(X[order], y[order], X, y, 3).label_runs < 0.02
    assert 0.8 < random.label_runs < 1.2
    leak = describe_data(np.column_stack([X, 7 * y]), y, np.column_stack([X, 7 * y]), y, 3)
    assert leak.explaining_feature == 4
    assert leak.explained[0] == pytest.approx(1)
    assert leak.explained[1] < 0.9


def test_images_are_summed_up(rng):
    images = rng.integers(0, 255, (20, 28, 28)).astype(np.uint8)
    facts = describe_data(images, np.arange(20) % 2, images, np.arange(20) % 2, 2)
    assert len(facts.means) == len(facts.deviations) == 1
    assert facts.largest[0] == images.max()
    assert facts.repeated_in_test == 1


def test_a_run_of_the_numpy_network_says_what_it_was_made_from(tmp_path):
    facts = Run.open(runs.mlp(tmp_path / "run", steps=20, batch_size=16, optimizer="adam", learning_rate=0.02)).facts()
    assert (facts.optimizer, facts.learning_rate, facts.batch_size) == ("adam", 0.02, 16)
    assert (facts.loss, facts.classes, facts.shuffled) == ("cross_entropy", 2, True)
    assert [each.name for each in facts.parameters] == ["W1", "b1", "W2", "b2"]
    assert facts.parameters[2] == ParameterFacts("W2", (8, 2), True, True, 8, "z2")
    assert facts.data.train_samples == 200


def test_a_watched_model_says_what_it_is_made_of(tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3))
    torch.manual_seed(0)
    nn.init.normal_(model[0].weight)
    torch.manual_seed(0)
    nn.init.normal_(model[2].weight, std=0.1)
    model[0].bias.requires_grad_(False)
    optimizer = torch.optim.SGD(model[2].parameters(), lr=0.5)
    before = [each.clone() for each in model.parameters()]
    with watch(model, optimizer, tmp_path / "run", names={"0": "z1"}):
        pass
    facts = Run.open(tmp_path / "run").facts()
    assert (facts.optimizer, facts.learning_rate, facts.data) == ("sgd", 0.5, None)
    told = [(each.name, each.trainable, each.optimized, each.fan_in, each.output) for each in facts.parameters]
    assert told == [
        ("0.weight", True, False, 5, "z1"), ("0.bias", False, False, None, "z1"),
        ("2.weight", True, True, 4, "2"), ("2.bias", True, True, None, "2"),
    ]  # fmt: skip
    assert facts.modules[1:] == (("0", "Linear"), ("1", "ReLU"), ("2", "Linear"))
    assert facts.same_draws == ()  # fewer than 16 values are drawn in another way than more
    assert all(torch.equal(one, other) for one, other in zip(before, model.parameters(), strict=True))


def test_a_lazy_model_can_be_watched(tmp_path):
    model = nn.Sequential(nn.LazyLinear(4), nn.Linear(4, 3))
    with watch(model, torch.optim.SGD(model.parameters(), lr=0.5), tmp_path / "run"):
        pass
    assert [each.name for each in Run.open(tmp_path / "run").facts().parameters] == ["1.weight", "1.bias"]


def test_layers_of_one_seed_are_found(tmp_path):
    layers = []
    for inputs, outputs in ((64, 32), (32, 32), (32, 10)):
        torch.manual_seed(3)
        layers.append(nn.Linear(inputs, outputs))
    model = nn.Sequential(*layers)
    with watch(model, torch.optim.SGD(model.parameters(), lr=0.5), tmp_path / "run"):
        pass
    pairs = Run.open(tmp_path / "run").facts().same_draws
    assert pairs == (("0.weight", "1.weight"), ("0.weight", "2.weight"), ("1.weight", "2.weight"))
