import csv
import io
import json

import numpy as np
import pytest

from backlight.cli import main
from backlight.data.points import load_points
from backlight.engine.population import Population
from backlight.engine.train import train_population
from backlight.errors import BacklightError, RunError, SettingsError
from backlight.intervals import rate_difference, rate_interval, seeds_to_tell
from backlight.reports.html.report import report
from backlight.training.run_study import run_study, study
from backlight.training.settings import StudySettings, as_swept
from backlight.training.study import Study, study_conditions

SMALL = {"layers": [[2, 3, 2], [2, 5, 2]], "activation": ["relu", "tanh"], "seeds": 6, "steps": 80}


def quiet(folder, **settings):
    return study(folder, stream=io.StringIO(), **settings)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return quiet(tmp_path_factory.mktemp("studies") / "small", **SMALL)


def test_every_combination_once():
    settings = StudySettings(layers=("2,3,2", "2,5,2"), l2=(0.0, 0.1, 0.1), noise=(0.1, 0.2))
    conditions = study_conditions(settings)
    assert len(conditions) == len(set(conditions)) == 8
    assert {condition.layers for condition in conditions} == {(2, 3, 2), (2, 5, 2)}


def test_a_network_of_a_study_is_that_of_its_seed(small):
    outcome = small.outcome(layers=[2, 5, 2], activation="tanh")
    data = [load_points("moons", 200, 1000, 0.2, 2, seed=4)]
    alone = train_population(Population.initialised((2, 5, 2), "tanh", [4]), data, 80)
    np.testing.assert_array_equal(outcome.parameters[4], alone.parameters[0])
    np.testing.assert_array_equal(outcome.test_accuracy[:, 4], alone.test_accuracy[:, 0])


