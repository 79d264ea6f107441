"""Rules on runs of the NumPy networks: each planted fault by its name, and silence on healthy ones."""

from dataclasses import replace

import numpy as np
import pytest

from backlight.data.dataset import Samples
from backlight.diagnosis.diagnose import diagnose
from backlight.networks.losses import softmax
from backlight.networks.mistakes import Mistakes
from backlight.recording.facts import read_facts, write_facts
from tests.diagnosis import runs

pytestmark = pytest.mark.filterwarnings("error")

HEALTHY = {
    "tanh": {},
    "relu": {"activation": "relu", "layers": (2, 16, 2)},
    "deep relu": {"activation": "relu", "layers": (2, 16, 16, 2), "seed": 1},
    "sigmoid": {"activation": "sigmoid", "learning_rate": 2.0, "steps": 1500},
    "adam": {"activation": "relu", "optimizer": "adam", "learning_rate": 0.02, "layers": (2, 16, 2)},
    "small batches": {"batch_size": 16, "learning_rate": 0.1},
    "noisy small batches": {"batch_size": 4, "learning_rate": 0.05, "steps": 800},
    "three classes": {"data": "blobs", "classes": 3, "layers": (2, 8, 3)},
    "spirals": {"data": "spirals", "noise": 0.1, "layers": (2, 32, 2), "optimizer": "adam", "learning_rate": 0.03},
    "short": {"steps": 40, "record_every": 5},
    "converged": {"steps": 4000, "record_every": 200},
    "honest imbalance": {"change": runs.few_of_class_1(15), "steps": 2000},
    "overlapping classes": {"noise": 0.35},
}


@pytest.mark.parametrize("name", HEALTHY)
def test_silent_on_healthy_runs(name, tmp_path):
    found = diagnose(runs.mlp(tmp_path / "run", **HEALTHY[name]))
    assert found.healthy, found.findings
    assert len(found.passed) > 25


def without_labels(network, X, y, l2):
    passes = network.forward(X)
    return network.backward(passes, softmax(passes[-1].activation) / len(X), l2)


def uphill(network, X, y, l2):
    return [-0.5 * gradient for gradient in network.gradients(X, y, l2)]


