"""The same weights to the bit, whatever number of threads there is."""

import io

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from backlight.recording.checkpoint import LATEST, load_checkpoint
from backlight.training.run_study import study
from backlight.training.settings import MLPSettings
from backlight.training.train_mlp import train_mlp

# Wide enough for BLAS to spread a product over threads, which rounds its sums otherwise.
WIDE = MLPSettings(data="digits", layers=(784, 300, 10), batch_size=512, steps=4, record_every=4)


@pytest.mark.parametrize("settings", [WIDE, MLPSettings(layers=(2, 16, 16, 2), steps=20, record_every=20)])
def test_a_network_trained_by_hand_written_code(tmp_path, settings):
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            run = train_mlp(settings, tmp_path / str(threads), stream=io.StringIO())
        found.append(load_checkpoint(run.folder / "checkpoints" / LATEST)[0])
    for name, weights in found[0].items():
        np.testing.assert_array_equal(weights, found[1][name], err_msg=name)


def test_the_networks_of_a_study(tmp_path):
    sweep = {"layers": [[2, 3, 2], [2, 4, 4, 2]], "seeds": 10, "steps": 60, "stream": io.StringIO()}
    one, two = (study(tmp_path / str(threads), threads=threads, **sweep) for threads in (1, 2))
    for condition in one.conditions:
        first, second = one.outcome(condition), two.outcome(condition)
        for name in ("parameters", "train_loss", "test_accuracy"):
            np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)
