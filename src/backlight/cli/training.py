"""Commands that train one network into a run folder."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from backlight.cli.flags import Json, Resume, RunFolder
from backlight.cli.output import INTERRUPTED, print_json, print_lines
from backlight.cli.resuming import resumed_settings
from backlight.recording.run import Event, Run
from backlight.training.settings import CNNSettings, MLPSettings


def mlp(
    settings: Annotated[MLPSettings | None, Parameter(name="*")] = None,
    *,
    run: RunFolder = None,
    resume: Resume = False,
    json: Json = False,
) -> None:
    """A fully connected network, hand-written in NumPy.

    Examples:
        backlight train mlp --layers 2,3,2 --activation relu
        backlight train mlp --data mine.csv --layers 5,8,3 --run runs/mine
        backlight train mlp --settings runs/mine/settings.toml --seed 1
        backlight train mlp --run runs/mine --resume
    """
    from backlight.reports.run_pictures import draw_mlp
    from backlight.training.train_mlp import train_mlp

    chosen = resumed_settings(MLPSettings, run, settings) if resume else settings or MLPSettings()
    result = train_mlp(chosen, run, resume)
    print_outcome(result, "test/accuracy", draw_mlp(result), json)


def cnn(
    settings: Annotated[CNNSettings | None, Parameter(name="*")] = None,
    *,
    run: RunFolder = None,
    resume: Resume = False,
    json: Json = False,
) -> None:
    """The four-layer convolutional network on handwritten digits, in PyTorch.

    Examples:
        backlight train cnn
        backlight train cnn --data mnist --data-dir ~/data --conv-activation sigmoid
    """
    from backlight.reports.run_pictures import draw_cnn
    from backlight.training.train_cnn import train_cnn

    chosen = resumed_settings(CNNSettings, run, settings) if resume else settings or CNNSettings()
    result = train_cnn(chosen, run, resume)
    print_outcome(result, "test/final_accuracy", draw_cnn(result), json)


def print_outcome(run: Run, name: str, pictures: Sequence[Path], as_json: bool) -> None:
    """What became of a run: finished with a figure; or stopped by Ctrl-C, which the exit code says too."""
    last = run.ending() or Event(0.0, 0, "stopped", "")
    finished = last.kind == "finished"
    values = run.scalar(name)[1]
    document = {
        "run": str(run.folder),
        "finished": finished,
        "step": last.step,
        name: float(values[-1]) if len(values) else None,
        "pictures": [str(picture) for picture in pictures],
    }
    if as_json:
        print_json(document)
    else:
        outcome = f"{name} {document[name]:.4f}" if finished else f"stopped at step {last.step}"
        names = ", ".join(picture.name for picture in pictures)
        print_lines(outcome, f"run folder {run.folder}; pictures: {names}")
    if not finished:
        sys.exit(INTERRUPTED)
