"""The whole source report again: every picture, every claim with a verdict, on one page."""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from backlight.files import write_atomically
from backlight.networks.mistakes import REPORTED_MISTAKES
from backlight.recording.environment import describe_environment, environment_text
from backlight.recording.run import Run
from backlight.reports.gallery import Section, table_text, write_gallery
from backlight.reports.html.fragments import Table
from backlight.reproduction.born_dead import BornDead, born_dead
from backlight.reproduction.digits_claims import digits_claims, digits_settings
from backlight.reproduction.digits_pictures import draw_digits
from backlight.reproduction.jobs import DigitsJob, Job, population_blocks, population_outcomes, run_jobs
from backlight.reproduction.points_claims import grid_conditions, points_claims, size_text
from backlight.reproduction.points_pictures import draw_points, draw_riddle
from backlight.reproduction.riddle import (
    EFFECTIVE_L2,
    EFFECTIVE_STEP,
    FactorialOutcomes,
    absorbing_facts,
    factorial_conditions,
    mending_effects,
    riddle_conditions,
    riddle_rows,
)
from backlight.reproduction.two_runs import riddle_report
from backlight.reproduction.verdicts import Claim
from backlight.training.blocks import Block

CLAIM_HEADER = ("claim", "verdict", "what was measured", "expected", "estimate [95 % interval]", "part")


@dataclass(frozen=True)
class Scale:
    """How much is done: passes and seeds of the networks on points, data, epochs and seeds of the convolutional one."""

    passes: int
    seeds: int
    data: Literal["digits", "mnist"]
    epochs: int
    digits_seeds: int


QUICK = Scale(passes=20_000, seeds=50, data="digits", epochs=3, digits_seeds=3)
FULL = Scale(passes=20_000, seeds=1000, data="mnist", epochs=5, digits_seeds=3)


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
    grid = grid_conditions(EFFECTIVE_STEP, EFFECTIVE_L2, scale.passes)
    points = population_blocks(grid + riddle_conditions(scale.passes), scale.seeds, folder / "population")
    digits = [
        DigitsJob(settings, folder / "runs" / f"{settings.config}-seed{settings.seed}")
        for seed in range(scale.digits_seeds)
        for settings in digits_settings(scale.data, data_dir, scale.epochs, seed)
    ]
    train_all(digits, points, console)
    outcomes = population_outcomes(points)
    runs = {
        "ReLU + Adam": [Run.open(job.folder) for job in digits if job.settings.optimizer == "adam"],
        "tanh + momentum": [Run.open(job.folder) for job in digits if job.settings.optimizer == "momentum"],
    }
    by_cell = {(condition.activation, condition.sizes): outcomes[condition] for condition in grid}
    factorial = factorial_conditions(scale.passes)
    reported = {c.sizes: outcomes[c] for c in factorial if c.mistakes == REPORTED_MISTAKES}
    where = "" if scale.data == "mnist" else " (here on 4,000 digits; the claim is about 55,000)"
    claims = points_claims(by_cell, reported) + digits_claims(runs["ReLU + Adam"], runs["tanh + momentum"], where)
    console.print("drawing pictures")
    figures = folder / "figures"
    point_pictures, digit_pictures = draw_points(by_cell, figures), draw_digits(runs, figures)
    riddle_pictures = draw_riddle(outcomes, scale.passes, figures)
    riddle_tables = riddle_tables_of(outcomes, scale.passes)
    write_results(folder, scale, claims, riddle_tables)
    sections = [
        Section("Claims", claims_text(scale), [claims_table(claims)]),
        Section("Part 1: points", "", point_pictures),
        Section("The riddle: why ReLU draws no boundary", RIDDLE_TEXT, [*riddle_pictures, *riddle_tables]),
        Section("Part 2: digits", "", digit_pictures),
    ]
    write_gallery(folder / "index.html", "The source report, reproduced", sections)
    answer = riddle_report(folder)
    print_claims(claims, console)
    print_effects(outcomes, scale.passes, console)
    console.print(
        f"{time.monotonic() - began:.0f} s; everything is on one page: {folder / 'index.html'}", soft_wrap=True
    )
    console.print(f"did it learn, and if not, why? The riddle in two runs: {answer}", soft_wrap=True)
    return claims


RIDDLE_TEXT = (
    "The factorial of three mistakes over four architectures. Each row gives the share of seeds whose held-out "
    "accuracy exceeds 0.9, whose data gradient is exactly zero at the end, that have no positive logit on any training "
    "point, and that have a hidden layer which is 0 on every training point."
)


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


