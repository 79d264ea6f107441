"""Rules while the folder is being written."""

import pytest

from backlight.diagnosis import live
from backlight.diagnosis.live import LiveRules
from backlight.errors import SettingsError
from tests.diagnosis import runs


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still unless it is set."""
    times = [100.0]
    monkeypatch.setattr(live, "perf_counter", lambda: times[-1])
    return times


def test_each_finding_is_told_once_and_may_stop_the_training(tmp_path, clock):
    runs.mlp(tmp_path / "run", network=runs.constant_weights, steps=100)
    told = []
    rules = LiveRules(tmp_path / "run", lambda finding: told.append(finding.name) or "stop")
    assert not rules.step()
    assert told == []  # it is not time yet
    clock.append(110.0)
    assert rules.step()
    assert told == ["constant-initialisation"]
    rules.ask()
    assert told == ["constant-initialisation"]


def test_a_healthy_run_that_has_just_begun_is_left_alone(tmp_path):
    runs.mlp(tmp_path / "run", steps=20, record_every=5)
    told = []
    LiveRules(tmp_path / "run", told.append).ask()
    LiveRules(tmp_path / "not yet there", told.append).ask()
    assert told == []


def test_asking_is_paid_off_before_it_is_asked_again(tmp_path, clock, monkeypatch):
    asked = []

    def slow(folder, mute):
        asked.append(clock[-1])
        clock.append(clock[-1] + 2.0)
        return runs_nothing

    runs_nothing = live.diagnose(runs.mlp(tmp_path / "run", steps=20))
    monkeypatch.setattr(live, "diagnose", slow)
    rules = LiveRules(tmp_path / "run", print, budget=0.01)
    for second in range(101, 1000):
        clock.append(max(float(second), clock[-1]))
        rules.step()
        assert rules.share <= 0.01 or len(asked) == 1  # what the first one costs nobody knows
    assert asked == [110.0, 500.0, 700.0, 900.0]


@pytest.mark.parametrize("budget", [0, -1, 2])
def test_a_budget_is_a_share(budget, tmp_path):
    with pytest.raises(SettingsError, match="share of the training time"):
        LiveRules(tmp_path, print, budget=budget)
