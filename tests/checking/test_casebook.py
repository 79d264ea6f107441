"""The report's seven documented mistakes, found in the casebook's programs."""

import re
from pathlib import Path

import numpy as np
import pytest

from backlight.checking.check import check
from backlight.checking.initialisation import single

CASEBOOK = Path(__file__).parents[2] / "examples" / "casebook"
EXPECTED = {
    "n_layer_network.py": {"output-slope", "summed-gradients", "init-shared-seed", "loss-epsilon"},
    "three_layer_network.py": {"slope-at-activation", "summed-gradients", "loss-wrong-class", "loss-epsilon"},
}


@pytest.mark.parametrize("file", EXPECTED)
def test_every_documented_mistake_is_found(file):
    verdict = check(CASEBOOK / file)
    assert verdict.status == "wrong"
    assert EXPECTED[file] <= {finding.name for finding in verdict.findings}


def test_the_output_derivative_is_mended_where_it_stands():
    verdict = check(CASEBOOK / "n_layer_network.py")
    finding = next(finding for finding in verdict.findings if finding.name == "output-slope")
    assert "mistake 1" in finding.text
    assert finding.patch is not None
    assert re.search(r"da if self\.is_output else", finding.patch.after)
    shared = next(finding for finding in verdict.findings if finding.name == "init-shared-seed")
    # An edit such as / np.sqrt(is_output) unties the layers, too: the weights of all but the last become infinite
    assert shared.patch is None or "is_output" not in shared.patch.after


def test_weights_that_are_not_finite_do_harm():
    (mistake,) = single("W", np.array([[np.inf, -np.inf, 1.0]] * 4))
    assert mistake.harmful
