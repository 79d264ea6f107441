"""The whole source report again: every picture, every claim with a verdict, on one page."""

import os
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from backlight.engine.outcome import Outcome
from backlight.networks.mistakes import REPORTED_MISTAKES
from backlight.recording.run import Run
from backlight.reports.gallery import Picture, Section, write_gallery
from backlight.reports.html.fragments import Table
from backlight.reproduction.digits_claims import digits_claims, digits_settings
from backlight.reproduction.digits_pictures import draw_digits
from backlight.reproduction.jobs import DigitsJob, Job, population_blocks, population_outcomes, run_jobs
from backlight.reproduction.points_claims import grid_conditions, points_claims
from backlight.reproduction.points_pictures import draw_points, draw_riddle
from backlight.reproduction.population import Condition
from backlight.reproduction.results import (
    RIDDLE_TEXT,
    claims_table,
    claims_text,
    print_claims,
    print_effects,
    riddle_tables,
    write_results,
)
from backlight.reproduction.riddle import EFFECTIVE_L2, EFFECTIVE_STEP, factorial_conditions, riddle_conditions
from backlight.reproduction.scale import Scale
from backlight.reproduction.two_runs import riddle_report
from backlight.reproduction.verdicts import Claim
from backlight.training.blocks import Block

CONFIGURATIONS = {"ReLU + Adam": "adam", "tanh + momentum": "momentum"}  # of the runs on digits, by their optimiser


def reproduce(folder: Path, scale: Scale, data_dir: Path | None = None, console: Console | None = None) -> list[Claim]:
    """Trains what is missing, draws every picture and writes claims.json, claims.md, riddle.md, index.html and
    report.html.

    Called again on the same folder it goes on where it was stopped.

    Raises:
        BacklightError: if the data are missing or the folder holds something else.
    """
    console = console or Console()
    began = time.monotonic()
    for name in ("population", "runs", "figures"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    conditions = grid_conditions(EFFECTIVE_STEP, EFFECTIVE_L2, scale.passes) + riddle_conditions(scale.passes)
    points = population_blocks(conditions, scale.seeds, folder / "population")
    digits = digits_jobs(folder / "runs", scale, data_dir)
    train_all(digits, points, console)
    outcomes = population_outcomes(points)
    runs = {
        label: [Run.open(job.folder) for job in digits if job.settings.optimizer == optimizer]
        for label, optimizer in CONFIGURATIONS.items()
    }
    claims, tables = claims_of(outcomes, runs, scale), riddle_tables(outcomes, scale.passes)
    console.print("drawing pictures")
    sections = sections_of(claims, tables, outcomes, runs, scale, folder / "figures")
    write_results(folder, scale, claims, tables)
    write_gallery(folder / "index.html", "The source report, reproduced", sections)
    answer = riddle_report(folder)
    print_claims(claims, console)
    print_effects(outcomes, scale.passes, console)
    console.print(
        f"{time.monotonic() - began:.0f} s; everything is on one page: {folder / 'index.html'}", soft_wrap=True
    )
    console.print(f"did it learn, and if not, why? The riddle in two runs: {answer}", soft_wrap=True)
    return claims


def digits_jobs(folder: Path, scale: Scale, data_dir: Path | None) -> list[DigitsJob]:
    return [
        DigitsJob(settings, folder / f"{settings.config}-seed{settings.seed}")
        for seed in range(scale.digits_seeds)
        for settings in digits_settings(scale.data, data_dir, scale.epochs, seed)
    ]


def train_all(digits: Sequence[DigitsJob], points: Sequence[Block], console: Console) -> None:
    """All jobs, longest first, with a line or a bar of progress."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    points[0].condition.train([0])  # compiles the engine if need be: once here, not in every process
    jobs: list[Job] = [*(job.run for job in digits), *(partial(block.run, threads=1) for block in points)]
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(jobs))

        def report(done: int, total: int) -> None:
            progress.update(task, completed=done)
            if not console.is_terminal and done % max(total // 10, 1) == 0:
                console.print(f"trained {done} of {total}")

        run_jobs(jobs, os.cpu_count() or 1, report)


def grid_outcomes(outcomes: Mapping[Condition, Outcome], passes: int) -> dict[tuple[str, tuple[int, ...]], Outcome]:
    """Of the networks without mistakes, by activation and sizes."""
    grid = grid_conditions(EFFECTIVE_STEP, EFFECTIVE_L2, passes)
    return {(condition.activation, condition.sizes): outcomes[condition] for condition in grid}


def claims_of(outcomes: Mapping[Condition, Outcome], runs: Mapping[str, Sequence[Run]], scale: Scale) -> list[Claim]:
    reported = {
        condition.sizes: outcomes[condition]
        for condition in factorial_conditions(scale.passes)
        if condition.mistakes == REPORTED_MISTAKES
    }
    where = "" if scale.data == "mnist" else " (here on 4,000 digits; the claim is about 55,000)"
    relu_adam, tanh_momentum = (runs[label] for label in CONFIGURATIONS)
    points = points_claims(grid_outcomes(outcomes, scale.passes), reported)
    return points + digits_claims(relu_adam, tanh_momentum, where)


def sections_of(
    claims: Sequence[Claim],
    tables: Sequence[Table],
    outcomes: Mapping[Condition, Outcome],
    runs: Mapping[str, Sequence[Run]],
    scale: Scale,
    figures: Path,
) -> list[Section]:
    """The page, its pictures drawn in the folder `figures`."""
    riddle: list[Picture | Table] = [*draw_riddle(outcomes, scale.passes, figures), *tables]
    return [
        Section("Claims", claims_text(scale), [claims_table(claims)]),
        Section("Part 1: points", "", draw_points(grid_outcomes(outcomes, scale.passes), figures)),
        Section("The riddle: why ReLU draws no boundary", RIDDLE_TEXT, riddle),
        Section("Part 2: digits", "", draw_digits(runs, figures)),
    ]
