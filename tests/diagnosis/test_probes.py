"""Each probe on a planted fault, and all of them on models that have none."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

import backlight as bl
from backlight.diagnosis.finding import Diagnosis
from backlight.diagnosis.probes.examine import CHANGED

from .faulty_models import FAULTS, fault
from .healthy_models import HEALTHY, Case, adam, healthy, mlp, small_digits


def pruned(layer: nn.Module) -> None:
    prune.l1_unstructured(layer, "weight", 0.6)


def diagnosed(case: Case, **other) -> Diagnosis:
    return bl.diagnose(
        model=case.model, loss_fn=case.loss_fn, batch=case.batch, optimizer=case.optimizer, **{"seconds": 250, **other}
    )


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_named(name):
    planted = fault(name)
    found = diagnosed(planted.case)
    named = [each.name for each in found.findings] if planted.first else found.causes
    assert planted.cause in named
    assert planted.cause not in found.passed
    for first in (each.evidence[0] for each in found.findings):
        assert first.value >= first.bound if first.passes == "above" else first.value <= first.bound
    if planted.layer is not None:
        assert planted.layer in [
            each.layer for each in found.findings + found.consequences if each.name == planted.cause
        ]


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_models_are_left_alone(name):
    found = diagnosed(healthy(name))
    assert found.healthy, found.findings
    assert "wrong-gradient" in found.passed
    assert not [reason for _, reason in found.skipped if "time" in reason or CHANGED in reason]


@pytest.mark.parametrize("name", ["plain", "dropout", "binary", "regression", "gru"])
def test_healthy_models_without_an_optimizer(name):
    case = healthy(name, seed=1)
    found = bl.diagnose(model=case.model, loss_fn=case.loss_fn, batch=case.batch)
    assert found.healthy
    assert {"learning-rate-too-high", "not-in-optimizer"} <= {name for name, _ in found.skipped}


def test_the_same_diagnosis_each_time():
    case = fault("summed_loss").case
    assert diagnosed(case) == diagnosed(case)


def test_frozen_on_purpose_and_honest_imbalance_are_notes():
    assert ("frozen-parameters", "note") in severities(healthy("frozen_backbone"))
    assert ("class-imbalance", "note") in severities(healthy("honest_imbalance"))
    assert ("sum-instead-of-mean", "note") in severities(healthy("summed_with_adam"))


def test_parts_that_have_not_looked_are_no_pass():
    """A model that draws a sample in evaluation mode on purpose: a note, and what needs equal outputs is skipped."""

    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = mlp()

        def forward(self, x: Tensor) -> Tensor:
            return self.layers(x) + 0.01 * torch.randn(len(x), 10)

    found = bl.diagnose(model=Noisy(), loss_fn=nn.CrossEntropyLoss(), batch=small_digits())
    assert [(each.name, each.severity) for each in found.consequences] == [("dropout-at-test", "note")]
    assert "wrong-gradient" in dict(found.skipped)
    assert "wrong-gradient" not in found.passed


@pytest.mark.parametrize(
    "wrap",
    [nn.utils.parametrizations.weight_norm, nn.utils.parametrizations.spectral_norm, pruned],
    ids=lambda each: each.__name__,
)
def test_models_that_torch_itself_has_changed(wrap):
    model = mlp()
    wrap(model[0])
    model(small_digits()[0])
    found = bl.diagnose(model=model, loss_fn=nn.CrossEntropyLoss(), batch=small_digits(), optimizer=adam(model))
    assert found.healthy
    assert not found.consequences


def test_an_optimizer_that_asks_for_the_loss_itself():
    model = mlp()
    optimizer = torch.optim.LBFGS(model.parameters())
    found = bl.diagnose(model=model, loss_fn=nn.CrossEntropyLoss(), batch=small_digits(), optimizer=optimizer)
    assert found.healthy
    assert "learning-rate-too-high" in found.passed


def severities(case: Case) -> list[tuple[str, str]]:
    found = diagnosed(case)
    return [(each.name, each.severity) for each in found.findings + found.consequences]
