"""A fast share of `make bench-damage`: what is damaged is refused, told or read right; and the judge can tell."""

import json
import random

import pytest
from benchmarks.damage.harm import HARMS
from benchmarks.damage.originals import make
from benchmarks.damage.trial import WRONG, Case, files_of, judged, only_less, tried, undamaged

KINDS = ("mlp", "killed", "csv", "settings")


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    place = tmp_path_factory.mktemp("originals")
    return {kind: make(kind, place) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_refused_or_told(originals, kind, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    right = undamaged(kind, originals[kind])
    pairs = [(file, harm) for file in files_of(kind, originals[kind]) for harm in HARMS]
    chosen = random.Random(kind).sample(pairs, min(len(pairs), 8))
    for number, (file, harm) in enumerate(chosen):
        found = tried(Case(kind, file, harm, number), originals, right)
        assert not set(found["verdicts"].values()) & set(WRONG), (file, harm, found)
        assert found.get("repair") in (None, "whole again", "with losses"), (file, harm, found)


def test_a_wrong_number_and_a_traceback_are_told_from_right_ones():
    case = Case("mlp", "run/run.sqlite", "bits turned", 0)
    right = ["answer", {"tensors": 3, "status": "finished"}]
    assert judged(case, "runs", right, right, "") == "same"
    assert judged(case, "runs", ["answer", {"tensors": 2, "status": "finished"}], right, "") == "wrong"
    assert judged(case, "runs", ["refused", "x/run.sqlite: 1 of its pages"], right, "") == "refused"
    assert judged(case, "load", ["refused", "something is wrong"], right, "") == "wrong"
    assert judged(case, "load", ["traceback", "KeyError"], right, "") == "traceback"
    assert judged(case, "report", ["answer", ["loss 0.5"]], ["answer", ["loss 0.4"]], "") == "wrong"
    assert judged(case, "report", ["answer", ["it cannot be drawn"]], ["answer", ["loss 0.4"]], "") == "told"


def test_a_repaired_run_may_hold_less_and_nothing_else():
    whole = json.loads(json.dumps({"loss": [[0, 1.0], [1, 0.5]], "settings": [["train"], {"seed": 1}]}))
    assert only_less({"loss": [[1, 0.5]], "settings": [[], {}]}, whole)
    assert not only_less({"loss": [[1, 0.4]], "settings": [[], {}]}, whole)
    assert not only_less({"loss": [], "settings": [["train"], {"seed": 2}]}, whole)
