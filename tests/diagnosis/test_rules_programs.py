"""Rules on programs of the fault benchmark: mistakes that `train_mlp` itself cannot make."""

import pytest
from benchmarks.training_faults.cases import cases
from benchmarks.training_faults.numpy_trainer import train

from backlight.diagnosis.diagnose import diagnose

NAMED = {
    "dev-layer-not-updated-2-digits-sigmoid-127": ("not-in-optimizer", "1"),
    "dev-no-slope-2-moons-relu-deep-141": ("wrong-gradient", "2"),
    "dev-wrong-sign-9-moons-tanh-151": ("wrong-gradient", "2"),
    "dev-gradients-never-cleared-0-digits-sigmoid-163": ("missing-zero-grad", ""),
    "dev-gradients-never-cleared-30-moons-relu-deep-162": ("missing-zero-grad", ""),
    "dev-softmax-before-loss-2-moons-relu-deep-167": ("softmax-before-loss", ""),
    "dev-epsilon-in-log-1-moons-relu-deep-179": ("epsilon-in-log", ""),
    "dev-probabilities-into-nll-1-moons-relu-deep-170": ("probabilities-into-nll", ""),
}


@pytest.mark.parametrize("name", NAMED)
def test_what_is_wrong_is_named_first(name, tmp_path):
    case = next(each for each in cases("dev") if each.name == name)
    train(case.program, tmp_path)
    first = diagnose(tmp_path).findings[0]
    assert (first.name, first.layer) == NAMED[name]
