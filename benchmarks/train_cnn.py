"""How much of a bare PyTorch loop's speed is left when everything is recorded.

Two trainings of the same network in one process take turns, 50 steps each, so that both meet the same machine: the
loop anyone would write (channels-last, fused Adam, no recording), and Backlight's own with recording at its default
rate, progress and checkpoints. Each block of 50 steps holds one recording of all tensors. Batch 128, two epochs.

    python benchmarks/train_cnn.py [--data-dir DIR]     # the full MNIST from DIR, else the 5,000 digits several times

Writes benchmarks/records/train_cnn.json; the claim is that the ratio of images a second is at least 0.95.
"""

import argparse
import io
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from watch import STEADY_ALLOCATOR

from backlight.data.dataset import Dataset, Samples
from backlight.data.digits import load_digits, load_mnist
from backlight.intervals import mean_interval
from backlight.networks.conv_network import ConvNetwork
from backlight.recording.environment import describe_environment
from backlight.recording.run_writer import RunWriter
from backlight.training.settings import CNNSettings
from backlight.training.train_cnn import CNNTrainer, ImageTensors, Recorder

EPOCHS, BATCH, BLOCK, IMAGES = 2, 128, 50, 55_000
SETTINGS = CNNSettings(epochs=EPOCHS, batch_size=BATCH, learning_rate=1e-3, schedule="constant", device="cpu")
RECORD = Path(__file__).parent / "records" / "train_cnn.json"
TARGET = 0.95


def load(data_dir: Path | None) -> Dataset:
    """As many images as MNIST trains on; ten to validate and test, so that only training is timed."""
    data = load_mnist(data_dir) if data_dir else load_digits()
    index = np.arange(IMAGES) % len(data.train)
    few = data.test.take(np.arange(10))
    return Dataset(data.name, 10, Samples(data.train.X[index], data.train.y[index]), few, few)


class BareLoop:
    """The loop anyone would write; `run` goes on for some more steps and says how many seconds they took."""

    def __init__(self, train: ImageTensors):
        self.train = train
        self.model = ConvNetwork(seed=0).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]  # not in the stubs
        self.model.seed_dropout(0)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3, fused=True)

    def run(self, steps: int) -> float:
        began = time.perf_counter()
        for index in torch.randperm(len(self.train.labels))[: steps * BATCH].split(BATCH):
            images = self.train.images[index].contiguous(memory_format=torch.channels_last)
            loss = F.cross_entropy(self.model(images), self.train.labels[index])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        return time.perf_counter() - began


def take_turns(data: Dataset) -> list[tuple[float, float]]:
    """Seconds per block of 50 steps: (Backlight, bare)."""
    blocks: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder, RunWriter(Path(folder) / "run") as writer:
        trainer = CNNTrainer(SETTINGS, data, torch.device("cpu"), writer)
        bare = BareLoop(trainer.train_images)
        bare.run(BLOCK)  # warm up
        update = trainer.update
        began = time.perf_counter()

        def update_in_turn(index: torch.Tensor, recorder: Recorder) -> None:
            nonlocal began
            if trainer.position.step and trainer.position.step % BLOCK == 0:
                own = time.perf_counter() - began
                blocks.append((own, bare.run(BLOCK)))
                began = time.perf_counter()
            update(index, recorder)

        trainer.update = update_in_turn  # type: ignore[method-assign]  # to stop in between
        writer.add_event_file()
        trainer.train(io.StringIO())
    return blocks


def main() -> None:
    if "MALLOC_TRIM_THRESHOLD_" not in os.environ:  # see STEADY_ALLOCATOR: glibc reads it when a process starts
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **STEADY_ALLOCATOR})
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--out", type=Path, default=RECORD)
    arguments = parser.parse_args()
    data = load(arguments.data_dir)
    blocks = take_turns(data)
    own, bare = (sum(seconds) for seconds in zip(*blocks, strict=True))
    per_block = mean_interval([bare_seconds / own_seconds for own_seconds, bare_seconds in blocks])
    images = len(blocks) * BLOCK * BATCH
    record = {
        "claim": f"Backlight's images/s over a bare loop's, recording every {SETTINGS.record_every} steps: ≥ {TARGET}",
        "data": data.name,
        "batch_size": BATCH,
        "threads": torch.get_num_threads(),
        "blocks": len(blocks),
        "images_per_second": {"backlight": images / own, "bare": images / bare},
        "ratio": bare / own,
        "ratio_per_block": asdict(per_block),
        "environment": describe_environment(),
    }
    arguments.out.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"backlight {images / own:.0f} images/s, bare {images / bare:.0f} images/s: ratio {bare / own:.3f}")
    print(f"mean ratio per block {per_block}; written to {arguments.out}")


if __name__ == "__main__":
    main()
