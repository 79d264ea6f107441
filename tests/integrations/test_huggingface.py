"""What the Trainer of transformers trains is recorded step by step, and it does not notice."""

import importlib
import inspect
import os
import sys
from contextlib import nullcontext

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from backlight.errors import MissingExtraError, RunError
from backlight.recording.run import Run
from backlight.watching.watch import watch
from tests.watching.models import same_weights, weights

pytest.importorskip("transformers")
pytest.importorskip("accelerate")
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments, set_seed

from backlight.integrations.huggingface import WatchCallback

QUERY = "bert.encoder.layer.0.attention.self.query"
RATE = 0.1


class Sentences(Dataset):
    """16 of them; `breaks_at` is the one that cannot be read."""

    def __init__(self, breaks_at=None):
        generator = torch.Generator().manual_seed(7)
        self.words = torch.randint(20, (16, 6), generator=generator)
        self.labels = torch.randint(3, (16,), generator=generator)
        self.breaks_at = breaks_at

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, number):
        if number == self.breaks_at:
            raise ValueError("a bad sentence")
        return {"input_ids": self.words[number], "labels": self.labels[number]}


def trainer_in(folder, *callbacks, breaks_at=None, **options):
    """Four batches of four sentences an epoch, plain gradient descent without clipping."""
    set_seed(3)
    widths = {"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = BertConfig(vocab_size=20, max_position_embeddings=8, num_labels=3, **widths)
    defaults = {"num_train_epochs": 1, "per_device_train_batch_size": 4, "learning_rate": RATE, "optim": "sgd"}
    plain = {"max_grad_norm": 0.0, "lr_scheduler_type": "constant", "logging_steps": 1, "use_cpu": True}
    quiet = {"report_to": "none", "save_strategy": "no", "disable_tqdm": True, "dataloader_pin_memory": False}
    settings = TrainingArguments(str(folder / "trainer"), **{**defaults, **plain, **quiet, **options})
    model = BertForSequenceClassification(config)
    return Trainer(model, settings, train_dataset=Sentences(breaks_at), callbacks=list(callbacks))


def trained(folder, *callbacks, **options):
    trainer = trainer_in(folder, *callbacks, **options)
    trainer.train()
    return trainer


def mean_of(run, name):
    steps, summaries = run.tensor(name)
    return steps.tolist(), np.array([summary.mean for summary in summaries])


def test_every_step_is_recorded_and_the_weights_are_equal_to_the_bit(tmp_path):
    callback = WatchCallback(tmp_path / "run", every=1)
    watched = trained(tmp_path, callback)
    assert same_weights(weights(watched.model), weights(trained(tmp_path).model))
    run = Run.open(callback.watch.folder)
    for name in (f"param/{QUERY}.weight", f"grad/{QUERY}.weight", "update/classifier.bias", f"act/{QUERY}"):
        assert mean_of(run, name)[0] == [0, 1, 2, 3], name
    _, gradients = mean_of(run, "grad/classifier.weight")
    _, updates = mean_of(run, "update/classifier.weight")
    np.testing.assert_allclose(updates, -RATE * gradients, rtol=1e-3, atol=1e-8)


def test_logged_losses_are_recorded_at_the_step_just_made(tmp_path):
    trainer = trained(tmp_path, WatchCallback(tmp_path / "run", every=1), logging_steps=2)
    logged = {each["step"] - 1: each["loss"] for each in trainer.state.log_history if "loss" in each}
    steps, losses = Run.open(tmp_path / "run").scalar("train/loss")
    assert dict(zip(steps.tolist(), losses.tolist(), strict=True)) == logged
    assert steps.tolist() == [1, 3]


def test_accumulated_batches_are_one_record(tmp_path):
    trained(tmp_path, WatchCallback(tmp_path / "run", every=1), gradient_accumulation_steps=2)
    run = Run.open(tmp_path / "run")
    for name in (f"param/{QUERY}.weight", f"grad/{QUERY}.weight", f"update/{QUERY}.weight", f"act/{QUERY}"):
        assert mean_of(run, name)[0] == [0, 1], name


@pytest.mark.parametrize("inside", [True, False])
def test_an_exception_completes_the_record(tmp_path, monkeypatch, inside):
    """As a context manager at once, otherwise when the next training begins."""
    monkeypatch.chdir(tmp_path)
    callback = WatchCallback(every=1)
    trainer = trainer_in(tmp_path, callback, breaks_at=0)
    with pytest.raises(ValueError, match="a bad sentence"), callback if inside else nullcontext():
        trainer.train()
    broken = callback.watch.folder
    if not inside:
        trainer.train_dataset.breaks_at = None
        trainer.train()
        assert mean_of(Run.open(callback.watch.folder), f"update/{QUERY}.weight")[0] == [0, 1, 2, 3]
        assert callback.watch.folder != broken
    kinds = [event.kind for event in Run.open(broken).events()]
    assert kinds.count("exception") == int(inside)
    assert kinds[-1] == "watched"


def test_a_training_that_goes_on_goes_on_counting(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    callback = WatchCallback(every=1)
    trained(tmp_path, save_strategy="steps", save_steps=3)
    trainer_in(tmp_path, callback).train(resume_from_checkpoint=str(tmp_path / "trainer" / "checkpoint-3"))
    assert mean_of(Run.open(callback.watch.folder), f"update/{QUERY}.weight")[0] == [3]


def test_a_folder_with_a_run_in_it_is_refused(tmp_path):
    trainer = trained(tmp_path, WatchCallback(tmp_path / "run"))
    with pytest.raises(RunError, match="a run is already there"):
        trainer.train()


def test_the_options_are_those_of_watch():
    ours, theirs = (inspect.signature(each).parameters for each in (WatchCallback, watch))
    shared = theirs.keys() - {"model", "optimizer", "first_step"}
    assert {name: each.default for name, each in ours.items()} == {name: theirs[name].default for name in shared}


def test_without_transformers_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    monkeypatch.delitem(sys.modules, "backlight.integrations.huggingface")
    with pytest.raises(MissingExtraError, match="pip install transformers accelerate"):
        importlib.import_module("backlight.integrations.huggingface")
