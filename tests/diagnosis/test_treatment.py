"""Cures: what they change, what is said of rates, and a run that is cured by its learning rate."""

from dataclasses import replace

import numpy as np
import pytest

import backlight as bl
from backlight.cli import main
from backlight.diagnosis.cures import CURES, changes
from backlight.diagnosis.treatment import treat, unrelated, verdict
from backlight.errors import SettingsError
from backlight.intervals import rate_interval
from backlight.training.settings import MLPSettings


def rate(successes, n=100):
    return rate_interval(np.arange(n) < successes)


@pytest.mark.parametrize(
    ("unchanged", "changed", "outcome"),
    [
        (5, 95, "cured"),
        (0, 40, "not cured"),
        (95, 96, "only the seed"),
        (10, 9, "not cured"),
        (45, 55, "cannot tell"),
    ],
)
def test_what_rates_say(unchanged, changed, outcome):
    assert verdict(rate(unchanged), rate(changed)) == outcome


def test_every_change_is_of_one_setting_that_can_be_trained_with():
    settings = MLPSettings(layers=(2, 4, 4, 2), activation="sigmoid", batch_size=2)
    for name in CURES:
        for change in changes([name], settings):
            changed = change.applied(settings)
            assert changed != settings
            assert replace(changed, **{change.setting: change.before}) == settings


def test_another_causes_cure_changes_another_setting():
    settings = MLPSettings()
    cures = changes(["learning-rate-too-high"], settings)
    assert {change.setting for change in cures} == {"learning_rate"}
    assert unrelated("learning-rate-too-high", settings, cures).setting != "learning_rate"


def test_too_few_seeds_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="at least 10"):
        treat(tmp_path, seeds=3)


def test_a_step_that_is_too_large_is_cured_and_a_healthy_run_is_left_alone(tmp_path, capsys):
    settings = MLPSettings(layers=(2, 8, 8, 2), activation="relu", learning_rate=6.0, steps=300, record_every=10)
    bl.train_mlp(settings, tmp_path / "bad")
    treated = treat(tmp_path / "bad", seeds=40)
    assert treated.outcome == "cured"
    assert treated.change is not None
    assert treated.unchanged.success.high < treated.changed.success.low
    assert treated.random is not None
    assert len({arm.success.n for arm in treated.arms}) == 1
    bl.train_mlp(replace(settings, learning_rate=0.5), tmp_path / "good")
    with pytest.raises(SystemExit) as done:
        main(["treat", str(tmp_path / "good"), "--seeds", "10"])
    assert done.value.code == 0
    assert "no rule found anything wrong" in capsys.readouterr().out