def claims_text(scale: Scale) -> str:
    return (
        f"C1 to C7: {scale.seeds} seeds (weights, training and held-out points), {scale.passes:,} passes of full-batch "
        f"gradient descent at {EFFECTIVE_STEP:g} on the mean loss and λ = {EFFECTIVE_L2:g}, which is what the report's "
        f"0.01 and λ = 0.01 amount to on gradients summed over 200 points. C8 and C9: {scale.digits_seeds} seeds on "
        f"{scale.data}, {scale.epochs} epochs. A claim holds if the 95 % interval of every part lies within its bound."
    )


def claims_table(claims: Sequence[Claim]) -> Table:
    rows = []
    for claim in claims:
        for number, measurement in enumerate(claim.measurements):
            head = (f"{claim.code} {claim.sentence}", claim.verdict) if number == 0 else ("", "")
            rows.append(
                (*head, measurement.quantity, measurement.expectation, str(measurement.interval), measurement.verdict)
            )
    return Table(CLAIM_HEADER, rows)


def riddle_tables_of(outcomes: FactorialOutcomes, passes: int) -> list[Table]:
    rows = riddle_rows(outcomes, passes)
    effects = mending_effects(outcomes, passes)
    facts = absorbing_facts(outcomes, passes)
    born = born_dead(len(next(iter(outcomes.values()))))
    return [
        Table(list(rows[0]), [[cell_text(value) for value in row.values()] for row in rows]),
        Table(
            ("mended", "network", "change of the success rate [95 % interval]", "verdict"),
            [(words, network, str(interval), verdict) for words, network, interval, verdict in effects],
        ),
        Table(("absorbing state", "measured"), [(words, cell_text(value)) for words, value in facts.items()]),
        Table(BORN_DEAD_HEADER, [born_dead_row(row) for row in born]),
    ]


BORN_DEAD_HEADER = (
    "before training, ReLU",
    "samples that a hidden layer blocks: formula",
    "measured",
    "the same or no positive logit: formula",
    "measured",
    "a hidden layer off for all samples",
    "a hidden unit off for all samples",
)


def born_dead_row(row: BornDead) -> tuple[str, ...]:
    formulas = f"{row.blocked_formula:.4g}", f"{row.gated_formula:.4g}"
    name = size_text(row.sizes) if len(row.sizes) < 7 else f"9 hidden layers of {row.sizes[1]}, 1 input"
    return (name, formulas[0], str(row.blocked), formulas[1], str(row.gated), str(row.dead), str(row.silent))


def cell_text(value: object) -> str:
    if isinstance(value, tuple):
        return "{} of {}".format(*value)
    if isinstance(value, float):
        return "–" if value != value else f"{value:.4g}"
    return str(value)


def write_results(folder: Path, scale: Scale, claims: Sequence[Claim], riddle_tables: Sequence[Table]) -> None:
    environment = describe_environment()
    where = f"Measured on {environment_text(environment)}."
    document = {
        "scale": asdict(scale),
        "environment": environment,
        "claims": [claim_document(claim) for claim in claims],
    }
    write_atomically(folder / "claims.json", json.dumps(document, indent=1))
    write_atomically(
        folder / "claims.md", f"# Claims\n\n{claims_text(scale)} {where}\n\n{table_text(claims_table(claims))}"
    )
    write_atomically(
        folder / "riddle.md",
        "\n".join([f"# The riddle in numbers\n\n{RIDDLE_TEXT} {where}\n", *map(table_text, riddle_tables)]),
    )


def claim_document(claim: Claim) -> dict[str, Any]:
    parts = [
        {
            "quantity": part.quantity,
            "expected": part.expectation,
            "verdict": part.verdict,
            **{name: value if isfinite(value) else None for name, value in asdict(part.interval).items()},
        }
        for part in claim.measurements
    ]
    return {"code": claim.code, "sentence": claim.sentence, "verdict": claim.verdict, "measurements": parts}


def print_claims(claims: Sequence[Claim], console: Console) -> None:
    """The table of claims, a line a row, as wide as it needs to be."""
    colours = {"holds": "green", "does not hold": "red", "cannot tell": "yellow"}
    for claim in claims:
        line = f"{claim.code:<3} {claim.verdict:<13} {claim.sentence}"
        console.print(line, style=f"bold {colours[claim.verdict]}", markup=False, highlight=False, soft_wrap=True)
        for part in claim.measurements:
            line = f"    {part.verdict:<13} {part.quantity}: {part.interval} (expected {part.expectation})"
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def print_effects(outcomes: FactorialOutcomes, passes: int, console: Console) -> None:
    console.print("S12 the riddle: change of ReLU's success rate when a mistake is mended", style="bold")
    for words, network, change, verdict in mending_effects(outcomes, passes):
        line = f"    {verdict:<29} {words}, {network}: {change}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
