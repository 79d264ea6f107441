"""The command line as a user meets it: separate processes, exit codes, what is printed."""

import json
import re
import subprocess
import sys

import pytest

from backlight.cli.app import COMMANDS
from backlight.recording.run import Run

QUICK = ["train", "mlp", "--steps", "50", "--record-every", "25"]


@pytest.fixture
def backlight(tmp_path):
    def call(*words):
        command = [sys.executable, "-W", "error", "-m", "backlight", *words]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )

    return call


def test_help_names_the_commands(backlight):
    result = backlight("--help")
    assert result.returncode == 0
    for word in ("train", *COMMANDS):
        assert re.search(rf"│ {word} +\w", result.stdout), f"{word} says nothing of itself"


def test_train_mlp(backlight, tmp_path):
    result = backlight(*QUICK, "--json")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["run"] == "runs/mlp-moons-tanh-1"
    assert (document["finished"], document["step"]) == (True, 50)
    assert {path.rsplit("/", 1)[1] for path in document["pictures"]} == {
        "curves.png", "overview.png", "activations.png", "gradients.png", "parameters.png", "boundary.png"
    }  # fmt: skip
    assert all((tmp_path / picture).stat().st_size > 1000 for picture in document["pictures"])
    assert document["test/accuracy"] == Run.open(tmp_path / document["run"]).scalar("test/accuracy")[1][-1]
    assert json.loads(backlight(*QUICK, "--json").stdout)["run"] == "runs/mlp-moons-tanh-2"


def test_settings_of_a_run_can_be_rerun_and_overridden(backlight, tmp_path):
    backlight(*QUICK, "--run", "a", "--seed", "4")
    again = backlight("train", "mlp", "--settings", "a/settings.toml", "--run", "b")
    assert again.returncode == 0, again.stderr
    other = backlight("train", "mlp", "--settings", "a/settings.toml", "--run", "c", "--seed", "5")
    assert other.returncode == 0, other.stderr
    losses = [Run.open(tmp_path / name).scalar("train/loss")[1].tolist() for name in "abc"]
    assert losses[0] == losses[1] != losses[2]
    assert Run.open(tmp_path / "c").settings["steps"] == 50


def test_settings_of_another_command_are_refused(backlight, tmp_path):
    backlight(*QUICK, "--run", "a")
    (tmp_path / "flat.toml").write_text("learning_rate = 0.3\n", encoding="utf-8")
    for words in (["train", "cnn", "--settings", "a/settings.toml"], ["train", "mlp", "--settings=flat.toml"]):
        result = backlight(*words)
        assert result.returncode == 1
        assert "holds settings of" in result.stderr
    assert not (tmp_path / "runs").exists()


def test_train_on_a_csv(backlight, tmp_path):
    rows = [f"{x / 10},{(x * 7 % 11) / 10},{int(x > 20)}" for x in range(40)]
    (tmp_path / "mine.csv").write_text("a,b,class\n" + "\n".join(rows), encoding="utf-8")
    result = backlight(*QUICK, "--data", "mine.csv", "--run", "mine")
    assert result.returncode == 0, result.stderr
    assert "test/accuracy" in result.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((*QUICK, "--learning-rate", "nan"), "learning_rate must be a number above 0, not nan"),
        ((*QUICK, "--data", "absent.csv"), "absent.csv: no such file"),
        ((*QUICK, "--data", "bad.csv"), "bad.csv, line 2, column 1: 'x' is not a number"),
        ((*QUICK, "--layers", "2,0,2"), "layer widths"),
        ((*QUICK, "--layers", "3,2"), "do not fit moons"),
        ((*QUICK, "--activation", "rleu"), "rleu"),
        (("train", "mlp", "--resume"), "--resume needs --run"),
        (("train", "mlp", "--resume", "--run", "absent"), "absent: no run there"),
        (("train", "cnn", "--data", "mnist", "--data-dir", "."), "no MNIST there"),
        (("train", "cnn", "--epochs", "0"), "epochs must be a number above 0"),
        (("train", "mlp", "--settings", "absent.toml"), "absent.toml"),
        ((*QUICK, "--run", "bad.csv"), "bad.csv: cannot be written"),
        ((*QUICK, "--layers", "2,99999999999,2"), "not enough memory"),
        (("train", "mlp", "--settings", "typo.toml"), "lerning"),
    ],
)
def test_bad_input_is_one_clear_complaint_and_nothing_is_trained(backlight, tmp_path, words, complaint):
    (tmp_path / "bad.csv").write_text("1,2,0\nx,1,1\n", encoding="utf-8")
    (tmp_path / "typo.toml").write_text("[train.mlp]\nlerning_rate = 0.1\n", encoding="utf-8")
    result = backlight(*words)
    assert result.returncode in (1, 2)
    assert complaint in result.stderr + result.stdout
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "runs").exists()


