"""What asking costs: `diagnose` on a long run, live rules in a training loop, probes of the convolutional network.

    python benchmarks/diagnosis_cost.py [--steps 10000] [--live 90] [--rounds 5] [--out FILE]

A PyTorch network of five layers is trained on digits for `--steps` steps under `watch`, which records its tensors
every tenth step and the norms of all gradients in every one. `diagnose` is then asked in processes of its own. The
live rules are in that loop as a user has them, for at least `--live` seconds; their share of its time is theirs to say.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn

import backlight as bl
from backlight.data.digits import load_digits, normalised
from backlight.recording.environment import describe_environment

RECORD = Path(__file__).parent / "records" / "diagnosis_cost.json"
WIDTH, BATCH, EVERY = 64, 64, 10
ASK = """
import sys, time
began = time.perf_counter()
import backlight
found = backlight.diagnose(sys.argv[1])
print(time.perf_counter() - began, found.healthy)
"""


def network() -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Sequential(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise((784, *[WIDTH] * 4))]
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear(WIDTH, 10))


def digits() -> tuple[torch.Tensor, torch.Tensor]:
    train = load_digits().train
    return torch.from_numpy(normalised(train.X))[:, None], torch.from_numpy(train.y)


def trained(folder: Path, steps: int, seconds: float) -> dict[str, Any]:
    """The loop with live rules, of so many steps and at least so many seconds."""
    images, labels = digits()
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    generator = torch.Generator().manual_seed(0)
    told: list[str] = []
    step, began = 0, time.perf_counter()
    with bl.watch(model, optimizer, folder, every=EVERY) as watching:
        rules = bl.LiveRules(folder, lambda finding: told.append(finding.name))
        while step < steps or time.perf_counter() - began < seconds:
            index = torch.randint(len(labels), (BATCH,), generator=generator)
            loss = nn.functional.cross_entropy(model(images[index]), labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            watching.scalars(**{"train/loss": loss.detach()})
            rules.step()
            step += 1
    return {"steps": step, "seconds": time.perf_counter() - began, "share of the live rules": rules.share, "told": told}


def asked(folder: Path) -> float:
    answer = subprocess.run([sys.executable, "-c", ASK, str(folder)], check=True, capture_output=True, text=True)
    return float(answer.stdout.split()[0])


def probed(seed: int) -> float:
    images, labels = digits()
    model = bl.ConvNetwork(seed=seed)
    began = time.perf_counter()
    bl.diagnose(model=model, loss_fn=nn.CrossEntropyLoss(), batch=(images[:BATCH], labels[:BATCH]),
                optimizer=torch.optim.Adam(model.parameters(), 2e-3))  # fmt: skip
    return time.perf_counter() - began


def spread(seconds: list[float]) -> dict[str, Any]:
    return {"median": median(seconds), "least": min(seconds), "most": max(seconds), "n": len(seconds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--live", type=float, default=90.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=RECORD)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        measured = trained(run, arguments.steps, arguments.live)
        measured["tensors"] = len(bl.Run.open(run).tensor_names())
        measured["diagnose, seconds of a process"] = spread([asked(run) for _ in range(arguments.rounds)])
    measured["probes of ConvNetwork, seconds"] = spread([probed(seed) for seed in range(arguments.rounds)])
    for name, value in measured.items():
        print(f"{name}: {value}")
    document = {"measured": measured, "environment": describe_environment()}
    arguments.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
