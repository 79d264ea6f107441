"""What a reproduction found: tables for its page, its files, and lines for the terminal."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from rich.console import Console

from backlight.files import write_atomically
from backlight.recording.environment import describe_environment, environment_text
from backlight.reports.gallery import table_text
from backlight.reports.html.fragments import Table
from backlight.reproduction.born_dead import BornDead, born_dead
from backlight.reproduction.points_claims import size_text
from backlight.reproduction.riddle import (
    EFFECTIVE_L2,
    EFFECTIVE_STEP,
    FactorialOutcomes,
    absorbing_facts,
    mending_effects,
    riddle_rows,
)
from backlight.reproduction.scale import Scale
from backlight.reproduction.verdicts import Claim

CLAIM_HEADER = ("claim", "verdict", "what was measured", "expected", "estimate [95 % interval]", "part")
BORN_DEAD_HEADER = (
    "before training, ReLU",
    "samples that a hidden layer blocks: formula",
    "measured",
    "the same or no positive logit: formula",
    "measured",
    "a hidden layer off for all samples",
    "a hidden unit off for all samples",
)
RIDDLE_TEXT = (
    "The factorial of three mistakes over four architectures. Each row gives the share of seeds whose held-out "
    "accuracy exceeds 0.9, whose data gradient is exactly zero at the end, that have no positive logit on any training "
    "point, and that have a hidden layer which is 0 on every training point."
)


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


def riddle_tables(outcomes: FactorialOutcomes, passes: int) -> list[Table]:
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


def write_results(folder: Path, scale: Scale, claims: Sequence[Claim], riddle: Sequence[Table]) -> None:
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
        "\n".join([f"# The riddle in numbers\n\n{RIDDLE_TEXT} {where}\n", *map(table_text, riddle)]),
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
