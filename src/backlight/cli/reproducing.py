"""Commands that do the source report again."""

import sys
from pathlib import Path

from rich.console import Console

from backlight.cli.flags import DataDir, Json, RunFolder


def demo(*, run: RunFolder = None) -> None:
    """Everything once, offline, in minutes: both halves of the source report on one page.

    Examples:
        backlight demo
        backlight demo --run runs/first
    """
    from backlight.reproduction.reproduce import reproduce as do
    from backlight.reproduction.scale import QUICK

    do(run or Path("runs/demo"), QUICK)


def reproduce(*, run: RunFolder = None, quick: bool = False, data_dir: DataDir = None, json: Json = False) -> None:
    """The source report again: every picture, every claim with a verdict. Goes on where it was stopped.

    Parameters:
        quick: 50 seeds and 5,000 digits, instead of 1,000 seeds and the full MNIST.

    Examples:
        backlight reproduce --quick
        backlight reproduce --data-dir ~/data
    """
    from backlight.reproduction.reproduce import reproduce as do
    from backlight.reproduction.scale import FULL, QUICK

    folder = run or Path("runs/reproduce-quick" if quick else "runs/reproduce")
    do(folder, QUICK if quick else FULL, data_dir, Console(stderr=True) if json else None)
    if json:
        sys.stdout.write((folder / "claims.json").read_text(encoding="utf-8") + "\n")
