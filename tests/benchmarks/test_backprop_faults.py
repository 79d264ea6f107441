"""The benchmark's truth: right programs are right, mistakes can be seen, answers are counted as they should."""

import json
import sys

import pytest
from benchmarks.backprop_faults.answers import Answer, judged, patched
from benchmarks.backprop_faults.cases import cases
from benchmarks.backprop_faults.command import check, counted
from benchmarks.backprop_faults.operators import NAMES
from benchmarks.backprop_faults.template import changed_lines, render
from benchmarks.backprop_faults.verify import agrees

FEW = {"correct": 10, "single": 10, "pair": 5, "unknown": 5}


@pytest.fixture(scope="module", params=["dev", "test"])
def few(request):
    return cases(request.param, FEW)


def test_correct_programs_have_the_gradient_of_their_loss_and_others_have_not(few):
    for case in few:
        starts_alone = {mistake.kind for mistake in case.mistakes} == {"initialisation"}
        assert agrees(case, case.text) == (case.sort == "correct" or starts_alone), case.name


def test_the_same_seed_gives_the_same_programs(few):
    assert [case.text for case in cases(few[0].part, FEW)] == [case.text for case in few]


def test_mistakes_have_known_names_and_lines_of_the_program(few):
    for case in few:
        assert bool(case.mistakes) == (case.sort != "correct")
        for mistake in case.mistakes:
            assert set(mistake.names) <= set(NAMES)
            assert mistake.lines
            assert all(1 <= line <= case.text.count("\n") for line in mistake.lines)
        assert bool(case.tensors) == (case.sort == "unknown")


def test_lines_of_a_change():
    template = "a\n«x»\nb\n«y»"
    before = render(template, {"x": "one\ntwo", "y": "three"})
    assert before.lines_of("x") == {2, 3}
    assert changed_lines(before, render(template, {"x": "one\n2", "y": "three"})) == {3}
    assert changed_lines(before, render(template, {"x": "one", "y": "three"})) == {2, 3}  # where it was taken out


def finding(case, **other):
    mistake = case.mistakes[0]
    return {
        "name": mistake.names[0],
        "equivalents": [],
        "severity": "prevents",
        "line": mistake.lines[0],
        "tensor": f"net.{case.tensors[0]}" if case.tensors else None,
        "patch": None,
        **other,
    }


def test_a_right_answer_and_a_wrong_one(few):
    single = next(case for case in few if case.sort == "single")
    right = Answer({"status": "wrong", "findings": [finding(single)]})
    assert judged(single, right)["singles named"]
    assert judged(single, right)["singles: right line"]
    assert not judged(single, right)["singles: patch offered"]
    other = Answer({"status": "wrong", "findings": [finding(single, name="mutates", line=0)]})
    assert judged(single, other)["wrong names"]
    assert not judged(single, other)["singles: right line"]
    equivalent = Answer(
        {"status": "wrong", "findings": [finding(single, name="mutates", equivalents=single.mistakes[0].names)]}
    )
    assert judged(single, equivalent)["singles named"]
    assert not judged(single, Answer())["mistakes detected"]


def test_an_unseen_mistake_is_to_be_called_unknown(few):
    unseen = next(case for case in few if case.sort == "unknown")
    verdict = {"status": "wrong", "gradient_class": unseen.gradient_class, "findings": [finding(unseen)]}
    assert judged(unseen, Answer(verdict))["unseen: all three"]
    assert judged(unseen, Answer({**verdict, "findings": [finding(unseen, name="slope-twice")]}))["wrong names"]


def test_a_patch_is_confirmed_by_a_check_of_its_own(few):
    for case in (case for case in few if case.sort == "single" and case.mistakes[0].kind == "gradient"):
        right = case.blueprint.render().text
        line, lines, mended = 1, case.text.rstrip("\n"), right.rstrip("\n")
        patch = {"line": line, "before": lines, "after": mended}
        answer = Answer({"status": "wrong", "findings": [finding(case, patch=patch)]})
        assert judged(case, answer)["singles: patch confirmed"]
        worthless = Answer({"status": "wrong", "findings": [finding(case, patch={**patch, "after": lines})]})
        assert not judged(case, worthless)["singles: patch confirmed"]


def test_lines_are_exchanged_only_where_they_stand():
    assert patched("a\nb\nc\n", 2, "b", "x\ny") == "a\nx\ny\nc\n"
    assert patched("a\nb\nc\n", 1, "b", "x") is None


def test_the_command_is_asked_about_a_file(few, tmp_path):
    script = tmp_path / "checker.py"
    script.write_text("import json, sys\nprint(json.dumps({'status': 'right', 'file': sys.argv[2], 'findings': []}))\n")
    case = next(case for case in few if case.sort == "correct")
    answer = check(case, tmp_path, [sys.executable, str(script)])
    assert answer.status == "right", answer
    rates = counted([(case, answer, judged(case, answer))])
    assert rates["false alarms"]["all"]["estimate"] == 0.0
    assert json.dumps(rates)
    script.write_text("raise SystemExit('nothing')")
    assert check(case, tmp_path, [sys.executable, str(script)]).status == "failed"
