"""The catalogue's examples: right programs without the mistake, and with it programs that `check` finds wrong."""

from pathlib import Path

import pytest

from backlight.checking.examples import EXAMPLES, Example
from backlight.checking.judge import judge
from backlight.checking.pages import index, words
from backlight.checking.source import Sources
from backlight.checking.wording import WORDINGS, page_name

PAGES = Path(__file__).parents[2] / "docs" / "mistakes"


def judged(text):
    return judge(Sources("network.py", {"network.py": text}))


def test_every_mistake_has_an_example_and_a_page():
    assert set(EXAMPLES) == set(WORDINGS)
    assert {path.name for path in PAGES.glob("BL*.md")} == {page_name(name) for name in WORDINGS}
    assert (PAGES / "index.md").read_text(encoding="utf-8") == index()
    for name in EXAMPLES:  # what `check` says, below, is measured by `python -m backlight.checking.pages docs/mistakes`
        assert (PAGES / page_name(name)).read_text(encoding="utf-8").startswith(words(name)), name


def test_without_their_mistake_the_programs_are_right():
    for text in {example.right for example in EXAMPLES.values()}:
        assert judged(text).status == "right"


@pytest.mark.parametrize(
    "name",
    [
        "loss-no-logarithm", "output-slope", "weights-missing", "accumulated",
        "loss-penalty-biases", "loss-summed", "loss-unknown", "nondeterministic", "softmax-axis",
    ],
)  # fmt: skip
def test_a_mistake_is_found_in_its_example(name):
    assert name in {finding.name for finding in judged(EXAMPLES[name].wrong).findings}


def test_an_edit_belongs_in_one_place():
    with pytest.raises(ValueError, match="times"):
        _ = Example((("keepdims=True", "keepdims=False"),), (("max(axis=1, keepdims=True)", "max(axis=1)"),)).wrong
