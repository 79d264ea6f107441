import json
import re

import numpy as np
import pytest

from backlight.errors import RunError, SettingsError
from backlight.recording.compare import compare
from backlight.recording.comparison import Difference
from backlight.recording.run import Run
from backlight.recording.run_writer import RunWriter
from backlight.recording.seals import write_json
from backlight.recording.summarise import Units, summarise_arrays

NAMES = ("param/one", "param/two", "grad/one", "grad/two", "act/one", "act/two", "update/one", "update/two")
STEPS = range(6)


def arrays_of(step):
    """The same values in every run."""
    rng = np.random.default_rng(step)
    return {name: rng.normal(size=(8, 5)).astype(np.float32) for name in NAMES}


def write(folder, change=lambda step, arrays: None, steps=STEPS, settings=None):
    """A run whose values `change` may alter in place, step by step."""
    with RunWriter(folder, ("train",), settings) as writer:
        for step in steps:
            arrays = arrays_of(step)
            change(step, arrays)
            writer.tensors(step, summarise_arrays(arrays, {"act/one": Units(5, 1)}))
    return Run.open(folder)


def changed(step, *names, by=1.0):
    def change(now, arrays):
        if now >= step:
            for name in names:
                arrays[name][0, 0] += by

    return change


@pytest.fixture
def plain(tmp_path):
    return write(tmp_path / "plain")


def test_equal_runs_do_not_part(plain, tmp_path):
    found = compare(plain, write(tmp_path / "b"))
    assert found.first is None
    assert found.compared == len(NAMES) * len(STEPS)
    assert [found.tensors, found.norm, found.scalars, found.unshared] == [(), None, (), ()]
    assert found.settings == found.environment == {}
    assert found.lines() == ["the runs do not part: none of 48 records of tensors differs"]


def test_the_first_step_and_all_that_differs_there(plain, tmp_path):
    found = compare(plain, write(tmp_path / "b", changed(2, "act/two")))
    assert (found.first.step, found.first.name) == (2, "act/two")
    before, after = (run.tensor("act/two")[1][2] for run in (plain, Run.open(tmp_path / "b")))
    for difference in found.first.differences[:2]:
        assert difference.a == getattr(before, difference.field)
        assert difference.b == getattr(after, difference.field)
    assert [difference.field for difference in found.first.differences[:2]] == ["mean", "variance"]
    assert re.match(r"the runs part at step 2 in act/two \(mean \S+ and \S+\)$", found.lines()[0])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("act/two", "act/one", "grad/one", "grad/two"), ["act/one", "act/two", "grad/two", "grad/one"]),
        (("update/one", "grad/one", "grad/two"), ["grad/two", "grad/one", "update/one"]),
        (("update/two", "act/one", "param/two"), ["param/two", "act/one", "update/two"]),
    ],
)
def test_within_a_step_gradients_come_about_against_the_forward_order(plain, tmp_path, names, expected):
    found = compare(plain, write(tmp_path / "b", changed(3, *names)))
    assert [each.name for each in found.tensors] == expected
    assert {each.step for each in found.tensors} == {3}


def test_an_earlier_step_comes_before_an_earlier_place(plain, tmp_path):
    def change(step, arrays):
        changed(4, "param/one")(step, arrays)
        changed(3, "update/two")(step, arrays)

    found = compare(plain, write(tmp_path / "b", change))
    assert [(each.step, each.name) for each in found.tensors] == [(3, "update/two"), (4, "param/one")]


def with_histogram(folder, values):
    """A run whose statistics are those of fixed values, whatever the histogram holds."""
    packed = summarise_arrays({"act/x": np.array([0.0, 1.0, 4.0])})["act/x"]
    other = summarise_arrays({"act/x": np.array(values)})["act/x"]
    with RunWriter(folder) as writer:
        writer.tensors(7, {"act/x": packed._replace(histogram=other.histogram)})
    return Run.open(folder)


def test_runs_that_part_in_one_histogram_cell(tmp_path):
    a, b = with_histogram(tmp_path / "a", [0, 1, 4.0]), with_histogram(tmp_path / "b", [0, 1, 1.1, 4])
    found = compare(a, b)
    assert found.first.differences == (Difference("histogram", 1, 2, "values from 1 to 1.25"),)
    assert found.lines() == ["the runs part at step 7 in act/x (histogram, values from 1 to 1.25: 1 and 2)"]
    assert compare(a, b, tolerance=1e-9).first is None


