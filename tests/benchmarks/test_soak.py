"""The two hours of watching, in two seconds; and that their verdicts can fail."""

import json
from dataclasses import replace

import pytest
from benchmarks.soak import Sample, judged, soak

from backlight.recording.run import Run


@pytest.fixture
def steady():
    """Two hours as they should be."""
    return [
        Sample(30.0 * k, 30_000 * k, 1000.0, 700.0 + 0.1 * (k % 2), 6.0 * k, 50.0, 10.0, 400.0, 90)
        for k in range(1, 241)
    ]


def test_a_short_run_is_watched_measured_and_recorded(tmp_path):
    soak(tmp_path / "run", minutes=2 / 60, pace=500, sample=0.2, out=tmp_path / "soak.json")
    document = json.loads((tmp_path / "soak.json").read_text())
    run = Run.open(tmp_path / "run")
    assert document["steps"] == len(run.scalar("train/loss")[0]) == len(run.norms("grad/0.0.weight")[0])
    assert run.recorded_steps() == -(-document["steps"] // 100)
    assert {"param/0.0.weight", "grad/0.0.weight", "update/0.0.weight", "act/0.0"} <= set(run.tensor_names())
    series, verdicts = document["series"], document["verdicts"]
    assert series["seconds"] == sorted(series["seconds"])
    assert len(series["memory_mb"]) == document["n"] >= 4
    assert verdicts["growth"]["bytes a step"] > 50
    assert 0 < verdicts["cost"]["watching_us"]["first tenth"]["median"] < 1e6 / 500 * 50
    assert verdicts["pace"]["steps a second, mean"] < 510


def test_what_is_steady_is_found_steady(steady):
    verdicts = judged(steady)
    assert verdicts["memory"]["flat"]
    assert verdicts["growth"]["as predicted"]
    assert verdicts["growth"]["ratio"] == pytest.approx(1)
    assert verdicts["growth"]["bytes a step"] == pytest.approx(200)
    assert verdicts["cost"]["unchanged"]


def test_a_leak_of_a_hundred_bytes_a_step_is_seen(steady):
    leaking = [replace(each, memory_mb=each.memory_mb + each.steps * 100e-6) for each in steady]
    memory = judged(leaking)["memory"]
    assert not memory["flat"]
    assert memory["MB an hour"] == pytest.approx(360, rel=0.01)


def test_a_record_and_a_cost_that_grow_with_the_run_are_seen(steady):
    worse = [
        replace(each, folder_mb=each.folder_mb * (1 + each.steps / 7.2e6), watching_us=50 + each.steps / 4e5)
        for each in steady
    ]
    verdicts = judged(worse)
    assert not verdicts["growth"]["as predicted"]
    assert not verdicts["cost"]["unchanged"]