OUTPUT_SLOPE = Mistakes(output_derivative=True, summed_gradients=True)
ZERO = runs.both_parts(lambda part: Samples(part.X * 0, part.y))
FAULTS = {
    "overflow": ("learning-rate-too-high", {"activation": "relu", "learning_rate": 1e6}),
    "long steps": ("learning-rate-too-high", {"activation": "relu", "learning_rate": 30.0, "layers": (2, 8, 8, 2)}),
    "long steps of adam": ("learning-rate-too-high", {"optimizer": "adam", "learning_rate": 1.0, "batch_size": 32,
                                                      "layers": (2, 16, 16, 2)}),
    "short steps": ("learning-rate-too-low", {"learning_rate": 1e-3}),
    "constant": ("constant-initialisation", {"network": runs.constant_weights}),
    "small weights": ("initial-scale", {"network": runs.scaled_weights(0.02), "layers": (2, 8, 8, 2)}),
    "large weights": ("initial-scale", {"network": runs.scaled_weights(20), "layers": (2, 8, 8, 2)}),
    "born dead": ("born-dead", {"network": runs.hidden_biases(-8.0), "activation": "relu"}),
    "deep sigmoid": ("vanishing-gradients", {"activation": "sigmoid", "layers": (2, 8, 8, 8, 8, 8, 2)}),
    "labels shuffled": ("labels-shuffled", {"change": runs.train_part(runs.shuffled_labels)}),
    "labels exchanged": ("labels-shifted", {"change": runs.train_part(lambda part: Samples(part.X, 1 - part.y))}),
    "large inputs": ("unscaled-inputs", {"change": runs.scaled_inputs(100)}),
    "small inputs": ("unscaled-inputs", {"change": runs.scaled_inputs(0.003)}),
    "hardly any of one class": ("class-imbalance", {"change": runs.few_of_class_1(6), "learning_rate": 0.02}),
    "a leak": ("leaking-feature", {"change": runs.with_leak, "layers": (4, 8, 2)}),
    "overlap": ("split-overlap", {"change": runs.overlapping}),
    "no inputs": ("inputs-ignored", {"change": ZERO}),
    "slope at the output": ("output-slope", {"gradients": OUTPUT_SLOPE.gradients, "activation": "relu",
                                             "layers": (2, 4, 3, 2), "learning_rate": 0.01, "l2": 0.01, "seed": 3}),
    "sigmoid's slope at the output": ("wrong-gradient", {"gradients": Mistakes(True).gradients,
                                                         "activation": "sigmoid"}),
    "labels not subtracted": ("wrong-gradient", {"gradients": without_labels}),
    "uphill": ("wrong-gradient", {"gradients": uphill}),
    "summed": ("sum-instead-of-mean", {"gradients": Mistakes(summed_gradients=True).gradients}),
    "by heart": ("overfitting", {"change": runs.some_flipped(0.2), "samples": 60, "layers": (2, 64, 64, 2),
                                 "optimizer": "adam", "learning_rate": 0.01, "steps": 1000}),
    "too few units": ("too-small-model", {"data": "circles", "noise": 0.05, "layers": (2, 2, 2), "steps": 3000}),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_planted_faults_are_named_first(name, tmp_path, monkeypatch):
    wanted, settings = FAULTS[name]
    if name == "a leak":  # settings know the data's own widths alone
        monkeypatch.setattr(runs.module, "check_widths", lambda *given: None)
    found = diagnose(runs.mlp(tmp_path / "run", **settings))
    assert found.causes[0] == wanted
    assert found.findings[0].name == wanted


INITIAL = {
    "biases that saturate": ("1", {"network": runs.hidden_biases(6.0)}),
    "one layer's weights": ("3", {"network": runs.last_layer(weights=30), "layers": (2, 8, 8, 2)}),
    "one class's bias": ("2", {"network": runs.last_layer(bias=20)}),
    "all weights": ("", {"network": runs.scaled_weights(20), "layers": (2, 8, 8, 2)}),
}


@pytest.mark.parametrize("name", INITIAL)
def test_the_layer_that_began_on_another_scale(name, tmp_path):
    layer, settings = INITIAL[name]
    first = diagnose(runs.mlp(tmp_path / "run", **settings)).findings[0]
    assert (first.name, first.layer) == ("initial-scale", layer)


def test_two_numbers_that_happen_to_be_small_are_no_scale(tmp_path):
    """A layer of 2 × 1 weights: a mean of two squares says next to nothing of what they were drawn from."""

    def small(network):
        network.layers[0].weights[...] = [[0.2], [0.1]]
        return network

    settings = {"network": small, "layers": (2, 1, 2), "data": "circles", "noise": 0.05}
    assert "initial-scale" not in diagnose(runs.mlp(tmp_path / "run", **settings)).causes


def test_the_riddle_as_a_run(tmp_path):
    """The report's ReLU network: no sample has a positive logit, no parameter a gradient, and the loss is near ln 2."""
    settings = FAULTS["slope at the output"][1]
    found = diagnose(runs.mlp(tmp_path / "run", **settings))
    first = found.findings[0]
    assert (first.name, first.severity, first.layer) == ("output-slope", "prevents", "3")
    *dead, largest = first.evidence
    assert {each.tensor for each in dead} == {"grad/b3"}
    assert min(each.value for each in dead) > 0
    assert (largest.tensor, largest.passes) == ("act/a3", "below")
    assert largest.value <= 0


def test_growth_is_the_cause_and_the_overflow_its_end(tmp_path):
    found = diagnose(runs.mlp(tmp_path / "run", **FAULTS["overflow"][1]))
    assert "nonfinite-values" in found.causes
    overflow = next(each for each in found.consequences if each.name == "nonfinite-values")
    assert overflow.severity == "note"


def test_labels_from_1_and_labels_that_may_be_wrong(tmp_path):
    folder = runs.mlp(tmp_path / "run")
    facts = read_facts(folder)
    write_facts(folder, replace(facts, data=replace(facts.data, train_counts=(0, 100, 100))))
    assert "labels-shifted" in diagnose(folder).causes
    noisy = replace(facts.data, neighbours=0.7)
    write_facts(folder, replace(facts, data=noisy))
    assert "labels-noisy" in diagnose(folder).causes
    assert diagnose(folder).healthy


def blank(share):
    def drop(part):
        X = part.X.copy()
        X[np.random.default_rng(2).random(len(part)) < share] = 0
        return Samples(X, part.y)

    return runs.both_parts(drop)


@pytest.mark.parametrize(
    ("wanted", "change"),
    [
        ("inputs-ignored", blank(0.5)),
        ("labels-noisy", runs.some_flipped(0.2)),
        ("labels-shuffled", runs.some_flipped(0.4)),
        ("labels-shifted", runs.some_flipped(0.8)),
    ],
)
def test_part_of_the_samples_is_enough(wanted, change, tmp_path):
    assert diagnose(runs.mlp(tmp_path / "run", change=change)).causes[0] == wanted


def test_parts_of_other_shares_are_a_hint(tmp_path):
    found = diagnose(runs.mlp(tmp_path / "run", change=runs.few_of_class_1(8)))
    assert "class-imbalance" in found.causes


def test_batches_of_single_samples(tmp_path):
    """They walk to and fro where larger batches of the same step would not."""
    folder = runs.mlp(tmp_path / "run", batch_size=1, learning_rate=0.6, steps=1500)
    found = diagnose(folder)
    assert {"learning-rate-too-high", "batch-too-small"} & set(found.causes)


def test_runs_without_facts_are_judged_by_what_they_hold(tmp_path):
    folder = runs.mlp(tmp_path / "run", network=runs.constant_weights)
    (folder / "facts.json").unlink()
    found = diagnose(folder)
    assert found.findings[0].name == "constant-initialisation"
    skipped = dict(found.skipped)
    assert "facts.json" in skipped["not-in-optimizer"]
    assert "facts.json" in skipped["split-overlap"]
    assert not {"not-in-optimizer", "split-overlap"} & set(found.passed)


def test_an_empty_run_is_no_fault(tmp_path):
    from backlight.recording.run_writer import RunWriter

    with RunWriter(tmp_path / "run"):
        pass
    found = diagnose(tmp_path / "run")
    assert found.healthy
    assert len(found.skipped) > 30


def test_values_that_are_nan_from_the_first_step(tmp_path):
    from backlight.recording.run_writer import RunWriter
    from backlight.recording.summarise import summarise_arrays

    with RunWriter(tmp_path / "run") as writer:
        for step in range(3):
            values = np.array([1.0, np.nan if step == 2 else 2.0])
            writer.scalars(step, {"train/loss": values[1]})
            writer.tensors(step, summarise_arrays({"act/z1": values, "act/z2": values}))
    (first,) = diagnose(tmp_path / "run").findings
    assert (first.name, first.severity, first.layer) == ("nonfinite-values", "prevents", "1")
    assert [each.step for each in first.evidence] == [2, 1]