def test_units_that_part(plain, tmp_path):
    def kill(step, arrays):
        if step == 5:
            arrays["act/one"][:, 3] = -1

    found = compare(plain, write(tmp_path / "b", kill))
    assert Difference("live", 1, 0, "unit 3") in found.first.differences


def test_another_number_of_units_parts(tmp_path):
    runs = []
    for units in (2, 3):
        with RunWriter(tmp_path / str(units)) as writer:
            writer.tensors(0, summarise_arrays({"act/x": np.ones((1, 6))}, {"act/x": Units(units, 6 // units)}))
        runs.append(Run.open(tmp_path / str(units)))
    assert compare(*runs).first.differences == (Difference("units", 2, 3),)


def test_nan_in_one_run_parts_and_nan_in_both_does_not(plain, tmp_path):
    b = write(tmp_path / "b", changed(2, "grad/two", by=np.nan))
    assert compare(plain, b, tolerance=0.5).first.differences[0] == Difference("nan", 0, 1)
    document = json.loads(json.dumps(compare(plain, b).document(), allow_nan=False))
    assert (document["first"]["name"], document["first"]["step"]) == ("grad/two", 2)
    assert compare(b, write(tmp_path / "c", changed(2, "grad/two", by=np.nan))).first is None


def test_a_tensor_that_is_nan_throughout(tmp_path):
    def spoil(step, arrays):
        arrays["act/one"][:] = np.nan

    a, b = write(tmp_path / "a", spoil), write(tmp_path / "b", spoil)
    assert compare(a, b).first is None
    document = compare(a, write(tmp_path / "c")).document()
    means = [each for each in document["first"]["differences"] if each["field"] == "mean"]
    assert [each["a"] for each in means] == ["nan"]


@pytest.mark.parametrize(("tolerance", "parts"), [(0.0, True), (0.0009, True), (0.0011, False)])
def test_a_tolerance_is_relative(tmp_path, tolerance, parts):
    runs = []
    for name, factor in (("a", 1.0), ("b", 1.001)):
        with RunWriter(tmp_path / name) as writer:
            values = np.array([-2e6, 1e6, 3e6]) * factor
            writer.tensors(0, summarise_arrays({"param/x": values}))
            writer.norms(0, ["param/x"], np.array([factor], np.float32))
            writer.scalars(0, {"loss": 1e-9 * factor})
        runs.append(Run.open(tmp_path / name))
    found = compare(*runs, tolerance)
    assert bool(found.tensors) == bool(found.norm) == bool(found.scalars) == parts


def test_infinity_is_not_close_to_a_number(tmp_path):
    runs = []
    for value in (1.0, np.inf):
        with RunWriter(tmp_path / str(value)) as writer:
            writer.scalars(0, {"loss": value})
        runs.append(Run.open(tmp_path / str(value)))
    assert [each.name for each in compare(*runs, tolerance=0.1).scalars] == ["loss"]
    assert not compare(runs[1], runs[1], tolerance=0.1).scalars


@pytest.mark.parametrize("tolerance", [-0.1, float("nan"), float("inf")])
def test_tolerances_that_make_no_sense(plain, tolerance):
    with pytest.raises(SettingsError, match="tolerance must be a number of at least 0"):
        compare(plain, plain, tolerance)


def test_only_shared_steps_and_tensors_are_compared(tmp_path):
    def drop(step, arrays):
        changed(0, "act/one")(step, arrays)
        del arrays["update/two"]

    a = write(tmp_path / "a", changed(3, "act/one"), steps=[0, 1, 2, 3, 6, 9, 12])
    b = write(tmp_path / "b", drop, steps=[3, 6, 9, 10])
    found = compare(a, b)
    assert found.compared == (len(NAMES) - 1) * 3
    assert found.first is None
    assert (found.only_a, found.only_b) == (("update/two",), ())
    assert {each.name for each in found.unshared} == set(NAMES) - {"update/two"}
    assert {(each.a, each.b) for each in found.unshared} == {(((0, 2), (12, 12)), ((10, 10),))}
    only_a = next(line for line in found.lines() if "steps 0 to 2" in line)
    assert only_a.startswith(f"only {a.folder} recorded param/one, param/two")
    assert only_a.endswith("at steps 0 to 2, step 12")


def test_runs_without_a_common_step(plain, tmp_path):
    found = compare(plain, write(tmp_path / "b", steps=[100]))
    assert (found.first, found.compared) == (None, 0)
    assert found.lines()[0].startswith("no tensor can be compared")


def write_norms(folder, recorded, changes, rounding=0.0, by=1.0):
    """Summaries at the steps `recorded`, norms at all: changed from the step `changes` on, rounded where none other."""
    with RunWriter(folder) as writer:
        for step in range(10):
            norm = 3.0 + (by if step >= changes else 0)
            if step in recorded:
                writer.tensors(step, summarise_arrays({"grad/x": np.array([norm])}))
            else:
                norm += rounding
            writer.norms(step, ["grad/x"], np.array([norm], np.float32))
    return Run.open(folder)


def test_norms_tell_an_earlier_step(tmp_path):
    a, b = write_norms(tmp_path / "a", {0, 5}, 99), write_norms(tmp_path / "b", {0, 5}, 3)
    found = compare(a, b)
    assert (found.norm.step, found.norm.differences) == (3, (Difference("norm", 3.0, 4.0),))
    assert found.tensors[0].step == 5
    assert found.lines()[0] == "the runs part at step 3 in grad/x (norm 3 and 4)"
    assert any(line.startswith("tensors that differ (1): at step 5") for line in found.lines())


def test_norms_that_were_computed_differently_may_be_rounded_differently(tmp_path):
    a, b = write_norms(tmp_path / "a", {0, 3, 5}, 99, 1e-6), write_norms(tmp_path / "b", {0, 5}, 99, 1e-6)
    assert a.norms("grad/x")[1][3] != b.norms("grad/x")[1][3]
    assert compare(a, b).norm is None


@pytest.mark.parametrize("by", [np.nan, np.inf, 0.1])
def test_a_step_that_one_run_recorded_because_of_what_it_saw(tmp_path, by):
    a, b = write_norms(tmp_path / "a", {0, 9}, 99), write_norms(tmp_path / "b", {0, 3, 9}, 3, by=by)
    found = compare(a, b)
    assert (found.first.step, found.first.name) == (3, "grad/x")
    np.testing.assert_allclose(found.first.differences[0].b, 3 + by, rtol=1e-6)


def test_scalars_settings_and_environment_that_differ(tmp_path):
    for name, seed in (("a", 1), ("b", 2)):
        with RunWriter(tmp_path / name, ("train", "mlp"), {"seed": seed, "rate": 0.1, name: True}) as writer:
            for step in range(4):
                writer.scalars(step, {"loss": float("nan"), "late": max(step, 2.0 * seed), "own/" + name: 1.0})
    path = tmp_path / "b" / "environment.json"
    environment = json.loads(path.read_text(encoding="utf-8"))
    environment["versions"]["numpy"] = "1.0"
    del environment["crc32"]
    write_json(path, "environment", environment | {"processor": "another"})
    found = compare(Run.open(tmp_path / "a"), Run.open(tmp_path / "b"))
    assert [(each.step, each.name) for each in found.scalars] == [(0, "late")]
    assert found.settings == {"seed": (1, 2), "a": (True, None), "b": (None, True)}
    assert found.environment["numpy"] == (np.__version__, "1.0")
    assert set(found.environment) == {"numpy", "processor"}
    assert "settings: seed 1 and 2" in found.lines()


def test_a_damaged_environment_is_named(plain, tmp_path):
    b = write(tmp_path / "b")
    (tmp_path / "b" / "environment.json").write_text("{", encoding="utf-8")
    with pytest.raises(RunError, match=r"environment\.json: cannot be read"):
        compare(plain, b)


def test_numbers_are_told_apart_to_the_last_digit(tmp_path):
    packed = summarise_arrays({"x": np.array([1.0, 2.0])})["x"]
    runs = []
    for mean in (1.5, np.nextafter(1.5, 2)):
        with RunWriter(tmp_path / str(mean)) as writer:
            writer.tensors(0, {"act/x": packed._replace(mean=float(mean))})
        runs.append(Run.open(tmp_path / str(mean)))
    assert compare(*runs).lines()[0] == "the runs part at step 0 in act/x (mean 1.5 and 1.5000000000000002)"
