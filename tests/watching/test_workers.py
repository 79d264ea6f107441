"""Data loaders with forked workers, and forks of the user's own: the record is that of one process."""

import os
import subprocess
import sys

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import backlight as bl
from backlight.recording.run import Run

PROGRAM = """
import sys
from tests.watching.test_workers import loop
loop(sys.argv[1], int(sys.argv[2]))
"""


def loop(folder, workers):
    """Three epochs, each with workers of its own; in between a process is forked that ends in the usual way."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    x = torch.randn(24, 3)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    watching = bl.watch(model, optimizer, folder, every=1, tensorboard=True)
    context = "fork" if workers else None
    for _ in range(3):
        loader = DataLoader(TensorDataset(x), 8, num_workers=workers, multiprocessing_context=context)
        for (batch,) in loader:
            optimizer.zero_grad()
            loss = model(batch).square().mean()
            loss.backward()
            watching.scalars(loss=loss)
            optimizer.step()
        if workers:
            forked()


def forked():
    child = os.fork()
    if not child:
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0


def ran(folder, workers):
    return subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", PROGRAM, folder, str(workers)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True, text=True, check=True, timeout=200,
    )  # fmt: skip


def test_workers_do_not_write_and_do_not_speak(tmp_path):
    alone, several = tmp_path / "alone", tmp_path / "several"
    ran(alone, 0)
    assert ran(several, 2).stderr.count("steps recorded in") == 1
    assert differing(alone, several) == []
    run = Run.open(several)
    assert run.recorded_steps() == 9
    assert [event.kind for event in run.events()].count("watched") == 1
    scalars = read_events(several / "tensorboard")
    assert scalars == run.scalar("train/loss")[1].astype("float32").tolist()


def differing(a, b):
    """The scalars and tensors whose records differ."""
    one, other = Run.open(a), Run.open(b)
    assert one.scalar_names() == other.scalar_names()
    assert one.tensor_names() == other.tensor_names()
    return [name for name in one.tensor_names() if one._tensor_rows(name) != other._tensor_rows(name)] + [
        name for name in one.scalar_names() if one.scalar(name)[1].tolist() != other.scalar(name)[1].tolist()
    ]


def read_events(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    accumulator.Reload()
    return [scalar.value for scalar in accumulator.Scalars("train/loss")]