def test_the_table_has_a_row_per_network(small, tmp_path):
    frame = small.to_pandas()
    assert len(frame) == small.total == 24
    assert frame.groupby(["layers", "activation"]).size().eq(6).all()
    success = frame[(frame.layers == "2,3,2") & (frame.activation == "tanh")].success
    (rate,) = [
        rate for condition, rate in small.rates() if condition == small.find(layers=[2, 3, 2], activation="tanh")
    ]
    assert rate == rate_interval(success)
    small.to_csv(tmp_path / "table.csv")
    with open(tmp_path / "table.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["test_accuracy"]) for row in rows] == list(frame.test_accuracy)
    small.to_parquet(tmp_path / "table.parquet")
    import pandas

    pandas.testing.assert_frame_equal(pandas.read_parquet(tmp_path / "table.parquet"), frame)


def test_seeds_in_blocks_are_the_same_networks(small, tmp_path, monkeypatch):
    whole = [small.outcome(condition) for condition in small.conditions]
    monkeypatch.setattr("backlight.training.blocks.MOST_SEEDS", 4)
    pieces = quiet(tmp_path / "pieces", **SMALL)
    assert len(pieces.blocks()) == 8
    for condition, expected in zip(pieces.conditions, whole, strict=True):
        np.testing.assert_array_equal(pieces.outcome(condition).parameters, expected.parameters)


def test_an_interrupted_study_goes_on_without_doing_anything_twice(small, tmp_path, monkeypatch):
    from backlight.training.condition import TrainingCondition

    trained, real = [], TrainingCondition.train

    def counted(condition, *arguments):
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(condition)
        return real(condition, *arguments)

    monkeypatch.setattr(TrainingCondition, "train", counted)
    folder = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        quiet(folder, **SMALL)
    half = Study.open(folder)
    with pytest.raises(RunError, match=r"1 of 1 blocks .* are missing; resume"):
        half.outcome(half.conditions[3])
    done = list(trained)
    trained.clear()
    whole = study(folder, resume=True, stream=io.StringIO())
    assert len(trained) == 2
    assert not set(trained) & set(done)
    for condition in small.conditions:
        np.testing.assert_array_equal(whole.outcome(condition).parameters, small.outcome(condition).parameters)
    trained.clear()
    again = study(folder, resume=True)
    assert not trained  # nothing is left, and what is there can be used
    assert again.rates() == whole.rates()
    with pytest.raises(RunError, match="no settings: it keeps its own"):
        study(folder, resume=True, seeds=7)
    with pytest.raises(RunError, match="already there"):
        quiet(folder, **SMALL)


def test_a_damaged_block_is_trained_again(tmp_path):
    folder = tmp_path / "study"
    result = quiet(folder, seeds=3, steps=20)
    (block,) = result.blocks()
    before = block.outcome().parameters
    block.path.write_bytes(block.path.read_bytes()[:100])
    assert block.outcome() is None
    block.run()
    np.testing.assert_array_equal(block.outcome().parameters, before)


def test_comparisons_tell_what_can_be_told(small):
    told = small.compare({"layers": [2, 3, 2], "activation": "tanh"}, {"layers": [2, 5, 2], "activation": "tanh"})
    assert told.success_rate.n == told.test_accuracy.n == 6
    assert not told.told
    assert "seeds" in str(told)
    with pytest.raises(SettingsError, match="2 conditions fit"):
        small.find(activation="relu")
    with pytest.raises(SettingsError, match="no setting 'colour'"):
        small.find(colour="blue")


def test_the_difference_of_rates_is_newcombes():
    """Newcombe 1998, table II, rows (a) and (f): 56/70 − 48/80 and 10/10 − 0/20 (method 10)."""
    yes = lambda hits, n: [True] * hits + [False] * (n - hits)  # noqa: E731  # a table of cases
    found = rate_difference(yes(48, 80), yes(56, 70))
    np.testing.assert_allclose((found.estimate, found.low, found.high), (0.2, 0.0524, 0.3339), atol=5e-5)
    extreme = rate_difference(yes(0, 20), yes(10, 10))
    np.testing.assert_allclose((extreme.low, extreme.high), (0.6791, 1.0), atol=5e-5)


def test_seeds_to_tell_are_enough(rng):
    """With that many seeds the interval leaves out 0 about four times in five."""
    for first, second in ((0.4, 0.6), (0.2, 0.9), (0.0, 0.5), (0.0, 1.0)):
        n = int(seeds_to_tell(first, second))
        pairs = [(rng.random(n) < first, rng.random(n) < second) for _ in range(300)]
        assert np.mean([rate_difference(*pair).low > 0 for pair in pairs]) > 0.72
    assert seeds_to_tell(0.3, 0.3) == float("inf")


@pytest.mark.parametrize("data", ["blobs", "spirals"])
def test_data_with_more_classes(tmp_path, data):
    result = quiet(tmp_path / data, data=data, layers=[[2, 8, 3]], seeds=2, steps=30, noise=[0.1, 0.3])
    assert [result.label(each) for each in result.conditions] == ["noise 0.1", "noise 0.3"]


def test_a_csv_is_split_anew_for_each_seed(tmp_path):
    rng = np.random.default_rng(0)
    rows = [f"{a:.3f},{b:.3f},{int(a > b)}" for a, b in rng.normal(size=(60, 2))]
    (tmp_path / "own.csv").write_text("\n".join(rows), encoding="utf-8")
    result = quiet(tmp_path / "study", data=str(tmp_path / "own.csv"), layers=[2, 4, 2], seeds=3, steps=50)
    first, second = result.conditions[0].draws([0, 1])
    assert not np.array_equal(first.train.X, second.train.X)
    assert result.total == 3


def write_points(path, rng, flip=False):
    rows = [f"{a:.3f},{b:.3f},{int((a > b) != flip)}" for a, b in rng.normal(size=(60, 2))]
    path.write_text("\n".join(rows), encoding="utf-8")


def test_a_csv_that_changes_is_read_again_and_never_mixed_into_a_study(tmp_path, monkeypatch, rng):
    monkeypatch.chdir(tmp_path)
    write_points(tmp_path / "own.csv", rng)
    settings = {"data": "own.csv", "layers": [2, 4, 2], "seeds": 3, "steps": 60}
    first = quiet(tmp_path / "first", **settings)
    write_points(tmp_path / "own.csv", rng, flip=True)
    second = quiet(tmp_path / "second", **settings)
    assert not np.array_equal(first.outcome().parameters, second.outcome().parameters)
    with monkeypatch.context() as patch:
        patch.setattr("backlight.training.run_study.train_here", interrupt)
        with pytest.raises(KeyboardInterrupt):
            quiet(tmp_path / "third", **settings)
    write_points(tmp_path / "own.csv", rng)
    monkeypatch.chdir(tmp_path / "first")  # the path was made absolute
    with pytest.raises(RunError, match="changed since this run began"):
        study(tmp_path / "third", resume=True)


def interrupt(*arguments, **keywords):
    raise KeyboardInterrupt


def test_a_study_of_another_version_is_read_but_not_gone_on_with(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("backlight.training.run_study.train_here", interrupt)
        with pytest.raises(KeyboardInterrupt):
            quiet(tmp_path / "half", seeds=3, steps=20)
    whole = quiet(tmp_path / "whole", seeds=3, steps=20)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "99")
    assert Study.open(whole.folder).rates() == whole.rates()
    with pytest.raises(RunError, match="begun by backlight"):
        study(tmp_path / "half", resume=True)


@pytest.mark.parametrize("layers", ["2,3,2", (2, 3, 2), [[2, 3, 2]], np.array([2, 3, 2]), [np.int64(2), 3, 2]])
def test_widths_in_any_form(layers):
    assert as_swept({"layers": layers, "seeds": np.int64(3)}) == {"layers": ("2,3,2",), "seeds": 3}


def test_all_networks_diverged(tmp_path):
    result = quiet(tmp_path / "study", learning_rate=1e38, l2=0.1, seeds=3, steps=60)
    assert result.outcome().diverged.all()
    assert result.rates()[0][1].estimate == 0
    assert "0% [0%, 56%] of the networks succeed." in report(result).read_text(encoding="utf-8")


def test_digits(tmp_path):
    result = quiet(tmp_path / "study", data="digits", layers=[784, 10], seeds=2, steps=5, learning_rate=0.1)
    assert result.outcome().train_loss[-1].max() < result.outcome().train_loss[0].min()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": [[2, 0, 2]]}, "layers must be two or more whole numbers"),
        ({"layers": ["2,x,2"]}, "layers must be two or more whole numbers"),
        ({"layers": []}, "layers needs at least one value"),
        ({"activation": "rleu"}, "unknown activation 'rleu'"),
        ({"optimizer": ["sgd", "adma"]}, "unknown optimizer 'adma'"),
        ({"layers": [[2, 3, 3]]}, "moons has 2 classes"),
        ({"layers": [[3, 3, 2]]}, "do not fit moons"),
        ({"learning_rate": [0.1, float("nan")]}, "learning_rate must be a number above 0, not nan"),
        ({"l2": -1.0}, "l2 must be 0 or more"),
        ({"seeds": 0}, "at least one seed"),
        ({"seeds": 10**9}, "GiB are available"),
        ({"seeds": 10, "first_seed": 2**31 - 5}, "seeds must be at most"),
        ({"success": 1.0}, "success is an accuracy to exceed"),
        ({"threads": 0}, "threads must be at least 1"),
        ({"data": "digits", "layers": [784, 10], "noise": [0.1, 0.2]}, "noise is of generated data"),
        ({"steps": 0}, "steps must be a number above 0"),
        ({"batch_size": 0}, "batch_size must be a number above 0"),
        ({"dtype": "float16"}, "float16"),
        ({"data": "stars"}, "unknown data 'stars'"),
        ({"cluster": "dask:host"}, "dask://host:8786"),
    ],
)
def test_bad_input_is_refused_before_anything_is_trained(tmp_path, settings, message):
    with pytest.raises(BacklightError, match=message):
        quiet(tmp_path / "study", **settings)
    assert not (tmp_path / "study").exists()


