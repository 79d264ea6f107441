"""What a skorch net trains is recorded step by step, and it does not notice."""

import importlib
import inspect
import pickle
import sys
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch import nn
from torch.nn import functional as F

from backlight.errors import MissingExtraError, RunError
from backlight.recording.run import Run
from backlight.watching.watch import watch
from tests.watching.models import same_weights, weights

pytest.importorskip("skorch")
from skorch import NeuralNetClassifier

from backlight.integrations.skorch import WatchCallback

RATE = 0.1


class Small(nn.Module):
    """Two layers, which refuse infinite values."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(4, 6)
        self.outer = nn.Linear(6, 3)

    def forward(self, x):
        if x.isinf().any():
            raise ValueError("a bad sample")
        return self.outer(F.relu(self.inner(x)))


def data(bad=None):
    """32 samples, four batches; `bad` is the number of one that cannot be used."""
    rng = np.random.default_rng(7)
    X, y = rng.normal(size=(32, 4)).astype(np.float32), np.arange(32) % 3
    if bad is not None:
        X[bad] = np.inf
    return X, y


def net_with(*callbacks, **options):
    torch.manual_seed(3)
    defaults = {"criterion": nn.CrossEntropyLoss, "lr": RATE, "max_epochs": 1, "batch_size": 8}
    return NeuralNetClassifier(
        Small, callbacks=list(callbacks), **{**defaults, "train_split": None, "verbose": 0, **options}
    )


def mean_of(run, name):
    steps, summaries = run.tensor(name)
    return steps.tolist(), np.array([summary.mean for summary in summaries])


def test_every_step_is_recorded_and_the_weights_are_equal_to_the_bit(tmp_path):
    callback = WatchCallback(tmp_path / "run", every=1)
    watched, bare = net_with(callback).fit(*data()), net_with().fit(*data())
    assert same_weights(weights(watched.module_), weights(bare.module_))
    run = Run.open(callback.watch.folder)
    for name in ("param/inner.weight", "grad/inner.weight", "update/outer.bias", "act/inner", "act/outer"):
        assert mean_of(run, name)[0] == [0, 1, 2, 3], name
    _, gradients = mean_of(run, "grad/outer.weight")
    _, updates = mean_of(run, "update/outer.weight")
    np.testing.assert_allclose(updates, -RATE * gradients, rtol=1e-3, atol=1e-8)


def test_losses_are_recorded_at_their_step(tmp_path):
    net = net_with(WatchCallback(tmp_path / "run", every=1), train_split=NeuralNetClassifier(Small).train_split)
    net.fit(*data())
    losses = [batch["train_loss"] for batch in net.history[0]["batches"] if "train_loss" in batch]
    steps, recorded = Run.open(tmp_path / "run").scalar("train/loss")
    assert steps.tolist() == list(range(len(losses)))
    assert recorded.tolist() == losses


@pytest.mark.parametrize("inside", [True, False])
def test_an_exception_completes_the_record(tmp_path, monkeypatch, inside):
    """As a context manager at once, otherwise when the next training begins."""
    monkeypatch.chdir(tmp_path)
    callback = WatchCallback(every=1)
    net = net_with(callback).initialize()
    with pytest.raises(ValueError, match="a bad sample"), callback if inside else nullcontext():
        net.partial_fit(*data(bad=20))
    broken = callback.watch.folder
    if not inside:
        net.partial_fit(*data())
        assert callback.watch.folder != broken
        assert mean_of(Run.open(callback.watch.folder), "update/inner.weight")[0] == [0, 1, 2, 3]
    kinds = [event.kind for event in Run.open(broken).events()]
    assert kinds.count("exception") == int(inside)
    assert kinds[-1] == "watched"
    assert mean_of(Run.open(broken), "update/inner.weight")[0] == [0, 1]


def test_a_folder_with_a_run_in_it_is_refused(tmp_path):
    net = net_with(WatchCallback(tmp_path / "run")).fit(*data())
    with pytest.raises(RunError, match="a run is already there"):
        net.fit(*data())


def test_a_copy_has_the_options_and_not_the_recording(tmp_path):
    callback = WatchCallback(tmp_path / "run", every=2, include=["act/*"])
    net = net_with(callback).fit(*data())
    restored = dict(pickle.loads(pickle.dumps(net)).callbacks_)["WatchCallback"]
    for copy in (clone(callback), restored):
        assert copy.get_params() == callback.get_params()
        assert copy.watch is None
    assert callback.get_params()["every"] == 2


def test_each_net_of_a_search_has_a_run_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    search = GridSearchCV(net_with(WatchCallback(every=1)), {"lr": [0.1, 0.2]}, cv=2, refit=False, error_score="raise")
    search.fit(*data())
    assert sorted(folder.name for folder in (tmp_path / "runs").iterdir()) == [f"watch-{n}" for n in (1, 2, 3, 4)]


def test_the_options_are_those_of_watch():
    ours, theirs = (inspect.signature(each).parameters for each in (WatchCallback, watch))
    shared = theirs.keys() - {"model", "optimizer", "first_step"}
    assert {name: each.default for name, each in ours.items()} == {name: theirs[name].default for name in shared}


def test_without_skorch_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "skorch", None)
    monkeypatch.delitem(sys.modules, "backlight.integrations.skorch")
    with pytest.raises(MissingExtraError, match="pip install skorch"):
        importlib.import_module("backlight.integrations.skorch")
