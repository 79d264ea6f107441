"""AUTOTRAINER's thresholds (Zhang et al., ICSE 2021), from its published code, over a run folder."""

from pathlib import Path

import numpy as np

from .folder_reading import Curve, activations, epochs, mean_absolute, open_run, weights

VANISHING_RATIO, VANISHING_NORM = 1e-3, 1e-4
EXPLODING_RATIO = 70
ZERO_SHARE = 0.7
SWING, SWING_SHARE = 0.03, 0.2
SLOW_GAIN, SLOW_ACCURACY = 0.01, 0.6
LARGE_LOSS = 1e3
LARGE_VALUES = 10


def autotrainer(folder: Path) -> tuple[str, ...]:
    """Causes that its symptoms stand for: exploding, vanishing, dying, oscillating, slow; then abnormal data."""
    run = open_run(folder)
    loss, accuracy = run.scalar("train/loss")[1], epochs(run.scalar("train/acc")[1])
    gradients = weights(run, "grad")
    found = []
    if not np.isfinite(loss).all() or run.first_nonfinite():
        found.append("nonfinite-values")
    if gradients:
        first, last = gradients[0].norm, gradients[-1].norm
        count = min(len(first), len(last))
        with np.errstate(all="ignore"):
            ratio = first[:count] / last[:count]
        if (ratio > EXPLODING_RATIO).any() or (loss > LARGE_LOSS).any():
            found.append("exploding-gradients")
        if ((ratio < VANISHING_RATIO) & (first[:count] < VANISHING_NORM)).any():
            found.append("vanishing-gradients")
        if any((each.zeros / np.maximum(each.count, 1) >= ZERO_SHARE).any() for each in gradients):
            found.append("dead-units")
    if oscillates(accuracy):
        found.append("learning-rate-too-high")
    if slow(accuracy):
        found.append("learning-rate-too-low")
    if any((mean_absolute(each, run) >= LARGE_VALUES).any() for each in activations(run)):
        found.append("unscaled-inputs")
    return tuple(found)


def oscillates(accuracy: Curve) -> bool:
    """Swings between neighbouring turning points of at least 0.03, in at least 20 % of the epochs."""
    if len(accuracy) < 3:
        return False
    rising = np.sign(np.diff(accuracy))
    turns = np.flatnonzero(rising[1:] * rising[:-1] < 0) + 1
    swings = np.abs(np.diff(accuracy[turns]))
    return bool((swings >= SWING).sum() / len(accuracy) >= SWING_SHARE)


def slow(accuracy: Curve) -> bool:
    gains = np.diff(accuracy)
    return bool(len(gains) and gains.max() < SLOW_GAIN and accuracy[-1] < SLOW_ACCURACY)
