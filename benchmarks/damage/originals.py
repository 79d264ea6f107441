"""What is damaged: a run folder of each kind, and files of data and settings."""

import gzip
import io
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path

import numpy as np

from backlight.recording.seals import FIRST_LINE
from backlight.training.run_study import study
from backlight.training.settings import CNNSettings, MLPSettings
from backlight.training.train_mlp import train_mlp

# Killed in the middle, so that a log of SQLite's is left behind.
KILLED = """
import io, os
from backlight.training import train_mlp as module
from backlight.training.settings import MLPSettings

record = module.record

def then_dying(network, data, settings, writer, step, *rest):
    found = record(network, data, settings, writer, step, *rest)
    if step == 200:
        module.save(network, optimizer_of["it"], writer, step)
    if step == 300:
        writer.commit()
        os._exit(9)
    return found

optimizer_of = {}
named = module.optimizer_named
module.optimizer_named = lambda *args: optimizer_of.setdefault("it", named(*args))
module.record = then_dying
module.train_mlp(MLPSettings(data="points.csv", steps=400, record_every=20), "run", stream=io.StringIO())
"""


def make(kind: str, place: Path) -> Path:
    """The folder of that kind, below `place`."""
    makers: dict[str, Callable[[Path], Path]] = {
        "mlp": finished_run,
        "killed": killed_run,
        "study": finished_study,
        "watched": watched_run,
        "cnn": cnn_run,
        "no checksums": lambda place: without_checksums(finished_run(place)),
        "csv": csv_file,
        "idx": lambda place: idx_files(place, zipped=False),
        "idx.gz": lambda place: idx_files(place, zipped=True),
        "settings": settings_file,
    }
    return makers[kind](place / kind)


def finished_run(place: Path) -> Path:
    folder = csv_file(place)
    settings = MLPSettings(data="points.csv", steps=200, record_every=10, learning_rate=1.0)
    with chdir(folder):
        train_mlp(settings, "run", stream=io.StringIO())
    return folder


def killed_run(place: Path) -> Path:
    folder = csv_file(place)
    subprocess.run([sys.executable, "-c", KILLED], check=False, cwd=folder)
    assert (place / "run" / "run.sqlite-wal").stat().st_size
    return folder


def finished_study(place: Path) -> Path:
    study(place / "run", activation=["tanh", "relu"], seeds=6, steps=100, samples=50, stream=io.StringIO(), threads=1)
    return place


def watched_run(place: Path) -> Path:
    import torch
    from torch import nn

    from backlight.watching.watch import watch

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    X = torch.randn(64, 3)
    y = (X[:, 0] > 0).long()
    with watch(model, optimizer, place / "run", every=5, tensorboard=True) as watching:
        for _ in range(60):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(X), y)
            loss.backward()
            watching.scalars(loss=loss)
            optimizer.step()
    return place


def cnn_run(place: Path) -> Path:
    from backlight.training.train_cnn import train_cnn

    train_cnn(CNNSettings(epochs=1, batch_size=500, record_every=4), place / "run", stream=io.StringIO())
    return place


def csv_file(place: Path) -> Path:
    place.mkdir(parents=True)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 2))
    rows = [f"{a:.4f},{b:.4f},{int(a * b > 0)}" for a, b in X.tolist()]
    (place / "points.csv").write_text("\n".join(["x,y,class", *rows]) + "\n", encoding="utf-8")
    return place


def idx_files(place: Path, zipped: bool) -> Path:
    """Under the names of MNIST, of which they are as little as can be told apart."""
    place.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for prefix, count in (("train", 5040), ("t10k", 30)):
        arrays = {
            f"{prefix}-images-idx3-ubyte": rng.integers(0, 256, (count, 28, 28), dtype=np.uint8),
            f"{prefix}-labels-idx1-ubyte": (np.arange(count) % 10).astype(np.uint8),
        }
        for name, array in arrays.items():
            shape = b"".join(size.to_bytes(4, "big") for size in array.shape)
            content = bytes([0, 0, 8, array.ndim]) + shape + array.tobytes()
            path = place / (f"{name}.gz" if zipped else name)
            path.write_bytes(gzip.compress(content, 1) if zipped else content)
    return place


def settings_file(place: Path) -> Path:
    train_mlp(MLPSettings(steps=1), place / "made", stream=io.StringIO())
    os.replace(place / "made" / "settings.toml", place / "settings.toml")
    return place


def without_checksums(place: Path) -> Path:
    """As an earlier version would have left it."""
    run = place / "run"
    (run / "run.sums").unlink()
    settings = (run / "settings.toml").read_text(encoding="utf-8")
    (run / "settings.toml").write_text(FIRST_LINE.sub("", settings), encoding="utf-8")
    for path in run.glob("*.json"):
        lines = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join(line for line in lines if '"crc32"' not in line), encoding="utf-8")
    for path in run.glob("snapshots/*.npy"):
        path.write_bytes(path.read_bytes()[:-15])
    return place
