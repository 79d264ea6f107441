"""Trainings that are killed between two lines; at random instants `make bench-crash` kills them."""

import io
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from backlight.cli import main
from backlight.errors import RunError
from backlight.recording.checkpoint import LATEST, load_checkpoint
from backlight.recording.run import Run
from backlight.training import train_cnn as cnn
from backlight.training import train_mlp as mlp
from tests.recording.test_faults import Killed, killing
from tests.training.test_train_cnn import QUICK as CNN
from tests.training.test_train_cnn import few_images, final_weights
from tests.training.test_train_mlp import QUICK as MLP
from tests.training.test_train_mlp import same_runs


@pytest.fixture
def few_digits(monkeypatch):
    monkeypatch.setattr(cnn, "load_images", few_images)


def test_killed_before_the_first_checkpoint_it_is_resumed_from_the_start(tmp_path, monkeypatch):
    whole = mlp.train_mlp(MLP, tmp_path / "whole", stream=io.StringIO())
    with monkeypatch.context() as patch:
        patch.setattr(mlp, "save_checkpoint", killing)
        with pytest.raises(Killed):
            mlp.train_mlp(MLP, tmp_path / "run", stream=io.StringIO())
    assert Run.open(tmp_path / "run").last_step() == 0
    resumed = mlp.train_mlp(MLP, tmp_path / "run", resume=True, stream=io.StringIO())
    same_runs(whole, resumed)
    assert resumed.facts() == whole.facts()


def test_the_convolutional_network_too(tmp_path, few_digits, monkeypatch):
    whole = cnn.train_cnn(CNN, tmp_path / "whole", stream=io.StringIO())
    with monkeypatch.context() as patch:
        patch.setattr(cnn, "save_checkpoint", killing)
        with pytest.raises(Killed):
            cnn.train_cnn(CNN, tmp_path / "run", stream=io.StringIO())
    resumed = cnn.train_cnn(CNN, tmp_path / "run", resume=True, stream=io.StringIO())
    same_runs(whole, resumed)
    for name, weights in final_weights(whole).items():
        np.testing.assert_array_equal(weights, final_weights(resumed)[name])


def test_a_checkpoint_that_is_lost_later_is_an_error_and_no_new_start(tmp_path):
    mlp.train_mlp(MLP, tmp_path / "run", stream=io.StringIO())
    run = tmp_path / "run"
    (run / "checkpoints" / LATEST).unlink()
    with closing(sqlite3.connect(run / "run.sqlite", isolation_level=None)) as database:
        database.execute("DELETE FROM event WHERE kind = 'finished'")
    (run / "run.sums").unlink()  # which knows the event
    with pytest.raises(RunError, match="no such checkpoint"):
        mlp.train_mlp(MLP, run, resume=True, stream=io.StringIO())


def test_the_record_is_on_disk_before_the_checkpoint_that_will_not_repeat_it(tmp_path, few_digits, monkeypatch):
    save, recorded = cnn.save_checkpoint, []

    def look_and_save(path, arrays, state):
        if path.name == LATEST:
            recorded.append((state["step"], Run.open(tmp_path / "run").last_step()))
        save(path, arrays, state)

    monkeypatch.setattr(cnn, "save_checkpoint", look_and_save)
    cnn.train_cnn(CNN, tmp_path / "run", stream=io.StringIO())
    assert recorded == [(0, None), (3, 3), (6, 6)]  # 3 and 6 are the accuracies after an epoch


def test_the_last_checkpoint_goes_when_the_end_is_on_disk(tmp_path, few_digits, monkeypatch):
    unlink, endings = Path.unlink, []

    def look_and_unlink(path, *args, **kwargs):
        if path.name == LATEST:
            endings.append(Run.open(tmp_path / "run").ending().kind)
        unlink(path, *args, **kwargs)

    monkeypatch.setattr(Path, "unlink", look_and_unlink)
    cnn.train_cnn(CNN, tmp_path / "run", stream=io.StringIO())
    assert endings == ["finished"]


def test_a_stopped_training_says_so_with_its_exit_code(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("backlight.reports.run_pictures.draw_mlp", lambda run: [])
    record = mlp.record

    def record_and_stop(network, data, settings, writer, step, *rest):
        if step == 20:
            os.kill(os.getpid(), 2)
        return record(network, data, settings, writer, step, *rest)

    words = ["--steps", "60", "--record-every", "20", "--run", str(tmp_path / "run")]
    monkeypatch.setattr(mlp, "record", record_and_stop)
    with pytest.raises(SystemExit) as stopped:
        main(["train", "mlp", *words])
    assert stopped.value.code == 130
    assert "stopped at step 20" in capsys.readouterr().out
    monkeypatch.setattr(mlp, "record", record)
    with pytest.raises(SystemExit) as finished:
        main(["train", "mlp", "--resume", "--run", str(tmp_path / "run")])
    assert finished.value.code == 0
    assert load_checkpoint(tmp_path / "run" / "checkpoints" / LATEST)[1]["step"] == 60


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("backlight.cli.entry.run", ["runs"]),  # as it loads
        ("backlight.recording.overview.list_runs", ["runs"]),
        ("backlight.training.train_mlp.train_mlp", ["train", "mlp"]),
    ],
)
def test_ctrl_c_is_one_line_wherever_it_comes(place, words, monkeypatch, capsys):
    def interrupted_there(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(place, interrupted_there)
    with pytest.raises(SystemExit) as interrupted:
        main(words)
    assert interrupted.value.code == 130
    assert capsys.readouterr().err == "backlight: interrupted\n"
