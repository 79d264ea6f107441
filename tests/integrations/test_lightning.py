"""What Lightning's Trainer trains is recorded step by step, and it does not notice."""

import importlib
import inspect
import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from backlight.errors import MissingExtraError, RunError, SettingsError
from backlight.recording.run import Run
from backlight.watching.watch import watch
from tests.watching.models import same_weights, weights

pytest.importorskip("lightning")
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.plugins import MixedPrecision

from backlight.integrations.lightning import WatchCallback

pytestmark = [
    pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers"),
    pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec.. is deprecated:FutureWarning"),
]
RATE = 0.1


class Small(LightningModule):
    """Two layers; `breaks_at` is the batch whose training step raises."""

    def __init__(self, optimizers=1, breaks_at=None):
        super().__init__()
        self.inner = nn.Linear(4, 6)
        self.outer = nn.Linear(6, 3)
        self.optimizers_wanted, self.breaks_at = optimizers, breaks_at
        self.losses, self.validated = [], 0

    def forward(self, x):
        return self.outer(F.relu(self.inner(x)))

    def training_step(self, batch, number):
        if number == self.breaks_at:
            raise ValueError("a bad batch")
        loss = F.cross_entropy(self(batch[0]), batch[1])
        self.losses.append(loss.item())
        return loss

    def validation_step(self, batch, number):
        self.validated += 1
        self(batch[0])

    def configure_optimizers(self):
        return [torch.optim.SGD(self.parameters(), lr=RATE) for _ in range(self.optimizers_wanted)]


class ByHand(Small):
    """Lightning calls it manual optimization."""

    def __init__(self):
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch, number):
        optimizer = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(super().training_step(batch, number))
        optimizer.step()


def batches(count=4):
    generator = torch.Generator().manual_seed(7)
    x, y = torch.randn(8 * count, 4, generator=generator), torch.randint(3, (8 * count,), generator=generator)
    return DataLoader(TensorDataset(x, y), batch_size=8)


def trainer_in(folder, *callbacks, **options):
    defaults = {"max_epochs": 1, "accelerator": "cpu", "logger": False, "enable_checkpointing": False}
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "default_root_dir": folder}
    return Trainer(callbacks=list(callbacks), **{**defaults, **quiet, **options})


def fitted(folder, *callbacks, kind=Small, **options):
    torch.manual_seed(3)
    module = kind()
    trainer_in(folder, *callbacks, **options).fit(module, batches(), batches(2))
    return module


def mean_of(run, name):
    steps, summaries = run.tensor(name)
    return steps.tolist(), np.array([summary.mean for summary in summaries])


@pytest.mark.parametrize("kind", [Small, ByHand])
def test_every_step_is_recorded_and_the_weights_are_equal_to_the_bit(tmp_path, kind):
    callback = WatchCallback(tmp_path / "run", every=1)
    watched = fitted(tmp_path, callback, kind=kind)
    assert same_weights(weights(watched), weights(fitted(tmp_path, kind=kind)))
    assert watched.validated == 4  # sanity checking, and the epoch's own
    run = Run.open(callback.watch.folder)
    for name in ("param/inner.weight", "grad/inner.weight", "update/outer.bias", "act/inner", "act/outer"):
        assert mean_of(run, name)[0] == [0, 1, 2, 3], name
    _, gradients = mean_of(run, "grad/outer.weight")
    _, updates = mean_of(run, "update/outer.weight")
    np.testing.assert_allclose(updates, -RATE * gradients, rtol=1e-3, atol=1e-8)
    steps, losses = run.scalar("train/loss")
    assert steps.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(losses, watched.losses, rtol=1e-6)


def test_accumulated_batches_are_one_record(tmp_path):
    module = fitted(tmp_path, WatchCallback(tmp_path / "run", every=1), accumulate_grad_batches=2)
    run = Run.open(tmp_path / "run")
    for name in ("param/inner.weight", "grad/inner.weight", "update/inner.weight", "act/inner"):
        assert mean_of(run, name)[0] == [0, 1], name
    assert [summary.count for summary in run.tensor("act/inner")[1]] == [2 * 8 * 6] * 2
    np.testing.assert_allclose(run.scalar("train/loss")[1], np.reshape(module.losses, (2, 2)).mean(1), rtol=1e-6)


def test_a_scaled_loss_is_recorded_as_it_was(tmp_path):
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    plugin = MixedPrecision("16-mixed", "cpu", scaler)
    module = fitted(tmp_path, WatchCallback(tmp_path / "run", every=1), plugins=[plugin])
    np.testing.assert_allclose(Run.open(tmp_path / "run").scalar("train/loss")[1], module.losses, rtol=1e-3)


def test_an_exception_completes_the_record(tmp_path):
    callback = WatchCallback(tmp_path / "run", every=1)
    with pytest.raises(ValueError, match="a bad batch"):
        fitted(tmp_path, callback, kind=lambda: Small(breaks_at=2))
    events = {event.kind: event.detail for event in Run.open(tmp_path / "run").events()}
    assert events["exception"] == "ValueError: a bad batch"
    assert "watched" in events
    callback.watch.close()  # does nothing more


def test_a_second_fit_goes_on_counting_in_a_run_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module, callback = Small(), WatchCallback(every=1)
    trainer = trainer_in(tmp_path, callback)
    for epochs, steps in ((1, [0, 1, 2, 3]), (2, [4, 5, 6, 7])):
        trainer.fit_loop.max_epochs = epochs
        trainer.fit(module, batches(), batches(2))
        assert callback.watch.folder.name == f"watch-{epochs}"
        assert mean_of(Run.open(callback.watch.folder), "update/inner.weight")[0] == steps


def test_a_folder_with_a_run_in_it_is_refused(tmp_path):
    trainer = trainer_in(tmp_path, WatchCallback(tmp_path / "run"))
    trainer.fit(Small(), batches(), batches(2))
    trainer.fit_loop.max_epochs = 2
    with pytest.raises(RunError, match="a run is already there"):
        trainer.fit(Small(), batches(), batches(2))


def test_several_optimizers_are_refused(tmp_path):
    module = Small(optimizers=2)
    module.automatic_optimization = False
    with pytest.raises(SettingsError, match="one optimizer, the module has 2"):
        trainer_in(tmp_path, WatchCallback(tmp_path / "run")).fit(module, batches(), batches(2))
    assert not (tmp_path / "run").exists()


def test_the_options_are_those_of_watch():
    ours, theirs = (inspect.signature(each).parameters for each in (WatchCallback, watch))
    shared = theirs.keys() - {"model", "optimizer", "first_step"}
    assert {name: each.default for name, each in ours.items()} == {name: theirs[name].default for name in shared}


def test_the_older_package_does_as_well(tmp_path, monkeypatch):
    older = pytest.importorskip("pytorch_lightning")
    monkeypatch.setitem(sys.modules, "lightning.pytorch", None)
    monkeypatch.delitem(sys.modules, "backlight.integrations.lightning")
    module = importlib.import_module("backlight.integrations.lightning")
    assert issubclass(module.WatchCallback, older.Callback)


def test_without_lightning_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning.pytorch", None)
    monkeypatch.setitem(sys.modules, "pytorch_lightning", None)
    monkeypatch.delitem(sys.modules, "backlight.integrations.lightning")
    with pytest.raises(MissingExtraError, match="pip install lightning"):
        importlib.import_module("backlight.integrations.lightning")
