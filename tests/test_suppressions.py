"""Whoever silences a checker says why, after the code on the same line: `# noqa: E731  # why`. That a code is named,
and that the suppression is still needed, ruff and mypy check themselves."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SUPPRESSION = re.compile(r"# (type: ignore|noqa|pragma: no cover)\b(?P<rest>.*)")
WITH_A_REASON = re.compile(r"(\[[a-z, -]+\]|: [A-Z0-9, ]+)  # \S.{5,}")


def without_reason(text):
    for number, line in enumerate(text.splitlines(), start=1):
        found = SUPPRESSION.search(line)
        if found and not WITH_A_REASON.fullmatch(found["rest"]):
            yield number


def test_what_counts_as_a_reason():
    silence = "x = 1  # no" + "qa"
    lines = (silence, f"{silence}: E731", f"{silence}: E731  # why", f"{silence}: E731  # the stubs leave it out")
    assert list(without_reason("\n".join(lines))) == [1, 2, 3]


@pytest.mark.parametrize("folder", ["src", "benchmarks", "tests", "examples"])
def test_every_suppression_has_a_reason(folder):
    files = [path for path in (ROOT / folder).rglob("*.py") if path != Path(__file__)]
    found = [f"{path.relative_to(ROOT)}:{line}" for path in files for line in without_reason(path.read_text("utf-8"))]
    assert files
    assert not found
