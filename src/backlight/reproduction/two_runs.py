"""The riddle in two runs: a ReLU network that does not learn, and the same one when a single mistake is mended.

How often that happens the populations tell; here one seed is looked into.
"""

import os
from dataclasses import replace
from pathlib import Path

from backlight.errors import RunError
from backlight.reports.html.report import report
from backlight.reproduction.jobs import done_already, finished
from backlight.training.settings import MLPSettings, plain_settings
from backlight.training.train_mlp import train_mlp

MISTAKEN = MLPSettings(
    layers=(2, 4, 3, 2),
    activation="relu",
    learning_rate=0.5,
    steps=5000,
    record_every=50,
    output_derivative=True,
    seed=4,
)


def riddle_report(folder: Path) -> Path:
    """Trains the two if that is not done, and writes report.html; where it is."""
    both = {"output-derivative": MISTAKEN, "mended": replace(MISTAKEN, output_derivative=False)}
    for name, settings in both.items():
        train(settings, folder / "runs" / name)
    return report(*(folder / "runs" / name for name in both), out=folder / "report.html")


def train(settings: MLPSettings, folder: Path) -> None:
    if done_already(folder, plain_settings(settings)):
        return
    with open(os.devnull, "w", encoding="utf-8") as silence:
        train_mlp(settings, folder, resume=(folder / "run.sqlite").exists(), stream=silence)
    if not finished(folder):
        raise RunError(f"{folder}: stopped before the end; call again to go on")
