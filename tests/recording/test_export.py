"""What was exported, read back by other programs' own readers, is what the run holds."""

import csv
import sys

import numpy as np
import pyarrow.parquet
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from backlight.errors import MissingExtraError, RunError, SettingsError
from backlight.recording.export import SHARES, export, export_table, export_tensorboard
from backlight.recording.run import Run
from backlight.recording.run_writer import RunWriter
from backlight.recording.summarise import Units, summarise_arrays

STEPS = (0, 3, 4, 10)
QUANTILES = ("q01", "q05", "q25", "q50", "q75", "q95", "q99")
TAKEN = ("count", "nan", "positive_infinity", "negative_infinity", "zeros", "minimum", "maximum", "mean", "deviation",
         "norm", "dead_share", "saturated_share")  # fmt: skip


def fill(writer, rng):
    for step in STEPS:
        values = rng.normal(size=(30, 4)).astype(np.float32)
        values[:, 2] = -1
        values[0, :3] = np.nan, np.inf, -np.inf
        broken = np.full(3, np.nan)
        arrays = {"param/w": rng.normal(size=7), "act/a": values, "act/broken": broken}
        writer.scalars(step, {"train/loss": rng.normal(), "train/rate": np.nan if step == 3 else 0.1})
        writer.tensors(step, summarise_arrays(arrays, {"act/a": Units(4, 1)}))
    writer.scalars(12, {"test/accuracy": 0.9})


@pytest.fixture
def run(tmp_path, rng):
    with RunWriter(tmp_path / "run") as writer:
        fill(writer, rng)
    return Run.open(tmp_path / "run")


def read_events(folder):
    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0})
    accumulator.Reload()
    tags = accumulator.Tags()
    scalars = {tag: [(e.step, e.value) for e in accumulator.Scalars(tag)] for tag in tags["scalars"]}
    histograms = {tag: [(e.step, e.histogram_value) for e in accumulator.Histograms(tag)] for tag in tags["histograms"]}
    return scalars, histograms


def test_an_exported_event_file_says_what_the_run_would_have_written_itself(tmp_path, run):
    with RunWriter(tmp_path / "twin") as writer:
        writer.add_event_file("net/")
        fill(writer, np.random.default_rng(0))
    export_tensorboard(run, tmp_path / "out", "net/")
    (scalars, histograms), (own_scalars, own_histograms) = map(
        read_events, (tmp_path / "out", writer.folder / "tensorboard")
    )
    assert histograms == own_histograms
    assert scalars.keys() == own_scalars.keys()
    for tag, values in own_scalars.items():
        np.testing.assert_array_equal(scalars[tag], values)
    assert {"train/loss", "net/act/a/mean", "net/act/broken/mean"} <= scalars.keys()
    assert set(histograms) == {"net/act/a/hist", "net/param/w/hist"}


def test_events_stand_in_order_of_step(tmp_path, run):
    export_tensorboard(run, tmp_path / "out")
    scalars, _ = read_events(tmp_path / "out")
    assert [step for step, _ in scalars["act/a/std"]] == list(STEPS)
    for name in ("train/loss", "test/accuracy"):
        steps, values = run.scalar(name)
        np.testing.assert_array_equal(scalars[name], np.column_stack([steps, values.astype(np.float32)]))


def expected_rows(run):
    for name in run.tensor_order():
        for step, summary in zip(*run.tensor(name), strict=True):
            statistics = {field: getattr(summary, field) for field in TAKEN} | {"units": len(summary.live)}
            quantiles = dict(zip(QUANTILES, summary.quantiles(SHARES).tolist(), strict=True))
            yield {"name": name, "step": int(step), **statistics, **quantiles}


def expected_scalars(run):
    for name in run.scalar_names():
        for step, value in zip(*run.scalar(name), strict=True):
            yield {"name": name, "step": int(step), "value": float(value)}


def assert_same_rows(rows, expected):
    assert len(rows) == len(expected) > 0
    for row, wanted in zip(rows, expected, strict=True):
        assert row.keys() == wanted.keys()
        for column, value in wanted.items():
            np.testing.assert_equal(row[column], value, err_msg=column)


