"""What a tab shows of a moment: the plane as the network and each of its units see it, numbers beside every weight."""

from base64 import b64encode
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backlight.data.dataset import Dataset, Samples
from backlight.engine.memory import flatten
from backlight.engine.stretch import Moment
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.networks.losses import softmax
from backlight.page.playground.branch import Branch
from backlight.page.playground.settings import PlaygroundSettings
from backlight.page.playground.trouble import units_of
from backlight.training.optimizers import optimizer_named

Values = NDArray[np.float64]

SIDE = 60  # points of the plane's grid; units are drawn from every second one
MARGIN = 0.12
BROKEN = 255  # of a cell whose value is not a number
STEPS = 50  # of certainty that a cell of the boundary tells


@dataclass(frozen=True)
class Plane:
    """A square around all points: centre and half its side, and a grid (SIDE², 2) in it from the top left."""

    centre: tuple[float, float]
    half: float
    grid: NDArray[np.float64]


def plane_of(data: Dataset) -> Plane:
    X = np.concatenate([data.train.X, data.test.X])
    low, high = X.min(axis=0), X.max(axis=0)
    centre, half = (low + high) / 2, float((high - low).max() / 2 * (1 + 2 * MARGIN)) or 1.0
    places = (np.arange(SIDE) + 0.5) / SIDE * 2 - 1
    columns, rows = np.meshgrid(centre[0] + half * places, centre[1] - half * places)
    return Plane((float(centre[0]), float(centre[1])), half, np.column_stack([columns.ravel(), rows.ravel()]))


def picture(branch: Branch, moment: Moment, plane: Plane, point: tuple[float, float]) -> dict[str, Any]:
    """As JSON can hold it; arrays in base64, pixels as bytes and numbers as float64."""
    network = branch.trainer.network(moment)
    with np.errstate(all="ignore"):
        passes = network.forward(branch.data.train.X)
        units = units_of(network, passes)
        batch = branch.trainer.batch(moment)
        gradients = flatten(network.gradients(batch.X, batch.y, branch.settings.l2))
        return {
            "boundary": encoded(boundary(network, plane)),
            "units": units_seen(network, plane),
            "parameters": encoded(moment.parameters),
            "gradients": encoded(gradients),
            "updates": encoded(next_update(branch.settings, moment, gradients)),
            "memory": encoded(moment.state),
            "clock": moment.step,  # that Adam corrects its means by
            "probe": [
                {"z": encoded(passed.pre_activation[0]), "a": encoded(passed.activation[0])}
                for passed in network.forward(np.array([point]))
            ],
            "confusion": confusion(network, branch.data.test).tolist(),
            "dead": units.dead,
            "saturated": units.saturated,
            "remarks": units.remarks,
        }


def next_update(settings: PlaygroundSettings, moment: Moment, gradients: Values) -> Values:
    """(P,): what the optimiser will add to the parameters, by the readable twin of the engine's formulas."""
    parameters = moment.parameters.copy()
    optimizer = optimizer_named(settings.optimizer, [parameters], settings.learning_rate)
    known = {"sgd": [], "momentum": [moment.state[0]], "adam": [np.array([moment.step]), *moment.state]}
    for own, value in zip(optimizer.state, known[settings.optimizer], strict=True):
        own[...] = value
    optimizer.step([gradients])
    return parameters - moment.parameters


def boundary(network: DeepNeuralNetwork, plane: Plane) -> NDArray[np.uint8]:
    """(SIDE²,): class · STEPS + how far its probability lies above the 1/K of who knows nothing, in 0 … STEPS − 1."""
    probabilities = softmax(network.logits(plane.grid))
    classes = probabilities.shape[1]
    best = probabilities.argmax(axis=1)
    above = (probabilities.max(axis=1) - 1 / classes) / (1 - 1 / classes)
    broken = ~np.isfinite(above)
    cells = best * STEPS + np.minimum(np.where(broken, 0, above) * STEPS, STEPS - 1).astype(np.int64)
    return np.where(broken, BROKEN, cells).astype(np.uint8)


def confusion(network: DeepNeuralNetwork, samples: Samples) -> NDArray[np.int64]:
    """(K, K): samples of each true class (row) by the class that they are given (column); NaN counts as class 0."""
    classes = network.layers[-1].biases.shape[-1]
    answers = network.logits(samples.X).argmax(axis=1)
    return np.bincount(samples.y * classes + answers, minlength=classes**2).reshape(classes, classes)


def units_seen(network: DeepNeuralNetwork, plane: Plane) -> list[dict[str, Any]]:
    """For each layer, each unit's activation over the plane: bytes 0 … 254 for −scale … scale, and the scales."""
    coarse = plane.grid.reshape(SIDE, SIDE, 2)[::2, ::2].reshape(-1, 2)
    seen = []
    for passed in network.forward(coarse):
        values = passed.activation.T  # (d, SIDE² / 4)
        finite = np.where(np.isfinite(values), values, 0)
        scales = np.abs(finite).max(axis=1)
        shares = finite / np.where(scales > 0, scales, 1)[:, None]
        cells = np.where(np.isfinite(values), np.round(127 + 127 * shares), BROKEN).astype(np.uint8)
        seen.append({"cells": encoded(cells), "scales": scales.tolist()})
    return seen


def encoded(array: NDArray[Any]) -> str:
    return b64encode(array.tobytes()).decode()
