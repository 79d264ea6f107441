"""Rules on runs of PyTorch models that were watched."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from backlight.diagnosis.diagnose import diagnose
from backlight.diagnosis.record import Record
from backlight.recording.run import Run
from backlight.watching.watch import watch
from tests.diagnosis import runs
from tests.diagnosis.runs import adam, layers, sgd


@pytest.fixture(scope="module")
def digits():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield runs.Digits.load()
    torch.set_num_threads(threads)


def of_log(probabilities, labels):
    return F.nll_loss(torch.log(probabilities), labels)


def with_epsilon(probabilities, labels):
    return F.nll_loss(torch.log(probabilities + 1e-8), labels)


def detached_loss(logits, labels):
    return F.cross_entropy(logits.detach(), labels) + 1e-3 * logits.square().mean()


HEALTHY = {
    "adam": {},
    "gradient descent": {"optimizer": sgd(0.1), "steps": 300},
    "tanh": {"model": lambda: layers(nn.Tanh)},
    "batch norm": {"model": lambda: layers(norm=True)},
    "raw features behind batch norm": {"model": lambda: nn.Sequential(nn.BatchNorm1d(64), *layers()), "scale": 80},
    "dropout": {"model": lambda: layers(dropout=0.5, width=64), "steps": 300},
    "dropout at test on purpose": {"model": lambda: layers(dropout=0.2), "tested_in": (True, False)},
    "tested in training mode, which changes nothing": {"model": lambda: layers(dropout=0.0), "tested_in": (True,)},
    "warm-up plateau": {"schedule": lambda step: 1e-6 if step < 60 else 3e-3, "steps": 300},
    "restarts": {"schedule": lambda step: 3e-3 * (1 - (step % 50) / 50), "steps": 300},
    "frozen on purpose": {"prepare": runs.train_then_freeze},
    "log_softmax twice": {"model": lambda: layers(tail=(nn.LogSoftmax(-1),))},
    "probabilities and their logarithm": {"model": lambda: layers(tail=(nn.Softmax(-1),)), "loss": of_log},
    "an output layer of zeros": {"prepare": runs.zero_head},
    "a way past a norm": {"model": runs.AroundTheNorm},
    "wide": {"model": lambda: layers(width=256)},
    "deep": {"model": lambda: layers(depth=5)},
    "short": {"steps": 20},
    "converged": {"steps": 800},
    "batches of 4": {"batch": 4, "steps": 500, "optimizer": adam(1e-3)},
}
FAULTS = {
    "softmax twice": ("softmax-before-loss", {"model": lambda: layers(tail=(nn.Softmax(-1),))}),
    "softmax twice, slowly": ("softmax-before-loss", {"model": lambda: layers(tail=(nn.Softmax(-1),)),
                                                      "optimizer": sgd(0.1), "steps": 300}),
    "probabilities": ("probabilities-into-nll", {"model": lambda: layers(tail=(nn.Softmax(-1),)),
                                                 "loss": F.nll_loss}),
    "ε in the logarithm": ("epsilon-in-log", {"model": lambda: layers(tail=(nn.Softmax(-1),), width=64),
                                              "loss": with_epsilon, "scale": 200, "optimizer": adam(0.1)}),
    "never cleared": ("missing-zero-grad", {"clear": False}),
    "never cleared, gradient descent": ("missing-zero-grad", {"clear": False, "optimizer": sgd(0.05)}),
    "only the head": ("not-in-optimizer", {"optimizer": lambda model: torch.optim.Adam(list(model.parameters())[-2:])}),
    "a rate of 0 for the first layer": ("not-in-optimizer", {"optimizer": runs.still_first_layer}),
    "only a penalty": ("loss-not-connected", {"loss": detached_loss}),
    "passed by": ("unused-parameters", {"model": runs.PassedBy}),
    "frozen at random": ("frozen-parameters", {"prepare": runs.freeze_all_but_the_last}),
    "cut": ("gradient-cut", {"model": runs.Cut}),
    "unused": ("unused-parameters", {"model": runs.Unused}),
    "labels exchanged": ("labels-permuted", {"test_labels": lambda labels: (3 * labels + 2) % 10}),
    "labels moved": ("labels-permuted", {"test_labels": lambda labels: (labels + 1) % 10}),
    "summed": ("sum-instead-of-mean", {"loss": lambda output, y: F.cross_entropy(output, y, reduction="sum"),
                                       "optimizer": sgd(0.1)}),
    "raw": ("unscaled-inputs", {"scale": 80, "optimizer": sgd(0.1)}),
    "no inputs": ("inputs-ignored", {"scale": 0}),
    "constant": ("constant-initialisation", {"prepare": runs.fill}),
    "one seed": ("same-seed-in-layers", {"prepare": runs.seed_every_layer}),
    "small weights": ("initial-scale", {"prepare": runs.scale_weights(0.03), "optimizer": sgd(0.1)}),
    "large weights": ("initial-scale", {"prepare": runs.scale_weights(20), "optimizer": sgd(0.01)}),
    "long steps": ("learning-rate-too-high", {"optimizer": sgd(10.0)}),
    "long steps of adam": ("learning-rate-too-high", {"optimizer": adam(0.3)}),
    "short steps": ("learning-rate-too-low", {"optimizer": sgd(1e-4)}),
    "short steps of adam": ("learning-rate-too-low", {"optimizer": adam(1e-6)}),
    "deep sigmoid": ("vanishing-gradients", {"model": lambda: layers(nn.Sigmoid, depth=6), "optimizer": sgd(0.1)}),
    "a ReLU behind the last layer": ("output-slope", {"model": lambda: layers(tail=(nn.ReLU(),))}),
    "evaluation mode": ("eval-mode-in-training", {"model": lambda: layers(norm=True, dropout=0.3),
                                                  "evaluation": True}),
    "steps that saturate": ("learning-rate-too-high", {"model": lambda: layers(nn.Sigmoid, depth=1),
                                                       "optimizer": adam(0.3), "steps": 300}),
    "raw, and a way past the norm": ("unscaled-inputs", {"model": runs.AroundTheNorm, "scale": 300,
                                                         "optimizer": sgd(0.1)}),
    "tested with dropout": ("dropout-at-test", {"model": lambda: layers(dropout=0.5), "tested_in": (True,)}),
    "tested with batch norm": ("dropout-at-test", {"model": lambda: layers(norm=True), "tested_in": (True,)}),
}  # fmt: skip


def run(folder, digits, settings):
    scale = settings.get("scale", 1)
    return runs.watched(
        folder, digits, X=digits.X * scale, **{key: value for key, value in settings.items() if key != "scale"}
    )


@pytest.mark.parametrize("name", HEALTHY)
def test_silent_on_healthy_runs(name, tmp_path, digits):
    found = diagnose(run(tmp_path / "run", digits, HEALTHY[name]))
    assert found.healthy, found.findings


def test_gradients_that_come_back_do_not_explode(tmp_path, digits):
    """Those of the first layer grow a hundredfold once the last has learnt something; the whole gradient does not."""
    settings = {"model": lambda: layers(nn.Sigmoid, depth=8, width=12), "optimizer": adam(0.01), "steps": 300}
    assert diagnose(run(tmp_path / "run", digits, settings)).causes == ("vanishing-gradients",)


def test_what_lies_beside_layers_is_no_layer(tmp_path, digits):
    record = Record(Run.open(run(tmp_path / "run", digits, {"model": runs.AroundTheNorm, "steps": 20})))
    assert record.weights == ["first.weight", "middle.weight", "last.weight"]


def test_frozen_on_purpose_is_a_note(tmp_path, digits):
    found = diagnose(run(tmp_path / "run", digits, HEALTHY["frozen on purpose"]))
    assert [(each.name, each.severity) for each in found.consequences] == [("frozen-parameters", "note")]


@pytest.mark.parametrize("name", FAULTS)
def test_planted_faults_are_named_first(name, tmp_path, digits):
    wanted, settings = FAULTS[name]
    found = diagnose(run(tmp_path / "run", digits, settings))
    assert found.findings
    assert found.findings[0].name == wanted, found.findings


@pytest.mark.parametrize(("name", "layer"), [("cut", "first"), ("unused", "middle"), ("frozen at random", "2")])
def test_the_layer_is_named(name, layer, tmp_path, digits):
    assert diagnose(run(tmp_path / "run", digits, FAULTS[name][1])).findings[0].layer == layer


def test_batches_of_single_samples(tmp_path, digits):
    """A smaller step or a larger batch mends it: both are named."""
    found = diagnose(runs.watched(tmp_path / "run", digits, batch=1, optimizer=sgd(0.1), steps=600))
    assert [each.name for each in found.findings][:2] == ["learning-rate-too-high", "batch-too-small"]


def test_samples_in_order_of_their_class(tmp_path, digits):
    order = digits.y[: runs.TRAINING].argsort(stable=True)
    found = diagnose(runs.watched(tmp_path / "run", digits, order=order, steps=300))
    assert found.findings[0].name == "unshuffled-data"
    assert {each.tensor for each in found.findings[0].evidence} == {"train/loss", "grad/4.bias"}


def test_labels_that_do_not_belong_to_their_samples(tmp_path, digits):
    y = digits.y[torch.randperm(len(digits.y), generator=torch.Generator().manual_seed(5))]
    found = diagnose(runs.watched(tmp_path / "run", digits, y=y, steps=400, model=lambda: layers(width=128)))
    assert found.findings[0].name == "labels-shuffled"


def test_a_sample_that_is_no_number(tmp_path, digits):
    X = digits.X.clone()
    X[777] = torch.nan
    folder = runs.watched(tmp_path / "run", digits, X=X)
    first = diagnose(folder).findings[0]
    assert (first.name, first.severity) == ("nonfinite-values", "prevents")
    steps, losses = Run.open(folder).scalar("train/loss")
    assert first.evidence[0].step == steps[~np.isfinite(losses)][0]


def test_a_loop_that_stops_at_the_overflow_between_two_recorded_steps(tmp_path, digits):
    """The loss alone has become infinite; that the weights had grown before is the cause, and the raw inputs theirs."""
    torch.manual_seed(0)
    model = layers()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    with watch(model, optimizer, tmp_path / "run", every=4) as watching:
        for step in range(100):
            loss = F.cross_entropy(model(80 * digits.X[:64]), digits.y[:64])
            watching.scalars(loss=loss.detach())
            if not torch.isfinite(loss) or (step % 4 and loss > 1e3):
                watching.scalars(loss=torch.inf)
                break
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    found = diagnose(tmp_path / "run")
    assert found.causes[:2] == ("unscaled-inputs", "learning-rate-too-high")
    assert [(each.name, each.severity) for each in found.consequences][-1] == ("nonfinite-values", "note")


def test_more_noise_than_signal_is_learnt_by_heart(tmp_path, digits):
    X = digits.X + 2.5 * torch.randn(digits.X.shape, generator=torch.Generator().manual_seed(9))
    found = diagnose(runs.watched(tmp_path / "run", digits, X=X, model=lambda: layers(width=256), steps=500))
    assert found.findings[0].name == "overfitting"


def test_a_regression_is_no_sum_and_no_cross_entropy(tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    X = torch.randn(200, 3)
    with watch(model, optimizer, tmp_path / "run", every=5) as watching:
        for _ in range(200):
            optimizer.zero_grad()
            loss = ((model(X) - X.sum(1, keepdim=True)) ** 2).mean()
            loss.backward()
            watching.scalars(loss=loss.detach())
            optimizer.step()
    found = diagnose(tmp_path / "run")
    assert found.causes == ()
