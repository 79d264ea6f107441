"""Two processes that train one model together write one record."""

import socket
import sys

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as processes
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

import backlight as bl
from backlight.recording.run import Run
from backlight.recording.summarise import summarise
from tests.watching.models import Functional, batches, made

STEPS = 14  # more than are recorded in any case
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gloo between forked processes")


def train_on(rank, port, folder, budget):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    model, optimizer = made(Functional)
    model.eval()  # no dropout: the test repeats the passes
    together = DistributedDataParallel(model)
    with bl.watch(together, optimizer, run=folder, budget=budget) as watch:
        for x, y in batches(STEPS):
            optimizer.zero_grad()
            F.cross_entropy(together(x[3 * rank : 3 * rank + 3]), y[3 * rank : 3 * rank + 3]).backward()
            optimizer.step()
    assert (watch.folder is None) is (rank == 1)
    dist.destroy_process_group()


@pytest.mark.parametrize("budget", [None, 0.02])
def test_the_record_of_two_ranks(tmp_path, budget):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path / "run"
    processes.start_processes(train_on, (port, folder, budget), nprocs=2, start_method="spawn")
    run = Run.open(folder)
    model, optimizer = made(Functional)
    model.eval()
    steps = run.series("act/conv1").steps.tolist()
    assert steps[:10] == list(range(10))
    assert len(steps) == STEPS or budget is not None
    assert len(run.norms("grad/fc1.weight")[0]) == STEPS
    for step, (x, y) in enumerate(batches(STEPS)):
        optimizer.zero_grad()
        values = model.conv1(x).detach()
        F.cross_entropy(model(x), y).backward()
        if step in (0, 1):  # later, the sums of the ranks round otherwise
            place = steps.index(step)
            activation, gradient = run.tensor("act/conv1")[1][place], run.tensor("grad/fc1.weight")[1][place]
            expected = summarise(values.numpy())
            assert (activation.count, gradient.count) == (values.numel(), model.fc1.weight.numel())
            assert activation.mean == pytest.approx(expected.mean, rel=1e-5, abs=1e-7)
            assert activation.variance == pytest.approx(expected.variance, rel=1e-5)
            np.testing.assert_allclose(gradient.norm, model.fc1.weight.grad.norm().item(), rtol=1e-4)
        optimizer.step()
