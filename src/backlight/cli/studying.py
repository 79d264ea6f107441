"""The command that trains thousands of small networks."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from backlight.cli.flags import Json, Resume, RunFolder
from backlight.cli.output import print_json, print_lines
from backlight.cli.resuming import resumed_settings
from backlight.training.settings import StudySettings

if TYPE_CHECKING:
    from backlight.training.study import Study


def study(
    settings: Annotated[StudySettings | None, Parameter(name="*")] = None,
    *,
    run: RunFolder = None,
    resume: Resume = False,
    cluster: Annotated[str | None, Parameter(help="Train on dask://host:port or ray://host:port.")] = None,
    threads: Annotated[int | None, Parameter(help="Threads of this machine; all cores if not given.")] = None,
    csv: Annotated[Path | None, Parameter(help="Also write the table, a row per network, as CSV.")] = None,
    parquet: Annotated[Path | None, Parameter(help="Also write the table as Parquet.")] = None,
    json: Json = False,
) -> None:
    """Thousands of small networks: every combination of what is given several times, each with many seeds.

    Examples:
        backlight study --layers 2,3,2 --layers 2,6,2 --activation relu --seeds 1000
        backlight study --learning-rate 0.05 --learning-rate 0.5 --csv table.csv
        backlight study --run runs/study-1 --resume
    """
    from backlight.reports.html.report import report
    from backlight.training.run_study import run_study
    from backlight.training.table import check_tables

    check_tables(csv, parquet)
    chosen = resumed_settings(StudySettings, run, settings) if resume else settings or StudySettings()
    result = run_study(chosen, run, resume, cluster, threads)
    page = report(result)
    if csv:
        result.to_csv(csv)
    if parquet:
        result.to_parquet(parquet)
    print_rates(result, page, json)


def print_rates(study: "Study", page: Path, as_json: bool) -> None:
    """Rates with their intervals, a line a condition."""
    rates = [(study.label(condition), rate) for condition, rate in study.rates()]
    if as_json:
        rows = [{"condition": label, **asdict(rate)} for label, rate in rates]
        print_json({"run": str(study.folder), "page": str(page), "success_rates": rows})
        return
    width = max(len(label) for label, _ in rates)
    lines = [f"{label:<{width}}  {rate}" for label, rate in rates]
    goal = f"success rate (held-out accuracy > {study.settings.success:g})"
    print_lines(goal, *lines, f"run folder {study.folder}; everything is on one page: {page}")
