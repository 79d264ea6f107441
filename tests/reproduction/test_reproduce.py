"""The whole reproduction end to end, on a scale of seconds."""

import io
import json

import pytest
from rich.console import Console

from backlight.errors import RunError
from backlight.reproduction.reproduce import reproduce
from backlight.reproduction.scale import Scale

TINY = Scale(passes=40, seeds=2, data="digits", epochs=1, digits_seeds=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reproduction")
    reproduce(folder, TINY, console=Console(file=io.StringIO()))
    return folder


def test_every_row_has_its_picture(folder):
    names = {path.stem for path in (folder / "figures").iterdir()}
    assert {"s1-moons", "s7-activations", "s8-hidden-units", "s11-grid"} <= names
    assert {f"s11-grid-{activation}" for activation in ("relu", "tanh", "sigmoid")} <= names
    assert {"s12-report-relu", "s12-factorial", "s12-absorbed", "s12-mended", "s12-as-written"} <= names
    for configuration in ("relu-adam", "tanh-momentum"):
        assert {f"s18-{kind}-{configuration}" for kind in ("curves", "values", "parameters")} <= names
    assert {"s18-compared-curves", "s18-compared-spread"} <= names
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == len(names)


def test_the_report_says_first_which_run_learnt_and_why_the_other_did_not(folder):
    page = (folder / "report.html").read_text(encoding="utf-8")
    failed = page.index("No, it did not learn. The likeliest cause: logits get no gradient where they are negative")
    assert failed < page.index("Yes, it learnt.") < page.index("What sets them apart</h2>")
    assert "output_derivative" in page


def test_every_claim_has_a_verdict_and_intervals(folder):
    document = json.loads((folder / "claims.json").read_text(encoding="utf-8"))
    codes = [claim["code"] for claim in document["claims"]]
    assert codes == ["C1", "C2", "C3", "C4", "C5", "C5′", "C6", "C7", "C8", "C9"]
    for claim in document["claims"]:
        assert claim["verdict"] in ("holds", "does not hold", "cannot tell")
        for part in claim["measurements"]:
            assert part["n"] <= 2
            if None not in (part["low"], part["high"]):
                assert part["low"] <= part["estimate"] <= part["high"]


def test_the_factorial_is_whole(folder):
    text = (folder / "riddle.md").read_text(encoding="utf-8")
    assert sum(line.startswith("| relu [2,4,3,2,2] |") for line in text.splitlines()) == 8 + 3 + 1


def test_a_second_call_only_draws(folder, monkeypatch):
    runs = {path: path.stat().st_mtime_ns for path in (folder / "runs").glob("*/run.sqlite")}
    populations = {path: path.stat().st_mtime_ns for path in (folder / "population").iterdir()}
    reproduce(folder, TINY, console=Console(file=io.StringIO()))
    assert all(path.stat().st_mtime_ns == before for path, before in {**runs, **populations}.items())


def test_a_folder_of_another_scale_is_refused(folder):
    other = Scale(passes=40, seeds=2, data="digits", epochs=2, digits_seeds=2)
    with pytest.raises(RunError, match="holds a run with other settings"):
        reproduce(folder, other, console=Console(file=io.StringIO()))
