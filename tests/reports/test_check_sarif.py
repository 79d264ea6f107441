import json
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlight import __version__
from backlight.checking.verdict import Patch, Verdict
from backlight.reports.check_sarif import sarif, uri
from tests.reports.test_check_text import EVERY_KIND, MISTAKE, PATCH, RIGHT, SEVERAL, UNCHECKED, WRONG

# The part of the SARIF 2.1.0 schema that is used here: of each object its properties, "!" after those required,
# with what they hold. The schema allows no others.
SCHEMA = {
    "log": {"$schema": str, "version!": ["2.1.0"], "runs!": ("run",)},
    "run": {
        "tool!": "tool",
        "columnKind": ["utf16CodeUnits", "unicodeCodePoints"],
        "invocations": ("invocation",),
        "results": ("result",),
    },
    "tool": {"driver!": "component"},
    "component": {"name!": str, "version": str, "rules": ("rule",)},
    "rule": {
        "id!": str,
        "name": str,
        "shortDescription": "message",
        "fullDescription": "message",
        "help": "message",
        "defaultConfiguration": "configuration",
        "properties": "bag",
    },
    "bag": {"tags": (str,)},
    "configuration": {"level": ["none", "note", "warning", "error"]},
    "message": {"text!": str},
    "result": {
        "ruleId": str,
        "ruleIndex": 0,
        "level": ["none", "note", "warning", "error"],
        "message!": "message",
        "locations": ("location",),
        "fixes": ("fix",),
    },
    "location": {"physicalLocation": "physical"},
    "physical": {"artifactLocation!": "artifact", "region": "region"},
    "artifact": {"uri": str},
    "region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1},
    "fix": {"description": "message", "artifactChanges!": ("change",)},
    "change": {"artifactLocation!": "artifact", "replacements!": ("replacement",)},
    "replacement": {"deletedRegion!": "region", "insertedContent": "message"},
    "invocation": {"executionSuccessful!": bool, "toolExecutionNotifications": ("notification",)},
    "notification": {
        "level": ["none", "note", "warning", "error"],
        "message!": "message",
        "locations": ("location",),
    },
}


def validate(node, kind):
    """`kind`: a name in SCHEMA, a type, a tuple for a list of such, a list of words, or the least whole number."""
    if isinstance(kind, str):
        properties = {name.removesuffix("!"): value for name, value in SCHEMA[kind].items()}
        assert set(node) <= set(properties), kind
        assert set(node) >= {name[:-1] for name in SCHEMA[kind] if name.endswith("!")}, kind
        for name, value in node.items():
            validate(value, properties[name])
    elif isinstance(kind, tuple):
        for each in node:
            validate(each, kind[0])
    elif isinstance(kind, list):
        assert node in kind
    elif isinstance(kind, int):
        assert node >= kind
    else:
        assert isinstance(node, kind)


def the_run(verdict):
    log = json.loads(json.dumps(sarif(verdict)))
    validate(log, "log")
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    return run


@pytest.mark.parametrize("name", EVERY_KIND)
def test_every_verdict_is_valid(name):
    run = the_run(EVERY_KIND[name])
    assert len(run["results"]) == len(EVERY_KIND[name].findings)
    assert run["tool"]["driver"]["name"] == "backlight"
    assert run["tool"]["driver"]["version"] == __version__


def test_a_mistake_has_its_line_level_and_fix():
    (result,) = the_run(WRONG)["results"]
    assert result["ruleId"] == "BL330"
    assert result["level"] == "error"
    assert result["message"]["text"].startswith("The output's error is multiplied by a slope (training fails).\n")
    place = {"artifactLocation": {"uri": "my_network.py"}, "region": {"startLine": 54}}
    assert result["locations"] == [{"physicalLocation": place}]


def test_levels_and_a_finding_without_a_line():
    run = the_run(SEVERAL)
    assert [each["level"] for each in run["results"]] == ["error", "error", "warning", "note"]
    assert run["results"][2]["locations"] == [{"physicalLocation": {"artifactLocation": {"uri": "my_network.py"}}}]
    (rescaled,) = the_run(replace(WRONG, findings=(replace(MISTAKE, severity="rescales"),)))["results"]
    assert rescaled["level"] == "warning"


