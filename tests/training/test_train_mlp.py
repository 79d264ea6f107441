import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from backlight.errors import DataError, DivergedError, RunError, SettingsError
from backlight.recording.run import Run
from backlight.training import train_mlp as module
from backlight.training.settings import MLPSettings
from backlight.training.train_mlp import load_network, train_mlp

QUICK = MLPSettings(layers=(2, 4, 2), steps=60, record_every=20, batch_size=32, optimizer="adam", learning_rate=0.02)


def same_runs(a, b):
    for name in a.scalar_names():
        for one, other in zip(a.scalar(name), b.scalar(name), strict=True):
            np.testing.assert_array_equal(one, other)
    for name in a.tensor_names():
        for one, other in zip(a.tensor(name)[1], b.tensor(name)[1], strict=True):
            assert (one.minimum, one.maximum, one.mean, one.variance) == (
                other.minimum,
                other.maximum,
                other.mean,
                other.variance,
            )
    assert a.scalar_names() == b.scalar_names()
    assert a.tensor_names() == b.tensor_names()


def test_the_record(tmp_path):
    run = train_mlp(MLPSettings(layers=(2, 6, 2), steps=400), tmp_path / "run")
    steps, losses = run.scalar("train/loss")
    assert list(steps) == [0, 100, 200, 300, 400]
    assert losses[-1] < losses[0]
    assert {"param/W1", "param/b2", "grad/W2", "act/z1", "act/a2"} <= set(run.tensor_names())
    network, settings = load_network(run)
    data = module.load_data(settings)
    assert float(network.objective(data.train.X, data.train.y, settings.l2)) == losses[-1]


def test_stopped_and_resumed_is_uninterrupted_to_the_bit(tmp_path, monkeypatch):
    whole = train_mlp(QUICK, tmp_path / "whole")
    record = module.record

    def record_and_stop(network, data, settings, writer, step, *rest):
        if step == 40:
            signal.raise_signal(signal.SIGTERM)
        return record(network, data, settings, writer, step, *rest)

    monkeypatch.setattr(module, "record", record_and_stop)
    stopped = train_mlp(QUICK, tmp_path / "parts")
    assert stopped.scalar("train/loss")[0][-1] == 40
    assert stopped.ending().kind == "stopped"
    monkeypatch.setattr(module, "record", record)
    same_runs(whole, train_mlp(QUICK, tmp_path / "parts", resume=True))


def test_killed_and_resumed_is_uninterrupted_to_the_bit(tmp_path, monkeypatch):
    """SIGKILL straight after a checkpoint: what was recorded before it is there."""
    monkeypatch.setattr(module, "SAVE_SECONDS", 0)
    whole = train_mlp(QUICK, tmp_path / "whole")
    program = (
        "import os, signal, sys\n"
        "from tests.training.test_train_mlp import QUICK, module\n"
        "save, module.SAVE_SECONDS = module.save, 0\n"
        "def save_and_die(network, optimizer, writer, step):\n"
        "    save(network, optimizer, writer, step)\n"
        "    if step == 47: os.kill(os.getpid(), signal.SIGKILL)\n"
        "module.save = save_and_die\n"
        "module.train_mlp(QUICK, sys.argv[1])\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path / "parts")], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    same_runs(whole, train_mlp(QUICK, tmp_path / "parts", resume=True))


def test_a_diverging_run_says_so_and_keeps_its_record(tmp_path):
    settings = replace(QUICK, activation="relu", optimizer="sgd", learning_rate=1e8, record_every=1)
    with pytest.raises(DivergedError, match="lower learning rate"):
        train_mlp(settings, tmp_path / "run")
    run = Run.open(tmp_path / "run")
    assert run.ending().kind == "diverged"
    assert run.tensor("act/z2")[0][-1] == run.ending().step


def test_a_resumed_run_must_have_the_same_settings(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "train", lambda *arguments: 0)
    train_mlp(QUICK, tmp_path / "run")
    with pytest.raises(RunError, match="keeps its settings"):
        train_mlp(replace(QUICK, learning_rate=0.5), tmp_path / "run", resume=True)


def test_digits_as_rows(tmp_path):
    settings = MLPSettings(
        data="digits",
        layers=(784, 16, 10),
        batch_size=64,
        steps=60,
        record_every=30,
        optimizer="adam",
        learning_rate=0.01,
    )
    assert train_mlp(settings, tmp_path / "run").scalar("test/accuracy")[1][-1] > 0.6


def test_nothing_is_written_when_the_input_is_bad(tmp_path):
    for settings, error, words in [
        (MLPSettings(layers=(3, 4, 2)), SettingsError, "moons: it has 2 features and 2 classes"),
        (MLPSettings(data="spirals", classes=3), SettingsError, "end with 3"),
        (MLPSettings(data="moon"), SettingsError, "unknown data 'moon'"),
        (MLPSettings(data=str(tmp_path / "absent.csv")), DataError, "no such file"),
    ]:
        with pytest.raises(error, match=words):
            train_mlp(settings, tmp_path / "run")
        assert not (tmp_path / "run").exists()


def test_a_run_is_not_overwritten(tmp_path):
    train_mlp(QUICK, tmp_path / "run")
    with pytest.raises(RunError, match="already there"):
        train_mlp(QUICK, tmp_path / "run")
    with pytest.raises(RunError, match="finished"):
        train_mlp(QUICK, tmp_path / "run", resume=True)
    with pytest.raises(RunError, match="no run to resume"):
        train_mlp(QUICK, tmp_path / "other", resume=True)
    assert Run.open(tmp_path / "run").ending().kind == "finished"