def test_parquet_holds_every_value(tmp_path, run):
    paths = export_table(run, tmp_path / "t.parquet")
    assert paths == (tmp_path / "t.parquet", tmp_path / "t-scalars.parquet")
    tensors, scalars = map(pyarrow.parquet.read_table, paths)
    assert_same_rows(tensors.to_pylist(), list(expected_rows(run)))
    assert_same_rows(scalars.to_pylist(), list(expected_scalars(run)))
    assert str(tensors.schema.field("count").type) == "int64"


def read_csv(path, whole):
    kinds = {"name": str} | dict.fromkeys(whole, int)
    with open(path, encoding="utf-8", newline="") as file:
        return [{name: kinds.get(name, float)(text) for name, text in row.items()} for row in csv.DictReader(file)]


def test_csv_holds_every_value(tmp_path, run):
    paths = export_table(run, tmp_path / "t.csv")
    assert paths == (tmp_path / "t.csv", tmp_path / "t-scalars.csv")
    whole = {"step", "count", "nan", "positive_infinity", "negative_infinity", "zeros", "units"}
    assert_same_rows(read_csv(paths[0], whole), list(expected_rows(run)))
    assert_same_rows(read_csv(paths[1], {"step"}), list(expected_scalars(run)))


@pytest.mark.parametrize("to", ["csv", "parquet", "tensorboard"])
def test_an_empty_run_gives_an_empty_export(tmp_path, to):
    with RunWriter(tmp_path / "run") as writer:
        pass
    paths = export(Run.open(writer.folder), to)
    assert all(path.is_file() for path in paths)
    if to == "csv":
        assert [len(path.read_text(encoding="utf-8").splitlines()) for path in paths] == [1, 1]
    if to == "parquet":
        assert [pyarrow.parquet.read_table(path).num_rows for path in paths] == [0, 0]
        assert str(pyarrow.parquet.read_schema(paths[0]).field("name").type) == "string"


def test_values_at_the_edge_of_float64_and_tensors_without_values(tmp_path):
    with RunWriter(tmp_path / "run") as writer:
        arrays = {"act/huge": np.array([1e300, 2e300]), "act/none": np.zeros((0, 3))}
        writer.tensors(0, summarise_arrays(arrays, {"act/none": Units(3, 1)}))
    path, _ = export_table(Run.open(tmp_path / "run"), tmp_path / "t.parquet")
    table = pyarrow.parquet.read_table(path)
    assert table["norm"].to_pylist() == [np.inf, 0.0]
    np.testing.assert_equal(table["saturated_share"].to_pylist(), [np.nan, np.nan])


def test_places_inside_the_run_folder(run):
    for to in ("parquet", "csv"):
        assert export(run, to) == [run.folder / f"tensors.{to}", run.folder / f"tensors-scalars.{to}"]
    (path,) = export(run, "tensorboard")
    assert path.parent == run.folder / "tensorboard"


def test_event_files_are_not_mixed_unless_a_place_is_named(tmp_path, run):
    export(run, "tensorboard")
    with pytest.raises(RunError, match="holds event files already; name another folder with --out"):
        export(run, "tensorboard")
    assert len(list((run.folder / "tensorboard").iterdir())) == 1
    assert export(run, "tensorboard", tmp_path / "other")[0].is_file()


def test_places_that_make_no_sense(tmp_path, run):
    with pytest.raises(SettingsError, match=r"ends in \.csv"):
        export(run, "csv", tmp_path / "t.parquet")
    with pytest.raises(SettingsError, match=r"must end in \.parquet or \.csv"):
        export_table(run, tmp_path / "t.xlsx")
    with pytest.raises(SettingsError, match="there is no folder"):
        export(run, "csv", tmp_path / "absent" / "t.csv")


def test_a_missing_package_is_named_and_nothing_is_written(tmp_path, run, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"backlight\[study\]"):
        export_table(run, tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == [run.folder]