def test_two_findings_of_a_code_share_a_rule():
    run = the_run(replace(WRONG, findings=(MISTAKE, replace(MISTAKE, line=60))))
    assert [each["ruleIndex"] for each in run["results"]] == [0, 0]


def test_a_file_that_could_not_be_checked_is_an_error_of_the_run():
    (invocation,) = the_run(UNCHECKED)["invocations"]
    assert invocation["executionSuccessful"] is False
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["level"] == "error"
    assert "does not import" in notification["message"]["text"]
    assert notification["locations"][0]["physicalLocation"]["region"] == {"startLine": 3}
    (invocation,) = the_run(replace(UNCHECKED, line=None))["invocations"]
    assert "region" not in invocation["toolExecutionNotifications"][0]["locations"][0]["physicalLocation"]
    assert the_run(RIGHT)["invocations"][0]["executionSuccessful"] is True


def test_uris_are_relative_and_encoded(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert uri(PureWindowsPath("my nets\\a.py")) == "my%20nets/a.py"
    assert uri(PurePosixPath("c:d/ü#?.py")) == "c%3Ad/%C3%BC%23%3F.py"
    assert uri(tmp_path / "nets" / "a.py") == "nets/a.py"
    assert uri(Path(tmp_path.anchor) / "elsewhere" / "a.py") == "file:///elsewhere/a.py"


def test_other_files_are_found_beside_the_checked_one():
    elsewhere = replace(MISTAKE, file="layers.py", patch=replace(PATCH, file="layers.py"))
    named = replace(MISTAKE, file="nets/my_network.py")
    results = the_run(replace(WRONG, file="nets/my_network.py", findings=(elsewhere, MISTAKE, named)))["results"]
    uris = [each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for each in results]
    assert uris == ["nets/layers.py", "nets/my_network.py", "nets/my_network.py"]
    assert results[0]["fixes"][0]["artifactChanges"][0]["artifactLocation"]["uri"] == "nets/layers.py"


def applied(source: str, change: dict) -> str:
    """What an editor does with a replacement: a region without columns runs to the end of its last line."""
    region, lines = change["deletedRegion"], source.split("\n")
    starts = [sum(len(line) + 1 for line in lines[:number]) for number in range(len(lines) + 1)]
    start = starts[region["startLine"] - 1] + region.get("startColumn", 1) - 1
    end = starts[region["endLine"] - 1] + region.get("endColumn", len(lines[region["endLine"] - 1]) + 1) - 1
    return source[:start] + change["insertedContent"]["text"] + source[end:]


lines = st.lists(st.sampled_from(["a", "", "  b = 1", "ü"]), max_size=3)


@given(lines, lines, lines, lines, st.booleans())
def test_the_fix_is_the_patch(above, before, after, below, ends):
    def text(part):
        return "\n".join(part) + ("\n" if part and (ends or part[-1] == "") else "")

    patch = Patch("my_network.py", len(above) + 1, text(before), text(after), "", "")
    (result,) = the_run(replace(WRONG, findings=(replace(MISTAKE, patch=patch),)))["results"]
    (change,) = result["fixes"][0]["artifactChanges"][0]["replacements"]
    source, mended = ("".join(f"{line}\n" for line in [*above, *part, *below]) for part in (before, after))
    assert applied(source, change) == mended


@given(st.text() | st.sampled_from(["[W](x)", "a\\b", "../a//b", "%41", "?q#f"]))
def test_hostile_text(text):
    finding = replace(MISTAKE, title=text, explanation=text, formula=text, evidence=(text,), text=text, file=None)
    run = the_run(Verdict(f"nets/{text}x", "wrong", findings=(finding,), notes=(text,)))
    place = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert place.isascii()
    assert not set(place) & set(" \\#?[]{}<>\"'")
    assert unquote(place) == Path(f"nets/{text}x").as_posix()
    assert "](" not in run["results"][0]["message"]["text"]
