"""Commands that look at what is recorded: listed, compared, exported, on a page."""

import sys
from pathlib import Path

from rich.console import Console

from backlight.cli.flags import Json
from backlight.cli.output import print_json, print_lines
from backlight.recording.export import Format
from backlight.recording.run import Run


def runs(folder: Path = Path("runs"), /, *, json: Json = False) -> None:
    """Every run below a folder: what became of it, how much it recorded, what went wrong first.

    Examples:
        backlight runs
        backlight runs runs/class --json
    """
    from backlight.recording.overview import cells, list_runs, plain_table, rich_table

    found = list_runs(folder)
    rows = [cells(each, folder) for each in found]
    if json:
        print_json([each.document() for each in found])
    elif not found:
        print_lines(f"no run below {folder}")
    elif sys.stdout.isatty():
        Console().print(rich_table(rows))
    else:
        print_lines(plain_table(rows))


def compare(a: Path, b: Path, /, *, tolerance: float = 0.0, json: Json = False) -> None:
    """Where two runs part: the first step and tensor whose records differ, and what else differs.

    Parameters:
        tolerance: Relative difference that is taken for none; 0 asks for records equal to the bit.

    Examples:
        backlight compare runs/a runs/b
        backlight compare runs/a runs/b --tolerance 1e-6
    """
    from backlight.recording.compare import compare as do

    found = do(Run.open(a), Run.open(b), tolerance)
    if json:
        print_json(found.document())
    else:
        print_lines(*found.lines())


def export(run: Path, /, *, to: Format, out: Path | None = None, prefix: str = "") -> None:
    """A run for other programs: event files for TensorBoard, or tables with a row per tensor and step.

    Parameters:
        out: Folder of the event file, or the table's path; inside the run folder if not given.
        prefix: What tags of tensors begin with in event files, such as relu-relu-adam/.

    Examples:
        backlight export runs/a --to tensorboard
        backlight export runs/a --to csv --out tensors.csv
    """
    from backlight.recording.export import export as do

    print_lines(*do(Run.open(run), to, out, prefix))


def report(*runs: Path, out: Path | None = None) -> None:
    """One page, a single file that needs no network: did it learn, and if not, why; several runs side by side; a study.

    Parameters:
        runs: Folders of runs, or that of one study.
        out: Where the page goes; report.html in the first run's folder if not given.

    Examples:
        backlight report runs/a
        backlight report runs/a runs/b --out both.html
    """
    from backlight.reports.html.report import report as do

    print_lines(do(*runs, out=out))
