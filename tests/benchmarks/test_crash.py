"""A share of `make bench-crash`: ten kills, some Ctrl-C, and a full disk where one may be mounted."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from benchmarks.crash.attack import completed
from benchmarks.crash.disk import small_disk
from benchmarks.crash.evidence import lost, record_of, seen, unreadable
from benchmarks.crash.kinds import KINDS


def campaign(out, *words):
    """In a process of its own: it forks, which one that has begun threads should not."""
    command = [sys.executable, "-m", "benchmarks.crash", "--out", str(out), *words]
    paths = os.pathsep.join(filter(None, sys.path))
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    return json.loads(out.read_text())


def mountable(place):
    try:
        with small_disk(place):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def test_ten_kills_lose_nothing_and_end_as_undisturbed(tmp_path):
    disks = "2" if mountable(tmp_path / "disk") else "0"
    kinds = [word for kind in ("mlp", "study", "written") for word in ("--kind", kind)]
    record = campaign(tmp_path / "crash.json", "--kills", "10", "--interrupts", "2", "--disks", disks, *kinds)
    assert record["kill"]["kills"] >= 10
    assert record["Ctrl-C"]["kills"] >= 2
    assert record["kill"]["failures"] == record["Ctrl-C"]["failures"] == {}
    if disks != "0":
        assert record["full disk"]["failures"] == {}


@pytest.fixture
def written(tmp_path):
    (kind,) = (kind for kind in KINDS if kind.name == "written")
    kind.program(tmp_path / "run", False)
    return kind, tmp_path / "run"


def test_what_is_lost_is_noticed(written):
    _, folder = written
    before = seen(folder)
    assert lost(before, folder) == unreadable(folder) == []
    more = replace(before, rows=before.rows | {("train/loss", 99_999, 1.0)}, blocks={"a.safetensors": (1, 2)})
    rows = "1 committed rows are lost, such as train/loss at step 99999"
    assert lost(more, folder) == [rows, "a finished block of a study is lost"]
    (folder / "run.sqlite").write_bytes(b"nothing")
    assert "does not open" in unreadable(folder)[0]


def test_another_end_is_noticed(written, monkeypatch):
    kind, folder = written
    record = record_of(folder)
    monkeypatch.setattr("benchmarks.crash.attack.told", lambda *arguments: [])
    reference = type("Reference", (), {"record": record})
    assert completed(kind, folder, reference) == ("killed when all was done", [])
    reference.record = {**record, "weights": {"latest.safetensors": {"W1": b"other"}}}
    assert completed(kind, folder, reference)[1] == ["other weights than uninterrupted"]
