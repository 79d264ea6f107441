"""Commands that look at what is recorded: listed, compared, exported, on a page."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from backlight.cli.flags import Json
from backlight.cli.output import opened, print_json, print_lines
from backlight.recording.export import Format


def runs(
    folder: Path = Path("runs"),
    /,
    *,
    verify: Annotated[bool, Parameter(negative=(), help="Read all of every file, and say what is damaged.")] = False,
    repair: Annotated[
        bool, Parameter(negative=(), help="Save what can be read of damaged runs; what was there is kept beside it.")
    ] = False,
    json: Json = False,
) -> None:
    """Every run below a folder: what became of it, how much it recorded, what went wrong first.

    With --verify or --repair, exits with 1 if something is damaged, or was lost.

    Examples:
        backlight runs
        backlight runs runs/class --json
        backlight runs runs --verify
    """
    if repair:
        repair_runs(folder, json)
    elif verify:
        verify_runs(folder, json)
    else:
        list_all(folder, json)


def list_all(folder: Path, as_json: bool) -> None:
    from backlight.recording.overview import list_runs
    from backlight.reports.runs_text import cells, plain_table, rich_table

    found = list_runs(folder)
    rows = [cells(each, folder) for each in found]
    if as_json:
        print_json([each.document() for each in found])
    elif not found:
        print_lines(f"no run below {folder}")
    elif sys.stdout.isatty():
        Console().print(rich_table(rows))
    else:
        print_lines(plain_table(rows))


def verify_runs(folder: Path, as_json: bool) -> None:
    from backlight.recording.overview import run_folders
    from backlight.recording.verify import verify

    found = [verify(each) for each in run_folders(folder)]
    if as_json:
        print_json([each.document() for each in found])
    else:
        print_lines(*([line for each in found for line in each.lines()] or [f"no run below {folder}"]))
    sys.exit(1 if any(each.damage for each in found) else 0)


def repair_runs(folder: Path, as_json: bool) -> None:
    from backlight.recording.overview import run_folders
    from backlight.recording.repair import repair

    found = [repaired for each in run_folders(folder) if (repaired := repair(each)) is not None]
    if as_json:
        print_json([each.document() for each in found])
    else:
        print_lines(*([line for each in found for line in each.lines()] or ["nothing is damaged"]))
    sys.exit(1 if any(each.lost for each in found) else 0)


def compare(a: Path, b: Path, /, *, tolerance: float = 0.0, json: Json = False) -> None:
    """Where two runs part: the first step and tensor whose records differ, and what else differs.

    Parameters:
        tolerance: Relative difference that is taken for none; 0 asks for records equal to the bit.

    Examples:
        backlight compare runs/a runs/b
        backlight compare runs/a runs/b --tolerance 1e-6
    """
    from backlight.recording.compare import compare as do

    found = do(opened(a), opened(b), tolerance)
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

    print_lines(*do(opened(run), to, out, prefix))


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
