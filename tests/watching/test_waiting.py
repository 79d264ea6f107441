"""What waits on a device is fetched together, and all of it in the end. "meta" stands in for a device."""

import numpy as np
import pytest
import torch

from backlight.recording.run import Run
from backlight.recording.run_writer import RunWriter
from backlight.watching import waiting as module
from backlight.watching.waiting import AT_ONCE, Waiting
from backlight.watching.watch import watch


class Elsewhere(torch.Tensor):
    """A tensor that says it lies on a device."""

    device = torch.device("meta")


def elsewhere(values):
    return torch.tensor(values).as_subclass(Elsewhere)


@pytest.fixture
def fetches(monkeypatch):
    """Counts how often norms are fetched."""
    counted = []
    fetch = module.as_float32
    monkeypatch.setattr(module, "as_float32", lambda norms: (counted.append(len(norms)), fetch(norms))[1])
    return counted


def test_norms_on_a_device_are_fetched_together_and_the_rest_at_the_end(tmp_path, fetches):
    with RunWriter(tmp_path / "run") as writer:
        waiting = Waiting(writer)
        for step in range(AT_ONCE + 3):
            waiting.norms(step, ["grad/a", "grad/b"], elsewhere([float(step), 0.5]))
        waiting.scalars(7, {"train/loss": elsewhere(2.5)})
        assert fetches == [2 * AT_ONCE]
        waiting.write()
        waiting.write()
    assert fetches == [2 * AT_ONCE, 6]
    run = Run.open(tmp_path / "run")
    np.testing.assert_array_equal(run.norms("grad/a")[1], np.arange(AT_ONCE + 3))
    assert run.scalar("train/loss")[1].tolist() == [2.5]


def test_on_the_cpu_nothing_waits(tmp_path, fetches):
    with RunWriter(tmp_path / "run") as writer:
        waiting = Waiting(writer)
        waiting.norms(0, ["grad/a"], torch.tensor([1.0]))
        waiting.scalars(0, {"train/loss": torch.tensor(2.0, requires_grad=True), "train/rate": 0.5})
        assert fetches == [1]
    assert Run.open(tmp_path / "run").scalar_names() == ["train/loss", "train/rate"]


def test_without_a_writer_it_goes_nowhere():
    waiting = Waiting(None)
    waiting.norms(0, ["grad/a"], torch.tensor([1.0]))
    waiting.scalars(0, {"train/loss": 1.0})


def test_a_watch_hands_over_before_a_checkpoint(tmp_path):
    model = torch.nn.Linear(2, 1)
    with (
        RunWriter(tmp_path / "run") as writer,
        watch(model, torch.optim.SGD(model.parameters(), 0.1), writer) as watched,
    ):
        watched.scalars(loss=elsewhere(2.5))
        writer.commit()
        assert Run.open(tmp_path / "run").scalar_names() == []
        watched.flush()
        writer.commit()
        assert Run.open(tmp_path / "run").scalar("train/loss")[1].tolist() == [2.5]
