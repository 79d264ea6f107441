import itertools
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from backlight.checking.analysis import NOTES, WRONG_EVEN_IF_CONSISTENT, loss_mistakes, wrong_shapes
from backlight.checking.functions import IDENTITY, RELU, SIGMOID, TANH, rectifier
from backlight.checking.loss_fit import PENALTIES, TERMS, DataTerm, LossFit
from backlight.checking.mistakes import hypotheses
from backlight.checking.reference import Form, Objective, Pass
from backlight.checking.store import Slot
from backlight.checking.wording import EFFECTS, WORDINGS, catalogue, wording
from backlight.reports.check_words import SEVERITY_WORDS

DOCUMENT = Path(__file__).parents[2] / "docs" / "checking.md"
LEAKY = rectifier(0.01)
# Found by looking at the program or its initialisation, not by comparing gradients
ELSEWHERE = {
    "mutates", "accumulated", "nondeterministic", "shape-mismatch", "softmax-axis", "unknown", "loss-unknown",
    "loss-penalty-scale", "init-shared-seed", "init-constant", "init-scale", "init-positive",
}  # fmt: skip
SAMPLES = 6


def passes():
    """Forms, objectives and penalties under which different families of mistakes apply."""
    rng = np.random.default_rng(0)
    for hidden, output, data, beta, classes in itertools.product(
        (TANH, SIGMOID, RELU, LEAKY),
        (None, SIGMOID, IDENTITY),
        ("cross-entropy", "binary cross-entropy", "squared error"),
        ((0.0, 0.0, 0.0), (0.1, 0.1, 0.1), (0.1, 0.0, 0.1)),
        (1, 3),
    ):
        sizes = [3, 3, 3, classes]
        yield Pass(
            Form((hidden,) * (len(sizes) - 2), output),
            Objective(data, 1 / SAMPLES, beta),
            rng.normal(size=(SAMPLES, sizes[0])),
            np.arange(SAMPLES) % max(classes, 2),
            [rng.normal(size=pair) for pair in itertools.pairwise(sizes)],
            [rng.normal(size=(1, size)) for size in sizes[1:]],
        )


def names_of_gradients():
    return {hypothesis.name for run in passes() for hypothesis in hypotheses(run)}


def names_of_losses():
    """Of every loss that can be recognised, with every factor and penalty that has something odd about it."""
    found = {term.mistake for term in TERMS} - {""}
    subject = SimpleNamespace(feed=SimpleNamespace(X=np.zeros((SAMPLES, 2)), classes=2))
    term = DataTerm("cross-entropy", "", "−log p[y]")
    forms = ["", *PENALTIES]
    for alpha, beta, gamma, penalty, layers in itertools.product(
        (1 / SAMPLES, -1 / SAMPLES, 1 / SAMPLES**2, 1 / np.log(10), 1 / np.log(2), 0.123),
        (0.1, -0.1),
        (0.0, 1.0),
        forms,
        ((True, True), (True, False)),
    ):
        fit = LossFit(term, float(alpha), beta, gamma, penalty, layers)
        found |= {mistake.name for mistake in loss_mistakes(SimpleNamespace(fit=fit, subject=subject), 0.1)}
    return found


def names_of_shapes():
    shapes = {"W1": (3, 2), "b1": (1, 2), "W2": (3, 2), "W3": (3, 2), "W4": (3, 2)}
    holder = {name: np.zeros(shape) for name, shape in shapes.items()}
    slots = [Slot(holder, (name,)) for name in shapes]
    gradients = [[np.zeros((2, 3)), np.zeros((6, 1)), np.zeros((2, 2)), np.zeros((5, 2)), np.zeros((7, 9))]]
    return {name for _, name in wrong_shapes(SimpleNamespace(slots=slots), gradients)}


def test_every_name_has_words():
    used = names_of_gradients() | names_of_losses() | names_of_shapes() | {*NOTES, *WRONG_EVEN_IF_CONSISTENT}
    assert used - WORDINGS.keys() == set()
    assert WORDINGS.keys() - used == ELSEWHERE - used, "words for a mistake that nothing finds"


def test_the_document_ends_with_the_table():
    section = DOCUMENT.read_text(encoding="utf-8").split("\n## The catalogue of mistakes\n")[1]
    assert section[section.index("| code |") :] == catalogue(), "python -m backlight.checking.wording prints the table"


def test_the_command_prints_the_table():
    command = [sys.executable, "-m", "backlight.checking.wording"]
    assert subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8") == catalogue()


def test_the_table_has_five_columns_in_each_row():
    for row in catalogue().splitlines():
        assert len(re.findall(r"(?<!\\)\|", row)) == 6, row


def test_codes_are_unique_and_well_formed():
    codes = [each.code for each in WORDINGS.values()]
    assert len(set(codes)) == len(codes)
    assert codes == sorted(codes)
    assert all(re.fullmatch(r"BL[2-4]\d\d", code) for code in codes)


@pytest.mark.parametrize("name", WORDINGS)
def test_words_are_whole(name):
    each = wording(name)
    assert each.title.strip() == each.title
    assert "\n" not in each.title
    assert not each.title.endswith(".")
    assert len(each.title) <= 90
    assert each.explanation.endswith((".", ".)"))
    assert each.formula
    assert "`" not in each.title + each.explanation + each.formula


def test_kinds_and_severities_agree_with_the_rest():
    assert all(WORDINGS[name].severity == "note" for name in NOTES)
    assert all(WORDINGS[name].severity != "note" for name in WRONG_EVEN_IF_CONSISTENT)
    assert {name for name in WORDINGS if name.startswith("init-")} == {
        name for name, each in WORDINGS.items() if each.kind == "initialisation"
    }
    assert all(WORDINGS[name].kind in ("loss", "numerics") for name in WORDINGS if name.startswith("loss-"))
    assert EFFECTS == SEVERITY_WORDS
