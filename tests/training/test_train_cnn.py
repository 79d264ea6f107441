import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from backlight.data.dataset import Dataset
from backlight.data.digits import load_digits
from backlight.errors import DivergedError, SettingsError
from backlight.recording.checkpoint import load_checkpoint
from backlight.recording.run import Run
from backlight.training import train_cnn as module
from backlight.training.settings import CNNSettings
from backlight.training.train_cnn import BEST, train_cnn
from tests.training.test_train_mlp import same_runs

QUICK = CNNSettings(epochs=2, batch_size=32, record_every=4, threads=1, device="cpu")


def few_images(name, data_dir):
    """96 images of each part, so three batches an epoch."""
    data = load_digits()
    parts = (part.take(np.arange(96) * len(part) // 96) for part in (data.train, data.test, data.validation))
    return Dataset("few digits", 10, *parts)


@pytest.fixture
def few_digits(monkeypatch):
    monkeypatch.setattr(module, "load_images", few_images)


def final_weights(run):
    return load_checkpoint(run.folder / "checkpoints" / BEST)[0]


def test_the_record_holds_every_row_of_s17(tmp_path, few_digits):
    run = train_cnn(replace(QUICK, test_each_epoch=True), tmp_path / "run")
    assert {"train/loss", "train/acc", "train/error", "validation/accuracy", "test/accuracy"} <= set(run.scalar_names())
    assert list(run.scalar("train/loss")[0]) == list(range(6))
    inner = {f"act/{name}" for name in ("z1", "a1", "p1", "z2", "a2", "p2", "z3", "a3", "z4")}
    parameters = {f"{layer}.{kind}" for layer in ("conv1", "conv2", "fc1", "fc2") for kind in ("weight", "bias")}
    expected = inner | {f"{kind}/{name}" for kind in ("param", "grad", "update") for name in parameters}
    assert set(run.tensor_names()) == expected
    steps, summaries = run.tensor("act/a1")
    assert list(steps) == [0, 4]
    assert summaries[0].count == 32 * 32 * 28 * 28
    assert run.snapshot("test_confusion").sum() == 96
    assert run.ending().kind == "finished"


@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
def test_stopped_and_resumed_is_uninterrupted_to_the_bit(tmp_path, few_digits, monkeypatch, optimizer):
    """Dropout, shuffling and the one-cycle schedule are on; the stop comes in the middle of an epoch."""
    settings = replace(QUICK, optimizer=optimizer)
    whole = train_cnn(settings, tmp_path / "whole")
    learning_rate = module.CNNTrainer.learning_rate

    def stop_at_four(trainer, step):
        if step == 4:
            signal.raise_signal(signal.SIGINT)
        return learning_rate(trainer, step)

    monkeypatch.setattr(module.CNNTrainer, "learning_rate", stop_at_four)
    stopped = train_cnn(settings, tmp_path / "parts")
    assert stopped.ending().kind == "stopped"
    assert len(stopped.scalar("test/final_accuracy")[1]) == 0
    monkeypatch.setattr(module.CNNTrainer, "learning_rate", learning_rate)
    resumed = train_cnn(settings, tmp_path / "parts", resume=True)
    same_runs(whole, resumed)
    for name, weights in final_weights(whole).items():
        np.testing.assert_array_equal(weights, final_weights(resumed)[name])


def test_killed_and_resumed_is_uninterrupted_to_the_bit(tmp_path, few_digits, monkeypatch):
    """SIGKILL in the second epoch: the checkpoint of the first is what is left, later records are recorded again."""
    whole = train_cnn(QUICK, tmp_path / "whole")
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.training.test_train_cnn import QUICK, few_images, module\n"
        "rate = module.CNNTrainer.learning_rate\n"
        "def kill(trainer, step):\n"
        "    trainer.writer.commit()\n"
        "    if step == 5: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return rate(trainer, step)\n"
        "module.load_images, module.CNNTrainer.learning_rate = few_images, kill\n"
        "module.train_cnn(QUICK, Path(sys.argv[1]))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path / "parts")], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    resumed = train_cnn(QUICK, tmp_path / "parts", resume=True)
    same_runs(whole, resumed)


def test_the_same_seed_gives_the_same_run_and_another_one_another(tmp_path, few_digits):
    once, again = (train_cnn(QUICK, tmp_path / name) for name in ("once", "again"))
    other = train_cnn(replace(QUICK, seed=1), tmp_path / "other")
    same_runs(once, again)
    assert not np.array_equal(once.scalar("train/loss")[1], other.scalar("train/loss")[1])


def test_recording_does_not_change_the_training(tmp_path, few_digits):
    often, seldom = (train_cnn(replace(QUICK, record_every=k), tmp_path / str(k)) for k in (1, 100))
    np.testing.assert_array_equal(often.scalar("train/loss")[1], seldom.scalar("train/loss")[1])


def test_tested_once_on_the_best_weights(tmp_path, few_digits):
    run = train_cnn(replace(QUICK, epochs=3), tmp_path / "run")
    _, validation = run.scalar("validation/accuracy")
    _, state = load_checkpoint(run.folder / "checkpoints" / BEST)
    assert state["epoch"] == 1 + int(validation.argmax())
    assert len(run.scalar("test/final_accuracy")[1]) == 1
    confusion = run.snapshot("test_confusion")
    assert run.scalar("test/final_accuracy")[1][0] == pytest.approx(np.trace(confusion) / confusion.sum())


def test_a_diverging_run_says_so_and_keeps_its_record(tmp_path, few_digits):
    settings = replace(QUICK, optimizer="sgd", learning_rate=1e6, schedule="constant", epochs=8)
    with pytest.raises(DivergedError, match="lower learning rate"):
        train_cnn(settings, tmp_path / "run")
    run = Run.open(tmp_path / "run")
    assert run.ending().kind == "diverged"
    steps, losses = run.scalar("train/loss")
    assert not np.isfinite(losses[-1])
    assert run.tensor("act/z4")[0][-1] <= steps[-1]


def test_cuda_is_refused_where_there_is_none(monkeypatch):
    monkeypatch.setattr(module.torch.cuda, "is_available", lambda: False)
    with pytest.raises(SettingsError, match="no CUDA device"):
        module.choose_device("cuda")
    assert module.choose_device("auto").type == "cpu"
