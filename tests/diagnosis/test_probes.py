"""Each probe on a planted fault, and all of them on models that have none."""

import pytest

import backlight as bl
from backlight.diagnosis.finding import Diagnosis

from .faulty_models import FAULTS, fault
from .healthy_models import HEALTHY, Case, healthy


def diagnosed(case: Case, **other) -> Diagnosis:
    return bl.diagnose(
        model=case.model, loss_fn=case.loss_fn, batch=case.batch, optimizer=case.optimizer, **{"seconds": 60, **other}
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
    assert not [reason for _, reason in found.skipped if "time" in reason]


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


def severities(case: Case) -> list[tuple[str, str]]:
    found = diagnosed(case)
    return [(each.name, each.severity) for each in found.findings + found.consequences]
