"""What is killed: trainings as the command line runs them, smaller and saving oftener, and two bare programs.

python -m benchmarks.crash.programs KIND FOLDER [--resume]
"""

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np

from backlight.cli import main as backlight

if TYPE_CHECKING:
    from backlight.data.dataset import Dataset

SAVE_SECONDS = 0.05  # between two checkpoints, so that kills meet them
BLOCK = 2e7  # work of a block of a study: a tenth of a second
STEPS, EVERY = 1500, 10
MLP = f"--layers 2,4,2 --steps {STEPS} --batch-size 32 --optimizer adam --learning-rate 0.01 --record-every {EVERY}"
CNN = f"--epochs 4 --batch-size 32 --record-every 2 --threads 1 --device cpu --checkpoint-seconds {SAVE_SECONDS}"
CNN_STEPS = 12
STUDY = "--layers 2,4,2 --layers 2,6,2 --seeds 24 --steps 1500"
NETWORKS = 48
WRITTEN = 1500


def mlp(folder: Path, resume: bool = False) -> None:
    from backlight.training import train_mlp

    train_mlp.SAVE_SECONDS = SAVE_SECONDS
    backlight(["train", "mlp", *asked(folder, resume, MLP)])


def cnn(folder: Path, resume: bool = False) -> None:
    from backlight.training import train_cnn

    mock.patch.object(train_cnn, "load_images", return_value=few_digits()).start()
    backlight(["train", "cnn", *asked(folder, resume, CNN)])


@cache
def few_digits() -> "Dataset":
    from backlight.data.dataset import Dataset
    from backlight.data.digits import load_digits

    data = load_digits()
    assert data.validation is not None
    parts = (part.take(np.arange(96) * len(part) // 96) for part in (data.train, data.test, data.validation))
    return Dataset("few digits", 10, *parts)


def study(folder: Path, resume: bool = False) -> None:
    from backlight.training import blocks

    blocks.WORK_OF_A_BLOCK = BLOCK
    backlight(["study", "--threads", "1", *asked(folder, resume, STUDY)])


def asked(folder: Path, resume: bool, words: str) -> list[str]:
    return ["--run", str(folder), *(["--resume"] if resume else words.split())]


def written(folder: Path, resume: bool = False) -> None:
    """A program that hands over scalars and tensors of known values, and goes on after the last step that is there."""
    from backlight.recording.run import Run
    from backlight.recording.run_writer import RunWriter
    from backlight.recording.summarise import summarise_arrays

    first = 0
    with RunWriter(folder, resume=resume) as writer:
        if resume:
            last = Run.open(folder).last_step()
            first = 0 if last is None else last  # of the last step a part may be missing: it is written again
            writer.rewind(first)
        for step in range(first, WRITTEN):
            values = np.sin(np.arange(50, dtype=np.float32) + step)
            writer.scalars(step, {"train/loss": step / 7})
            writer.tensors(step, summarise_arrays({"act/a": values, "param/w": values**2}))
            writer.norms(step, ["param/w"], values[:1])
            if step % 7 == 0:
                writer.commit()
        writer.event(WRITTEN, "finished")


def watched(folder: Path, resume: bool = False) -> None:
    """A loop of the user's own, which Backlight only watches; the user would have to save it."""
    import torch
    from torch import nn

    from backlight.watching.watch import watch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    x, y = torch.randn(64, 4), torch.randint(2, (64,))
    with watch(model, optimizer, folder, every=5) as watching:
        for _ in range(WRITTEN):
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            watching.scalars(loss=loss)
            optimizer.step()


PROGRAMS: dict[str, Callable[[Path, bool], None]] = {
    "mlp": mlp, "cnn": cnn, "study": study, "written": written, "watched": watched,
}  # fmt: skip


def without_pictures() -> None:
    """Reports take longer than the small trainings, and most kills are not to meet them."""
    from backlight.reports import run_pictures
    from backlight.reports.html import report

    run_pictures.draw_mlp = run_pictures.draw_cnn = lambda run: []
    report.report = lambda *results, out=None: results[0].folder / "report.html"


if __name__ == "__main__":
    if "--pictures" not in sys.argv:
        without_pictures()
    PROGRAMS[sys.argv[1]](Path(sys.argv[2]), "--resume" in sys.argv)
