"""A study on a real Dask scheduler with two workers, one of which is killed half-way."""

import io
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from backlight.errors import MissingExtraError, SettingsError
from backlight.training.cluster import cluster_backend, dask_client
from backlight.training.run_study import study

distributed = pytest.importorskip("distributed")

SETTINGS = {"layers": [[2, 3, 2], [2, 4, 2]], "seeds": 40, "steps": 3000}


@pytest.fixture
def scheduler(tmp_path):
    """(address, worker processes); everything is ended afterwards."""
    environment = {**os.environ, "DASK_DISTRIBUTED__DASHBOARD__ENABLED": "False"}
    place, processes = tmp_path / "scheduler.json", []

    def start(*words):
        command = [sys.executable, "-m", "distributed.cli." + words[0], *words[1:]]
        processes.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, cwd=tmp_path))
        return processes[-1]

    start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(place), "--no-dashboard")
    worker = ("dask_worker", "--scheduler-file", str(place), "--nthreads", "1", "--no-dashboard", "--no-nanny")
    workers = [start(*worker), start(*worker)]
    try:
        with distributed.Client(scheduler_file=str(place), timeout="30s") as client:
            client.wait_for_workers(2, timeout=60)
            address = client.scheduler.address
        yield address.replace("tcp://", "dask://"), workers
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_killed_worker_loses_nothing_and_results_are_equal_to_the_bit(tmp_path, scheduler, monkeypatch):
    monkeypatch.setattr("backlight.training.blocks.MOST_SEEDS", 5)  # 16 blocks
    address, workers = scheduler
    here = study(tmp_path / "here", stream=io.StringIO(), **SETTINGS)
    saved, real = [], type(here.blocks()[0]).save

    def save(block, outcome):
        saved.append(block)
        if len(saved) == 4:
            workers[0].send_signal(signal.SIGKILL)
        real(block, outcome)

    monkeypatch.setattr("backlight.training.blocks.Block.save", save)
    there = study(tmp_path / "there", cluster=address, stream=io.StringIO(), **SETTINGS)
    assert workers[0].wait(timeout=10) == -signal.SIGKILL
    assert workers[1].poll() is None
    assert len(saved) == len(set(saved)) == 16
    for condition in here.conditions:
        mine, theirs = here.outcome(condition), there.outcome(condition)
        np.testing.assert_array_equal(theirs.parameters, mine.parameters)
        np.testing.assert_array_equal(theirs.test_accuracy, mine.test_accuracy)


def test_an_absent_scheduler_is_an_error(monkeypatch):
    with (
        pytest.raises(SettingsError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:1"),
        dask_client("tcp://127.0.0.1:1"),
    ):
        pass
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"backlight\[cluster\]"):
        cluster_backend("dask://127.0.0.1:1").__enter__()
    assert threading.current_thread() is threading.main_thread()
