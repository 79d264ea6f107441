"""The runs of a folder as a table: on a terminal, and for files and pipes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rich.table import Table
from rich.text import Text

from backlight.recording.overview import Overview, nonfinite_text, size_text

HEADINGS = ("run", "command", "status", "last step", "tensors", "recorded", "size", "watching", "remarks")
NUMERIC = ("last step", "tensors", "recorded", "size", "watching")


def cells(each: Overview, below: Path) -> tuple[str, ...]:
    """What stands under HEADINGS; the run is named by its path below the folder that was listed."""
    name = str(each.folder.relative_to(below))
    if each.error is not None:
        return (name, "", each.status, "", "", "", size_text(each.size), "", each.error)
    return (
        name,
        " ".join(each.command),
        each.status,
        "" if each.last_step is None else str(each.last_step),
        str(each.tensors),
        str(each.recorded),
        size_text(each.size),
        "" if each.watching is None else f"{each.watching:.1%}",
        remarks(each),
    )


def remarks(each: Overview) -> str:
    lost = [f"repaired, lost: {', '.join(each.lost)}"] if each.lost else []
    return "; ".join([*lost, *([nonfinite_text(each.nonfinite)] if each.nonfinite else [])])


def plain_table(rows: Sequence[Sequence[str]]) -> str:
    """HEADINGS and rows in columns, numbers to the right; for files and pipes."""
    table = [HEADINGS, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    sides = [">" if heading in NUMERIC else "<" for heading in HEADINGS]
    lines = [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True))
        for row in table
    ]
    return "\n".join(line.rstrip() for line in lines)


def rich_table(rows: Sequence[Sequence[str]]) -> Table:
    """The same for a terminal, names and remarks folded to its width."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    for heading in HEADINGS:
        side: Literal["left", "right"] = "right" if heading in NUMERIC else "left"
        table.add_column(heading, justify=side, overflow="fold", no_wrap=heading not in ("run", "remarks"))
    for row in rows:
        table.add_row(*map(Text, row))
    return table
