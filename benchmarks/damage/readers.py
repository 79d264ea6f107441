"""Everything that reads the files, as functions from a folder to plain values that can be compared."""

import csv
import hashlib
import io
import json
import re
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from backlight.cli.app import app
from backlight.cli.arguments import settings_file
from backlight.data import digits
from backlight.data.idx import unpacked
from backlight.data.points import load_csv
from backlight.diagnosis.diagnose import diagnose
from backlight.errors import BacklightError
from backlight.recording.checkpoint import load_checkpoint
from backlight.recording.compare import compare
from backlight.recording.export import export
from backlight.recording.overview import list_runs
from backlight.recording.run import Run
from backlight.reports.diagnosis_text import document as diagnosis_document
from backlight.reports.html.report import page
from backlight.training.run_study import run_study
from backlight.training.settings import MLPSettings, settings_from_plain
from backlight.training.study import Study
from backlight.training.train_mlp import load_network, train_mlp

SIZE = re.compile(r"[0-9.]+ [kM]?B</td>")  # of the folder, which a damaged file changes
BY_REPAIR = ("repaired", "resume")  # events that a repair notes
Reader = Callable[[Path, Path], Any]  # of the damaged folder and the whole one


def plain(value: Any) -> Any:
    """As JSON; arrays by their checksum, NaN as a word."""
    return json.loads(json.dumps(value, default=summed))


def summed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return f"{value.shape} {value.dtype} {crc32(np.ascontiguousarray(value).tobytes()):08x}"
    return str(value)


def part(read: Callable[[], Any]) -> Any:
    """What is read, or the words of the error."""
    try:
        return plain(read())
    except (BacklightError, FileNotFoundError) as error:
        return {"refused": str(error)}


def listed(place: Path, whole: Path) -> Any:
    (found,) = list_runs(place)
    return plain({name: value for name, value in found.document().items() if name not in ("folder", "size")})


def diagnosed(place: Path, whole: Path) -> Any:
    return plain(diagnosis_document(diagnose(place / "run")))


def reported(place: Path, whole: Path) -> list[str]:
    lines = re.sub(r">\s*", ">\n", page([Run.open(place / "run")])).splitlines()
    return [line for line in lines if not SIZE.match(line)]


def compared(place: Path, whole: Path) -> Any:
    found = compare(Run.open(whole / "run"), Run.open(place / "run")).document()
    return {name: value for name, value in found.items() if name not in ("a", "b")}


def exported(place: Path, whole: Path) -> list[Any]:
    with tempfile.TemporaryDirectory() as folder:
        paths = export(Run.open(place / "run"), "csv", Path(folder) / "tensors.csv")
        return [list(csv.reader(path.read_text(encoding="utf-8").splitlines())) for path in paths]


def loaded(place: Path, whole: Path) -> dict[str, Any]:
    """Every function that loads a part of a run."""
    folder = place / "run"
    run = Run.open(folder)
    found = {
        "settings": part(lambda: (run.command, run.settings)),
        "environment": part(lambda: run.environment),
        "facts": part(lambda: str(run.facts())),
        "costs": part(lambda: list(zip(*(column.tolist() for column in run.costs()), strict=True))),
        "events": part(lambda: [[event.step, event.kind] for event in run.events() if event.kind not in BY_REPAIR]),
    }
    for name in run.scalar_names():
        found[name] = part(partial(scalar_read, run, name))
    for name in run.tensor_names():
        found[name] = part(partial(tensor_read, run, name))
    for path in sorted([*folder.glob("checkpoints/*.safetensors"), *folder.glob("blocks/*.safetensors")]):
        found[path.name] = part(partial(load_checkpoint, path))
    for path in sorted(folder.glob("snapshots/*.npy")):
        found[path.name] = part(partial(run.snapshot, path.stem))
    if run.command == ("train", "mlp"):
        found["network"] = part(lambda: load_network(run)[0].parameters)
    return found


def scalar_read(run: Run, name: str) -> list[Any]:
    return list(zip(*(column.tolist() for column in run.scalar(name)), strict=True))


def tensor_read(run: Run, name: str) -> list[Any]:
    """A row per step, or per norm."""
    series = run.series(name)
    quantiles = zip(series.steps.tolist(), series.quantiles([0, 0.5, 1]).tolist(), strict=True)
    norms = zip(*(column.tolist() for column in run.norms(name)), strict=True)
    return [*quantiles, *norms]


def resumed(place: Path, whole: Path) -> dict[str, Any]:
    """`backlight train mlp --resume`: weights at the end, and the whole curve."""
    folder = place / "run"
    settings = settings_from_plain(MLPSettings, Run.open(folder).settings)
    run = train_mlp(settings, folder, resume=True, stream=io.StringIO())
    found: dict[str, Any] = plain({"weights": load_network(run)[0].parameters, "loss": run.scalar("train/loss")})
    return found


def study_read(place: Path, whole: Path) -> Any:
    study = Study.open(place / "run")
    return plain([[str(rate) for _, rate in study.rates()], study.table.rows])


def study_resumed(place: Path, whole: Path) -> Any:
    settings = Study.open(place / "run").settings
    study = run_study(settings, place / "run", resume=True, threads=1, stream=io.StringIO())
    return plain([[str(rate) for _, rate in study.rates()], study.table.rows])


def csv_read(place: Path, whole: Path) -> Any:
    data = load_csv(place / "points.csv")
    return plain([data.classes, data.train.X, data.train.y, data.test.X, data.test.y])


def idx_read(place: Path, whole: Path) -> Any:
    """The originals are taken for MNIST itself, whose checksums are known."""
    digits.MNIST_FILES = {
        name: hashlib.md5(unpacked(digits.existing_file(whole, name) or whole)).hexdigest()
        for name in digits.MNIST_FILES
    }
    data = digits.load_mnist(place)
    return plain([data.train.X, data.train.y, data.test.X, data.test.y])


def settings_read(place: Path, whole: Path) -> Any:
    """`backlight train mlp --settings FILE`, up to the training."""
    from cyclopts.config import Toml

    words, file = settings_file(["train", "mlp", "--settings", str(place / "settings.toml")])
    app.config = [Toml(file, must_exist=True, allow_unknown=False)] if file else []
    _, bound, _ = app.parse_args(words, exit_on_error=True, print_error=True)
    return plain(str(bound.arguments.get("settings")))


RUN: dict[str, Reader] = {
    "runs": listed,
    "diagnose": diagnosed,
    "report": reported,
    "compare": compared,
    "export": exported,
    "load": loaded,
}
READERS: dict[str, dict[str, Reader]] = {
    "mlp": RUN,
    "no checksums": RUN,
    "killed": {**RUN, "train --resume": resumed},
    "watched": RUN,
    "cnn": RUN,
    "study": {"runs": listed, "report": reported, "load": loaded, "rates": study_read, "study --resume": study_resumed},
    "csv": {"load_csv": csv_read},
    "idx": {"load_mnist": idx_read},
    "idx.gz": {"load_mnist": idx_read},
    "settings": {"--settings": settings_read},
}
