"""A run for other programs: TensorBoard's event files, Parquet, CSV."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from backlight.errors import RunError, SettingsError, missing_extra
from backlight.files import write_atomically
from backlight.recording.run import Run
from backlight.recording.series import NUMBERS, SummarySeries
from backlight.recording.tensor_summary import PackedSummary
from backlight.recording.tensorboard import EventFile

Format = Literal["tensorboard", "parquet", "csv"]
SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
FIELDS = ("count", "nan", "positive_infinity", "negative_infinity", "zeros", "minimum", "maximum", "mean", "deviation")
DERIVED = ("norm", "dead_share", "saturated_share")
Columns = dict[str, NDArray[Any]]


def export(run: Run, to: Format, out: Path | None = None, prefix: str = "") -> list[Path]:
    """Writes the run in another format and says which files that made.

    Args:
        out: the folder of the event file, or the table's path; inside the run folder if not given.
        prefix: what tags of tensors begin with, in event files.

    Raises:
        RunError: if the run folder holds event files already and no other place is given, or cannot be read.
        SettingsError: if `out` does not fit the format.
        MissingExtraError: if the format needs a package that is not installed.
    """
    if to == "tensorboard":
        folder = out or run.folder / "tensorboard"
        if out is None and any(folder.glob("*tfevents*")):
            raise RunError(f"{folder}: holds event files already; name another folder with --out")
        return [export_tensorboard(run, folder, prefix)]
    path = out or run.folder / f"tensors.{to}"
    if path.suffix != f".{to}":
        raise SettingsError(f"{path}: a table as {to} needs a name that ends in .{to}")
    return list(export_table(run, path))


def export_tensorboard(run: Run, folder: Path, prefix: str = "") -> Path:
    """One event file in `folder` with the scalars and tensors of each step, under the tags that the run itself uses.

    Raises:
        MissingExtraError: if TensorBoard is not installed.
    """
    scalars: dict[int, dict[str, float]] = {}
    for name in run.scalar_names():
        steps, values = run.scalar(name)
        for step, value in zip(steps.tolist(), values.tolist(), strict=True):
            scalars.setdefault(step, {})[name] = value
    tensors: dict[int, dict[str, tuple[SummarySeries, int]]] = {}
    for name in run.tensor_order():
        series = run.series(name)
        for place, step in enumerate(series.steps.tolist()):
            tensors.setdefault(step, {})[prefix + name] = (series, place)
    with EventFile(folder) as events:
        for step in sorted({*scalars, *tensors}):
            if step in scalars:
                events.scalars(step, scalars[step])
            if step in tensors:
                events.tensors(step, {tag: summary_at(*where) for tag, where in tensors[step].items()})
    return events.path


def summary_at(series: SummarySeries, place: int) -> PackedSummary:
    """The summary of one step, without units: event files do not hold them."""
    numbers = (getattr(series, field)[place].item() for field in NUMBERS)
    return PackedSummary._make((*numbers, series.histograms[place], 0, b""))


def export_table(run: Run, path: Path) -> tuple[Path, Path]:
    """A row per tensor and step into `path` (.parquet or .csv); scalars into `<stem>-scalars` beside it.

    Raises:
        SettingsError: for another ending, or a folder that does not exist.
        MissingExtraError: if Parquet is asked for and pyarrow is not installed.
    """
    if path.suffix not in TABLES:
        raise SettingsError(f"{path}: a table's name must end in {' or '.join(TABLES)}")
    if not path.absolute().parent.is_dir():
        raise SettingsError(f"{path}: there is no folder {path.absolute().parent}")
    scalars = path.with_name(f"{path.stem}-scalars{path.suffix}")
    content = TABLES[path.suffix]
    write_atomically(path, content(tensor_table(run)))
    write_atomically(scalars, content(scalar_table(run)))
    return path, scalars


def tensor_table(run: Run) -> Columns:
    """All tensors, one below the other in the order in which they were first recorded."""
    names = run.tensor_order() or [""]  # of which there are no records: the columns of a table without rows
    return stacked([tensor_columns(run.series(name)) for name in names])


def tensor_columns(series: SummarySeries) -> Columns:
    # close to float64's largest number norms become infinite; a tensor without values has no saturated share
    with np.errstate(over="ignore", invalid="ignore"):
        derived = {field: getattr(series, field) for field in DERIVED}
    quantiles = series.quantiles(SHARES)
    return {
        "name": np.full(len(series), series.name),
        "step": series.steps,
        **{field: getattr(series, field) for field in FIELDS},
        **{f"q{round(100 * share):02}": quantiles[:, number] for number, share in enumerate(SHARES)},
        "norm": derived["norm"],
        "units": np.full(len(series), series.live.shape[1]),
        "dead_share": derived["dead_share"],
        "saturated_share": derived["saturated_share"],
    }


def scalar_table(run: Run) -> Columns:
    series = [(name, *run.scalar(name)) for name in run.scalar_names() or [""]]
    return stacked(
        [{"name": np.full(len(steps), name), "step": steps, "value": values} for name, steps, values in series]
    )


def stacked(parts: list[Columns]) -> Columns:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def as_csv(columns: Columns) -> str:
    """Numbers with all their digits, so that reading them gives the same ones."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
    return text.getvalue()


def as_parquet(columns: Columns) -> bytes:
    try:
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise missing_extra("Parquet", error) from None
    content = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), content)
    return content.getvalue()


TABLES: dict[str, Callable[[Columns], bytes | str]] = {".parquet": as_parquet, ".csv": as_csv}
