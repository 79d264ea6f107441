"""Commands that judge: a backward pass, a run, the cures of a run. Their exit codes are their verdicts."""

import sys
from json import dumps
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from backlight.cli.flags import Json
from backlight.cli.output import opened, print_json, two_for_errors
from backlight.files import write_atomically


def check(
    file: str,
    *,
    fix: Annotated[bool, Parameter(negative=(), help="Write proven patches into the file, beside a backup.")] = False,
    adapter: Annotated[Path | None, Parameter(help="A file with parameters(), loss(), gradients().")] = None,
    sarif: Annotated[Path | None, Parameter(help="Also write the verdict as SARIF, for editors and CI.")] = None,
    report: Annotated[Path | None, Parameter(help="Also write the verdict as a page, a single file.")] = None,
    seconds: Annotated[float, Parameter(help="Give up after so many seconds.")] = 60.0,
    json: Json = False,
) -> None:
    """Is a hand-written backward pass right, and if not, which line is wrong?

    Exits with 0 for right, 1 for wrong, 2 for what could not be checked.

    Parameters:
        file: the Python file with your network, or file.py:Class.

    Examples:
        backlight check my_network.py
        backlight check my_network.py:Net --fix --sarif backlight.sarif
    """
    from backlight.checking.check import fix as mend
    from backlight.checking.check import located
    from backlight.reports.check_result import check as judged
    from backlight.reports.check_text import print_verdict

    with two_for_errors():
        result = judged(file, adapter=adapter, seconds=seconds)
    if sarif is not None:
        write_atomically(sarif, dumps(result.sarif(), indent=2))
    if report is not None:
        result.report(report)
    if json:
        print_json(result.json())
    else:
        print_verdict(result.verdict, Console())
    if fix and result.status == "wrong":
        backups = mend(located(file)[0], result.verdict)
        Console(stderr=True).print(f"patched; as it was: {', '.join(map(str, backups))}", markup=False)
    sys.exit({"right": 0, "wrong": 1, "unchecked": 2}[result.status])


def diagnose(
    run: Path,
    /,
    *,
    mute: Annotated[
        tuple[str, ...], Parameter(consume_multiple=True, help="Codes or names of causes not to look for.")
    ] = (),
    json: Json = False,
) -> None:
    """Why does a run not learn as it should? Rules over what its folder holds, the likeliest cause first.

    Exits with 0 for a healthy run, 1 if something was found, 2 if the folder cannot be read.

    Examples:
        backlight diagnose runs/a
        backlight diagnose runs/a --mute BL104 --json
    """
    from backlight.diagnosis.diagnose import diagnose as do
    from backlight.reports.diagnosis_text import document, print_diagnosis

    with two_for_errors():
        found = do(opened(run), mute)
    if json:
        print_json(document(found))
    else:
        print_diagnosis(found, Console())
    sys.exit(0 if found.healthy else 1)


def treat(run: Path, /, *, seeds: int | None = None, json: Json = False) -> None:
    """Tries the cures of what `diagnose` finds: trained anew, beside unchanged settings and another cure.

    Exits with 0 if the run is cured or healthy, 1 if not, 2 if the folder cannot be read.

    Parameters:
        run: folder of the run.
        seeds: networks trained with each of the settings; if not given, 100 of `train mlp`, 5 of `train cnn`.

    Examples:
        backlight treat runs/a
        backlight treat runs/a --seeds 20
    """
    from backlight.diagnosis.treatment import treat as do
    from backlight.reports.treatment_text import document, print_treatment

    progress = Console(stderr=True)
    with two_for_errors():
        treated = do(opened(run), seeds, lambda line: progress.print(line, markup=False, highlight=False))
    if json:
        print_json(document(treated))
    else:
        print_treatment(treated, Console())
    sys.exit(0 if treated.outcome in ("cured", "healthy") else 1)
