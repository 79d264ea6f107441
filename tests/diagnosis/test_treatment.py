"""Cures: what they change, what is said of rates, and a run that is cured by its learning rate."""

import io
from dataclasses import replace

import numpy as np
import pytest

import backlight as bl
from backlight.cli import main
from backlight.diagnosis.cures import CNN_CURES, MLP_CURES, changes
from backlight.diagnosis.finding import Diagnosis, Finding
from backlight.diagnosis.retraining import RETRAINING
from backlight.diagnosis.treatment import as_it_ran, treat, unrelated, verdict
from backlight.errors import SettingsError
from backlight.intervals import rate_interval
from backlight.networks.mistakes import Mistakes
from backlight.training.settings import CNNSettings, MLPSettings


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


@pytest.mark.parametrize(
    ("settings", "cures"),
    [
        (MLPSettings(layers=(2, 4, 4, 2), activation="sigmoid", batch_size=2, output_derivative=True), MLP_CURES),
        (CNNSettings(conv_activation="sigmoid", fc_activation="tanh", learning_rate=0.5), CNN_CURES),
    ],
)
def test_every_change_is_of_one_setting_that_can_be_trained_with(settings, cures):
    for name in cures:
        found = changes(cures, [name], settings)
        for change in found:
            changed = change.applied(settings)
            assert changed != settings
            assert replace(changed, **{change.setting: change.before}) == settings
            assert change.name == name
        assert len({(change.setting, change.after) for change in found}) == len(found)


def test_another_causes_cure_changes_another_setting():
    for seed in range(20):
        other = unrelated(MLP_CURES, ["learning-rate-too-high"], MLPSettings(seed=seed), "learning_rate")
        assert other.setting != "learning_rate"
        assert other.name != "learning-rate-too-high"


def test_too_few_seeds_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="at least 5"):
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


def test_the_riddle_as_a_run_is_named_and_proved(tmp_path):
    """ReLU networks whose logits die: by the setting, and by somebody's own gradients."""
    right = MLPSettings(layers=(2, 6, 2), activation="relu", learning_rate=2.0, steps=1500, record_every=50, seed=3)
    bl.train_mlp(replace(right, output_derivative=True), tmp_path / "setting")
    bl.train_mlp(right, tmp_path / "own", gradients=Mistakes(output_derivative=True).gradients)
    for name in ("setting", "own"):
        found = bl.diagnose(tmp_path / name)
        assert found.causes[0] == "output-slope"
        assert "dead logits of 2" in found.findings[0].evidence[0].statistic
        treated = treat(tmp_path / name, seeds=50)
        assert (treated.outcome, str(treated.change)) == ("cured", "output_derivative = False instead of True")


def test_no_mistake_is_put_into_a_run_whose_gradients_were_right(tmp_path):
    settings = MLPSettings(steps=20, record_every=10)
    right = bl.train_mlp(settings, tmp_path / "right")
    own = bl.train_mlp(settings, tmp_path / "own", gradients=Mistakes(output_derivative=True).gradients)
    found = Diagnosis("", (Finding("output-slope", "slows", ()),), (), (), ())
    assert as_it_ran(right, settings, found) == settings
    assert as_it_ran(own, settings, found) == replace(settings, output_derivative=True)


def test_short_runs_of_the_convolutional_network_are_trained_anew(tmp_path, monkeypatch):
    """With what a run reaches put in place of minutes of training."""
    reached = {0.5: 0.1, 0.002: 0.95}
    seen = []

    def accuracies(settings, seeds):
        seen.append((settings.peak_rate, tuple(seeds)))
        return np.array([reached.get(settings.peak_rate, 0.1) for _ in seeds])

    cnn = RETRAINING["train", "cnn"]
    monkeypatch.setitem(RETRAINING, ("train", "cnn"), replace(cnn, accuracies=accuracies))
    settings = CNNSettings(learning_rate=0.5, epochs=1, record_every=5)
    bl.train_cnn(settings, tmp_path / "run", stream=io.StringIO())
    lines = []
    treated = treat(tmp_path / "run", report=lines.append)
    assert treated.outcome == "cured"
    assert (treated.change.setting, treated.change.after) == ("learning_rate", 0.002)
    assert treated.unchanged.success.n == 5
    choosing = {seed for _, seeds in seen if len(seeds) == 2 for seed in seeds}
    confirming = {seed for _, seeds in seen if len(seeds) == 5 for seed in seeds}
    assert not choosing & confirming
    assert len(lines) == len(seen)


def test_a_short_run_is_trained_for_one_epoch():
    (accuracy,) = RETRAINING["train", "cnn"].accuracies(CNNSettings(epochs=3), [1])
    assert accuracy > 0.8
