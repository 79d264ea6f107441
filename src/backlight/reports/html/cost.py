"""What watching cost: time beside that of the training itself, and space on disk."""

from collections.abc import Mapping
from dataclasses import dataclass

from backlight.recording.overview import size_on_disk, size_text
from backlight.recording.run import Run
from backlight.reports.html.fragments import Table, table_html

HEADER = ("run", "recorded steps", "tensors", "on disk", "time for watching, of recorded steps", "in all")


@dataclass(frozen=True)
class Cost:
    """Of the recorded steps: how many, what watching took of each on average and of all, and that by their own time."""

    steps: int
    milliseconds: float
    seconds: float
    share: float


def cost_of(run: Run) -> Cost | None:
    """None where the training's own time is not known."""
    steps, watching, training = run.costs()
    if not (len(steps) and training.sum() > 0):
        return None
    seconds = float(watching.sum())
    return Cost(len(steps), 1000 * seconds / len(steps), seconds, seconds / float(training.sum()))


def cost_html(runs: Mapping[str, Run]) -> str:
    return table_html(Table(HEADER, [row(label or run.folder.resolve().name, run) for label, run in runs.items()]))


def row(label: str, run: Run) -> list[str]:
    found = cost_of(run)
    each = together = "not measured"
    if found is not None:
        each = f"{found.milliseconds:.3g} ms a step ({found.share:.1%})"
        together = f"{found.seconds:.3g} s"
    recorded = f"{run.recorded_steps():,}"
    return [label, recorded, f"{len(run.tensor_order()):,}", size_text(size_on_disk(run.folder)), each, together]