def test_a_seed_whose_data_cannot_be_used_is_named(tmp_path):
    with pytest.raises(BacklightError, match=r"single class .* \(with seed \d+"):
        quiet(tmp_path / "study", data="xor", samples=4, seeds=40)


def test_unknown_settings_are_named():
    with pytest.raises(SettingsError, match="unknown settings: colour"):
        quiet("never", colour="blue")


def test_the_command_writes_the_report(small, tmp_path, capsys):
    """What stands on it is tested in tests/reports."""
    run_command("report", str(small.folder), "--out", str(tmp_path / "page.html"))
    assert capsys.readouterr().out == f"{tmp_path / 'page.html'}\n"
    assert report(small.folder) == small.folder / "report.html"


def run_command(*words):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0


def test_command_line(tmp_path, capsys):
    folder, table = tmp_path / "study", tmp_path / "table.csv"
    words = ["--layers", "2,3,2", "--layers", "2,4,2", "--seeds", "4", "--steps", "30", "--run", str(folder)]
    run_command("study", *words, "--csv", str(table), "--json")
    document = json.loads(capsys.readouterr().out)
    assert [row["n"] for row in document["success_rates"]] == [4, 4]
    assert len(table.read_text(encoding="utf-8").splitlines()) == 9
    run_command("study", "--run", str(folder), "--resume", "--csv", str(table))  # nothing to train: writes again
    assert "success rate" in capsys.readouterr().out
    again = tmp_path / "again"
    run_command("study", "--settings", str(folder / "settings.toml"), "--run", str(again))
    assert "success rate" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["study", "--csv", str(tmp_path / "no" / "table.csv"), "--run", str(tmp_path / "never")])
    assert "there is no folder" in capsys.readouterr().err
    assert not (tmp_path / "never").exists()
    first, second = Study.open(folder), Study.open(again)
    np.testing.assert_array_equal(
        first.outcome(layers=[2, 3, 2]).parameters, second.outcome(layers=[2, 3, 2]).parameters
    )


def test_settings_come_back_from_the_run_folder(small):
    assert Study.open(small.folder).settings == small.settings
    with pytest.raises(RunError, match="no run there"):
        Study.open(small.folder / "figures")
    with pytest.raises(RunError, match="already there"):
        run_study(small.settings, small.folder)