def test_a_resumed_run_keeps_its_settings(backlight):
    backlight(*QUICK, "--run", "a")
    result = backlight("train", "mlp", "--run", "a", "--resume", "--learning-rate", "0.7")
    assert result.returncode == 1
    assert "learning_rate was given another value" in result.stderr


def test_importing_takes_little_time():
    """Generous against noise; the figure itself is measured with the benchmarks."""
    code = "import time; t = time.perf_counter(); import backlight; print(time.perf_counter() - t)"
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    ]
    assert min(times) < 0.3


@pytest.fixture
def two_runs(backlight):
    for name, seed in (("runs/a", "1"), ("runs/b", "2")):
        result = backlight(*QUICK, "--run", name, "--seed", seed)
        assert result.returncode == 0, result.stderr


@pytest.mark.usefixtures("two_runs")
def test_runs_are_listed(backlight, tmp_path):
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "run.sqlite").write_bytes(b"nothing" * 100)
    result = backlight("runs")
    assert result.returncode == 0, result.stderr
    header, *rows = result.stdout.splitlines()
    assert header.split()[:3] == ["run", "command", "status"]
    assert [row.split()[0] for row in rows] == ["a", "b", "broken"]
    assert "train mlp  finished" in rows[0]
    assert "damaged" in rows[2]
    document = json.loads(backlight("runs", "runs", "--json").stdout)
    assert [each["folder"] for each in document] == ["runs/a", "runs/b", "runs/broken"]
    assert (document[0]["status"], document[0]["last_step"]) == ("finished", 50)
    assert "file is not a database" in document[2]["error"]


def test_runs_of_a_folder_without_any(backlight, tmp_path):
    absent = backlight("runs")
    assert (absent.returncode, absent.stdout) == (1, "")
    assert "runs: no such folder" in absent.stderr
    assert backlight("runs", ".").stdout == "no run below .\n"


@pytest.mark.usefixtures("two_runs")
def test_two_runs_are_compared(backlight):
    result = backlight("compare", "runs/a", "runs/b")
    assert result.returncode == 0, result.stderr
    first, *rest = result.stdout.splitlines()
    assert first.startswith("the runs part at step 0 in ")
    assert "settings: seed 1 and 2" in rest
    document = json.loads(backlight("compare", "runs/a", "runs/b", "--json").stdout)
    assert (document["first"]["step"], document["settings"]) == (0, {"seed": [1, 2]})
    same = backlight("compare", "runs/a", "runs/a", "--tolerance", "0.1")
    assert same.returncode == 0
    assert same.stdout.startswith("the runs do not part")


@pytest.mark.usefixtures("two_runs")
@pytest.mark.parametrize("to", ["tensorboard", "parquet", "csv"])
def test_a_run_is_exported(backlight, tmp_path, to):
    result = backlight("export", "runs/a", "--to", to)
    assert result.returncode == 0, result.stderr
    written = [tmp_path / line for line in result.stdout.splitlines()]
    assert len(written) == (1 if to == "tensorboard" else 2)
    assert all(path.stat().st_size > 100 for path in written)
    assert all((tmp_path / "runs" / "a") in path.parents for path in written)
    again = backlight("export", "runs/a", "--to", to)
    assert again.returncode == (1 if to == "tensorboard" else 0)
    assert "Traceback" not in again.stderr


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("compare", "absent", "absent"), "absent: no run there"),
        (("export", "absent", "--to", "csv"), "absent: no run there"),
        (("export", "absent", "--to", "excel"), "excel"),
    ],
)
def test_runs_that_are_not_there(backlight, words, complaint):
    result = backlight(*words)
    assert result.returncode in (1, 2)
    assert complaint in result.stderr + result.stdout
    assert "Traceback" not in result.stderr
