"""A training of points once more: the networks that a run went through on the way to the weights it kept."""

import time
from collections.abc import Sequence
from itertools import islice

import numpy as np

from backlight.data.digits import IMAGES
from backlight.engine.threads import one_blas_thread
from backlight.errors import BacklightError
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.networks.layer import Layer
from backlight.recording.checkpoint import LATEST, fitting, load_checkpoint
from backlight.recording.run import Run
from backlight.training.gradient_descent import descend
from backlight.training.optimizers import optimizer_named
from backlight.training.settings import MLPSettings, settings_from_plain
from backlight.training.train_mlp import batches_of, gradients_of, initial_network, load_data

Moments = list[tuple[int, DeepNeuralNetwork]]


def saved_step(run: Run) -> int:
    """The step of the weights that the run keeps.

    Raises:
        RunError: if it keeps none.
    """
    path = run.folder / "checkpoints" / LATEST
    with fitting(path):
        return int(load_checkpoint(path)[1]["step"])


def replay(run: Run, steps: Sequence[int], seconds: float) -> Moments:
    """(step, network) at ascending `steps`, the last of them that of the saved weights.

    Nothing if it takes longer than `seconds`, or does not end at the saved weights to the bit.
    """
    try:
        settings = settings_from_plain(MLPSettings, run.settings)
        if settings.data in IMAGES:  # no points; and mnist may have to be downloaded
            return []
        saved, _ = load_checkpoint(run.folder / "checkpoints" / LATEST)
        with one_blas_thread(True), np.errstate(all="ignore"):
            moments = networks_at(settings, steps, time.monotonic() + seconds)
    except (BacklightError, OSError):
        return []
    if len(moments) < len(steps):
        return []
    last = moments[-1][1]
    named = zip(last.parameter_names, last.parameters, strict=True)
    same = all(name in saved and np.array_equal(saved[name], array, equal_nan=True) for name, array in named)
    return moments if same else []


def networks_at(settings: MLPSettings, steps: Sequence[int], deadline: float) -> Moments:
    """As far as the time lasts."""
    data, network = load_data(settings), initial_network(settings)
    optimizer = optimizer_named(settings.optimizer, network.parameters, settings.learning_rate)
    batches = islice(batches_of(settings, data, 0), steps[-1])
    wanted = set(steps)
    moments = [(0, copy_of(network))] if 0 in wanted else []
    for step in descend(network, optimizer, batches, settings.l2, gradients_of(settings)):
        if step in wanted:
            moments.append((step, copy_of(network)))
        if time.monotonic() > deadline:
            break
    return moments


def copy_of(network: DeepNeuralNetwork) -> DeepNeuralNetwork:
    layers = network.layers
    return DeepNeuralNetwork.from_layers(
        [Layer(each.weights.copy(), each.biases.copy(), each.activation) for each in layers]
    )
