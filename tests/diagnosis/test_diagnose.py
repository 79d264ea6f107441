"""The order of findings, muting, and the command line."""

import json

import pytest

from backlight.cli import main
from backlight.diagnosis.diagnose import RULES, diagnose, in_order, strength
from backlight.diagnosis.finding import Diagnosis, Evidence, Finding
from backlight.errors import RunError, SettingsError
from tests.diagnosis import runs


def finding(name, value=2.0, severity="slows", bound=1.0):
    return Finding(name, severity, (Evidence("a number", value, bound, "above"),))


def names(findings):
    return [each.name for each in findings]


def test_the_first_level_that_fails_holds_the_causes():
    mixed = [finding("overfitting"), finding("dead-units"), finding("softmax-before-loss"), finding("born-dead")]
    causes, later = in_order(mixed)
    assert names(causes) == ["softmax-before-loss"]
    assert names(later) == ["born-dead", "dead-units", "overfitting"]


def test_notes_fail_no_level_and_come_last():
    causes, later = in_order([finding("frozen-parameters", severity="note"), finding("dead-units")])
    assert names(causes) == ["dead-units"]
    assert names(later) == ["frozen-parameters"]
    assert in_order([finding("frozen-parameters", severity="note")])[0] == ()


def test_within_a_level_the_cause_then_what_prevents_then_the_stronger():
    level = [
        finding("dead-units", 50.0, "prevents"),
        finding("saturated-units", 1.5),
        finding("vanishing-gradients", 4.0),
        finding("learning-rate-too-high", 1.1),
    ]
    assert names(in_order(level)[0]) == [
        "learning-rate-too-high", "vanishing-gradients", "dead-units", "saturated-units"
    ]  # fmt: skip
    without = names(in_order(level[:3])[0])
    assert without == ["vanishing-gradients", "dead-units", "saturated-units"]


@pytest.mark.parametrize(("value", "bound", "expected"), [(4.0, 2.0, 0.693), (2.0, 4.0, 0.693), (1.0, 0.0, 10.0)])
def test_strength_is_the_distance_from_the_bound(value, bound, expected):
    assert strength(finding("dead-units", value, bound=bound)) == pytest.approx(expected, abs=1e-3)


def test_every_cause_is_a_rule():
    from backlight.diagnosis.catalogue import CAUSES

    assert set(RULES) == set(CAUSES)


@pytest.mark.parametrize("name", ["BL123", "constant-initialisation"])
def test_muted_rules_are_not_asked(name, tmp_path):
    folder = runs.mlp(tmp_path / "run", network=runs.constant_weights, steps=100)
    found = diagnose(folder, mute=[name])
    assert "constant-initialisation" not in (*found.causes, *found.passed, *dict(found.skipped))
    assert "constant-initialisation" in diagnose(folder).causes


def test_what_cannot_be_diagnosed_or_muted(tmp_path):
    with pytest.raises(RunError, match="no run there"):
        diagnose(tmp_path)
    runs.mlp(tmp_path / "run", steps=20)
    with pytest.raises(SettingsError, match="no cause is called 'BL999'"):
        diagnose(tmp_path / "run", mute=["BL999"])


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def call(*words):
        with pytest.raises(SystemExit) as ended:
            main(["diagnose", *words])
        return ended.value.code, *capsys.readouterr()

    return call


def test_the_command_says_what_was_found_and_exits_with_1(command, tmp_path):
    runs.mlp(tmp_path / "run", activation="relu", learning_rate=30.0, layers=(2, 8, 8, 2))
    code, text, _ = command("run")
    assert code == 1
    words = " ".join(text.split())
    for part in ("run: learning-rate-too-high", "BL127, training fails", "above 0.5 (update/W", "What to try",
                 "This would speak against it", "Looked for and not found", "Could not be looked for"):  # fmt: skip
        assert part in words
    document = json.loads(command("run", "--json")[1])
    assert document["findings"][0]["code"] == "BL127"
    assert document["findings"][0]["evidence"][0]["value"] > document["findings"][0]["evidence"][0]["bound"]
    muted = json.loads(command("run", "--json", "--mute", "BL127", "dead-units")[1])
    assert not {"BL127", "BL101"} & {each["code"] for each in muted["findings"]}


def test_the_command_exits_with_0_for_a_healthy_run_and_2_for_none(command, tmp_path):
    runs.mlp(tmp_path / "run")
    code, text, _ = command("run")
    assert code == 0
    assert "nothing wrong was found" in text
    code, _, complaint = command("nowhere")
    assert code == 2
    assert "no run there" in complaint


def test_a_diagnosis_without_findings_is_healthy():
    assert Diagnosis("a run", (), (finding("frozen-parameters", severity="note"),), (), ()).healthy
    assert not Diagnosis("a run", (finding("dead-units"),), (), (), ()).healthy
