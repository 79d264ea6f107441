"""The list of runs, kept up to date while somebody looks at it, without reading what has not changed."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from backlight.errors import RunError
from backlight.page.viewer.board import Board, first_of
from backlight.page.viewer.folder import FILE, RunsFolder, stamp
from backlight.recording.lock import is_written
from backlight.recording.overview import nonfinite_text, status_of
from backlight.recording.run import Run
from backlight.reports.html.verdict import last_accuracy

SECONDS = 0.7  # between two looks; and ten times what a look takes, so that training keeps the processor
AT_ONCE = 0.25  # seconds of reading after which the rows found so far are told


@dataclass(frozen=True)
class Row:
    """What the list says of a run.

    Attributes:
        stamp: another one whenever something was written.
        status: as in `recording.overview`.
        accuracy, measured: the last accuracy and its name in the record.
        trouble: the first value that was not finite, or why the run cannot be read.
        written: when, in seconds since 1970.
        resumed: how often training went on after it was stopped.
    """

    name: str
    stamp: str
    status: str = "damaged"
    command: str = ""
    step: int | None = None
    accuracy: float | None = None
    measured: str = ""
    trouble: str = ""
    written: float = 0.0
    resumed: int = 0


Rows = Mapping[str, Row]


def row(name: str, folder: Path, mark: str, before: Row | None) -> Row:
    """`before` is what was known last: of its steps, values that are not finite are not looked for again."""
    try:
        written = (folder / FILE).stat().st_mtime
        run = Run.open(folder)
        events = run.events()
        step, resumed = run.last_step(), sum(event.kind == "resume" for event in events)
        known = before if before and before.resumed == resumed else None
        accuracy = last_accuracy(run)
        return Row(
            name, mark, status_of(run, events), " ".join(run.command), step, *accuracy,
            trouble(run, known), written, resumed,
        )  # fmt: skip
    except (RunError, OSError, ValueError) as error:
        return Row(name, mark, trouble=str(error))


def trouble(run: Run, known: Row | None) -> str:
    if known is not None and known.trouble and known.status != "damaged":
        return known.trouble
    seen = known.step if known is not None and known.step is not None else -1
    first = next(iter(run.first_nonfinite(seen - 1)), None)  # the last step may have been half written
    return "" if first is None else nonfinite_text(first)


def look(runs: RunsFolder, before: Rows) -> tuple[dict[str, Row], bool]:
    """The rows as they are now, and whether the time was enough for all that changed, the newest first."""
    folders = runs.found()
    marks = {name: stamp(folder) for name, folder in folders.items()}
    rows = {name: known for name, known in before.items() if name in folders}
    changed = [name for name in folders if name not in rows or moved(rows[name], marks[name], folders[name])]
    deadline = time.monotonic() + AT_ONCE
    for name in sorted(changed, key=marks.__getitem__, reverse=True):
        if time.monotonic() > deadline:
            return rows, False
        rows[name] = row(name, folders[name], marks[name], rows.get(name))
    return rows, True


def moved(known: Row, mark: str, folder: Path) -> bool:
    """Whether something was written, or the writer has ended without a word."""
    return known.stamp != mark or (known.status == "running" and not is_written(folder))


async def keep_looking(runs: RunsFolder, board: Board, closing: asyncio.Event) -> None:
    """Posts "run NAME" for each row that changed, as long as somebody listens."""
    rows: dict[str, Row] = {}
    while not closing.is_set():
        began = time.monotonic()
        seen, complete = await asyncio.to_thread(look, runs, rows)
        for name in rows.keys() - seen.keys():
            board.post(f"run {name}", None)
        for name, each in seen.items():
            if each != rows.get(name):
                board.post(f"run {name}", asdict(each))
        rows = seen
        if complete:
            board.post("complete", True)
            await first_of(closing, seconds=max(SECONDS, 10 * (time.monotonic() - began)))
        await first_of(closing, board.listened)
