"""The public surface in seconds: what a change must not break, first."""

import subprocess
import sys

import numpy as np
import pytest

import backlight as bl
from backlight.errors import SettingsError
from backlight.recording.run_writer import RunWriter


def test_importing_is_light():
    """Neither torch nor matplotlib, numba or scikit-learn is loaded before it is used."""
    heavy = ("torch", "matplotlib", "numba", "sklearn", "scipy")
    code = f"import backlight, sys; print(*(name for name in {heavy} if name in sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""


def test_every_public_name_loads():
    for name in bl.__all__:
        assert getattr(bl, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = bl.no_such_name


def test_forward_pass_by_hand():
    network = bl.DeepNeuralNetwork([2, 2, 2], activation="relu", seed=0)
    for parameter, value in zip(
        network.parameters, ([[1, -1], [2, 1]], [[0, 1]], [[1, 0], [0, 2]], [[0.5, 0]]), strict=True
    ):
        parameter[...] = value
    # z1 = (1·1 + 1·2, −1 + 1 + 1) = (3, 1), a1 = z1, z2 = (3 + 0.5, 2)
    np.testing.assert_allclose(network.logits(np.array([[1.0, 1.0]])), [[3.5, 2.0]])


def test_gradient_descent_lowers_the_objective(rng):
    from backlight.training.gradient_descent import descend
    from backlight.training.optimizers import GradientDescent

    X, y = rng.normal(size=(30, 2)), rng.integers(0, 2, 30)
    network = bl.DeepNeuralNetwork([2, 4, 2], "tanh", seed=1)
    before = network.objective(X, y)
    steps = list(descend(network, GradientDescent(network.parameters, 0.1), [(X, y)] * 20, l2=0.0))
    assert steps == list(range(1, 21))
    assert network.objective(X, y) < before


def test_unknown_activation_is_named():
    with pytest.raises(SettingsError, match=r"'rleu'.*relu"):
        bl.DeepNeuralNetwork([2, 3, 2], activation="rleu")


@pytest.mark.parametrize("sizes", [[2], [2, 0, 2], [2, 2.5, 2], []])
def test_impossible_widths(sizes):
    with pytest.raises(SettingsError, match="layer widths"):
        bl.DeepNeuralNetwork(sizes)


def test_run_folder_round_trip(tmp_path):
    summary = bl.summarise([1.0, -2.0, np.nan])
    with RunWriter(tmp_path / "run", ("train", "mlp"), {"layers": (2, 3, 2)}) as writer:
        writer.scalars(0, {"train/loss": 0.5})
        writer.tensors(0, {"param/W1": summary.packed()})
    run = bl.Run.open(tmp_path / "run")
    assert run.command == ("train", "mlp")
    assert run.settings == {"layers": [2, 3, 2]}
    assert run.scalar("train/loss")[1] == [0.5]
    _, (read,) = run.tensor("param/W1")
    assert (read.count, read.nan, read.minimum, read.maximum) == (3, 1, -2.0, 1.0)
