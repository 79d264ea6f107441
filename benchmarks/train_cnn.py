"""How much of a bare PyTorch loop's speed is left when everything is recorded.

In one run, by turns: the loop anyone would write (same network, channels-last, fused Adam, no recording), and
Backlight's own training with recording at its default rate, checkpoints and progress. One epoch each, batch 128.

    python benchmarks/train_cnn.py [--data-dir DIR]     # the full MNIST from DIR, else the 5,000 digits several times

Writes benchmarks/records/train_cnn.json; the claim is a median ratio of at least 0.95.
"""

import argparse
import io
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from backlight.data.dataset import Dataset, Samples
from backlight.data.digits import load_digits, load_mnist
from backlight.networks.conv_network import ConvNetwork
from backlight.recording.environment import describe_environment
from backlight.recording.run import RunWriter
from backlight.recording.tensorboard import EventFile
from backlight.training.settings import CNNSettings
from backlight.training.train_cnn import CNNTrainer, ImageTensors

SETTINGS = CNNSettings(epochs=1, batch_size=128, learning_rate=1e-3, schedule="constant", device="cpu")
RECORD = Path(__file__).parent / "records" / "train_cnn.json"
TARGET = 0.95


def load(data_dir: Path | None, images: int) -> Dataset:
    """`images` to train on; validation and test shrink to ten each, so that only training is timed."""
    data = load_mnist(data_dir) if data_dir else load_digits()
    index = np.arange(images) % len(data.train)
    few = data.test.take(np.arange(10))
    train = Samples(data.train.X[index], data.train.y[index])
    return Dataset(data.name, 10, train, few, few)


def bare_loop(data: Dataset) -> float:
    """Images a second of the loop anyone would write."""
    train = ImageTensors.of(data.train, torch.device("cpu"))
    model = ConvNetwork(seed=0).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    model.seed_dropout(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    began = time.perf_counter()
    for index in torch.randperm(len(train.labels)).split(SETTINGS.batch_size):
        images = train.images[index].contiguous(memory_format=torch.channels_last)
        loss = F.cross_entropy(model(images), train.labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return len(train.labels) / (time.perf_counter() - began)


def backlight_loop(data: Dataset) -> float:
    """Images a second of Backlight's training, recording into a run folder and event files."""
    with tempfile.TemporaryDirectory() as folder, RunWriter(Path(folder) / "run") as writer:
        trainer = CNNTrainer(SETTINGS, data, torch.device("cpu"), writer)
        with EventFile(writer.subfolder("tensorboard")) as events:
            began = time.perf_counter()
            trainer.train(events, io.StringIO())
            return len(data.train) / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=20_000)
    arguments = parser.parse_args()
    data = load(arguments.data_dir, arguments.images)
    bare_loop(load(arguments.data_dir, 1280))  # warm up
    rounds = []
    for number in range(arguments.rounds):
        loops = [bare_loop, backlight_loop] if number % 2 == 0 else [backlight_loop, bare_loop]
        speed = {loop.__name__: loop(data) for loop in loops}
        rounds.append({**speed, "ratio": speed["backlight_loop"] / speed["bare_loop"]})
        print(
            "  ".join(
                f"{name} {value:.3f}" if value < 10 else f"{name} {value:.0f}" for name, value in rounds[-1].items()
            )
        )
    ratios = [each["ratio"] for each in rounds]
    record = {
        "claim": f"Backlight's images/s over a bare loop's, recording every {SETTINGS.record_every} steps: ≥ {TARGET}",
        "data": data.name,
        "images": arguments.images,
        "batch_size": SETTINGS.batch_size,
        "threads": torch.get_num_threads(),
        "rounds": rounds,
        "ratio_median": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "environment": describe_environment(),
    }
    RECORD.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"median ratio {record['ratio_median']:.3f} (n = {len(ratios)}); written to {RECORD}")


if __name__ == "__main__":
    main()
