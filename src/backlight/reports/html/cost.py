"""What watching cost: time beside that of the training itself, and space on disk."""

from collections.abc import Mapping

from backlight.recording.overview import size_on_disk, size_text
from backlight.recording.run import Run
from backlight.reports.html.fragments import Table, table_html

HEADER = ("run", "recorded steps", "tensors", "on disk", "time for watching, of recorded steps", "in all")


def cost_html(runs: Mapping[str, Run]) -> str:
    return table_html(Table(HEADER, [row(label or run.folder.resolve().name, run) for label, run in runs.items()]))


def row(label: str, run: Run) -> list[str]:
    steps, watching, training = run.costs()
    if len(steps) and training.sum() > 0:
        share = watching.sum() / training.sum()
        each, together = f"{1000 * watching.mean():.3g} ms a step ({share:.1%})", f"{watching.sum():.3g} s"
    else:
        each, together = "not measured", "not measured"
    recorded = f"{run.recorded_steps():,}"
    return [label, recorded, f"{len(run.tensor_order()):,}", size_text(size_on_disk(run.folder)), each, together]
