"""SageMaker Debugger's built-in rules with the defaults of its documentation, over a run folder.

Left out: rules of other kinds of models, and those that need raw labels or images. The documentation does not say how
the three parts of PoorWeightInitialization combine; here spread of variances and no fall of the loss must both hold.
A summary holds no unit's own share of samples, so a ReLU is inactive if no sample of the step reaches it.
"""

from pathlib import Path

import numpy as np

from backlight.recording.run import Run

from .folder_reading import Curve, activations, beyond, epochs, mean_absolute, open_run, weights

INACTIVE_UNITS = 0.5
TANH_LIMITS, SIGMOID_LIMITS = (-9.4999, 9.4999), (-23.0, 16.99999)
VANISHING = 1e-7
RATIO_LARGE, RATIO_SMALL, RATIO_EPSILON = 10.0, 1e-8, 1e-9
VARIANCE_RATIO, EARLY_STEPS, PATIENCE = 10.0, 10, 5
FALL_STEPS, FALL_SHARE = 10, 0.001
OVERFIT = 0.1
UNCHANGED_STEPS, RELATIVE, ABSOLUTE = 3, 1e-5, 1e-8


def debugger(folder: Path) -> tuple[str, ...]:
    """Causes that the rules that fire stand for, in the order of our questions."""
    run = open_run(folder)
    checks = {
        "nonfinite-values": bool(run.first_nonfinite()),  # ExplodingTensor
        "not-in-optimizer": unchanged(run),  # UnchangedTensor
        "frozen-parameters": all_zero(run),  # AllZero, of gradients
        "initial-scale": poor_start(run),
        "learning-rate-too-high": ratio_beyond(run, above=True),  # WeightUpdateRatio
        "learning-rate-too-low": ratio_beyond(run, above=False) or not_falling(run),
        "vanishing-gradients": any((mean_absolute(each, run) < VANISHING).any() for each in weights(run, "grad")),
        "saturated-units": saturated(run),
        "dead-units": dead(run),
        "overfitting": overfit(run),
    }
    return tuple(name for name, fires in checks.items() if fires)


def unchanged(run: Run) -> bool:
    """A weight tensor that no update of three recorded steps in a row changes."""
    for parameter, update in zip(weights(run, "param"), weights(run, "update"), strict=False):
        count = min(len(parameter), len(update))
        size = np.maximum(np.abs(update.maximum), np.abs(update.minimum))[:count]
        still = size <= ABSOLUTE + RELATIVE * np.sqrt(parameter.variance + parameter.mean**2)[:count]
        if count >= UNCHANGED_STEPS and np.convolve(still, np.ones(UNCHANGED_STEPS), "valid").max() == UNCHANGED_STEPS:
            return True
    return False


def all_zero(run: Run) -> bool:
    return any((each.zeros == each.count).any() for each in weights(run, "grad"))


def poor_start(run: Run) -> bool:
    variances = np.array([each.variance[0] for each in weights(run, "param")])
    spread = variances.max() / max(float(variances.min()), 1e-30) > VARIANCE_RATIO if len(variances) else False
    loss = run.scalar("train/loss")[1][: EARLY_STEPS + 1]
    waits = len(loss) > PATIENCE and bool((loss[PATIENCE:] >= loss[:-PATIENCE]).any())
    return bool(spread and waits)


def ratio_beyond(run: Run, above: bool) -> bool:
    for parameter, update in zip(weights(run, "param"), weights(run, "update"), strict=False):
        count = min(len(parameter), len(update))
        ratio = update.norm[:count] / (parameter.norm[:count] + RATIO_EPSILON)
        if (ratio > RATIO_LARGE).any() if above else (ratio < RATIO_SMALL).any():
            return True
    return False


def not_falling(run: Run) -> bool:
    """Somewhere the loss falls by less than 0.1 % over ten recorded values."""
    loss = epochs(run.scalar("train/loss")[1])
    before, after = loss[:-FALL_STEPS], loss[FALL_STEPS:]
    return bool((after > (1 - FALL_SHARE) * before).any())


def saturated(run: Run) -> bool:
    """Half of the values of a layer beyond the limits of the function that is applied to them."""
    activation = run.settings.get("activation")
    limits = {"tanh": TANH_LIMITS, "sigmoid": SIGMOID_LIMITS}.get(str(activation))
    if limits is None:
        return False
    hidden = [each for each in activations(run) if each.name.startswith("act/z")][:-1]
    return any((beyond(each, run, *limits) > INACTIVE_UNITS).any() for each in hidden)


def dead(run: Run) -> bool:
    if run.settings.get("activation") in ("tanh", "sigmoid"):
        return False
    gated = [each for each in activations(run) if each.live.shape[1] and "tanh" not in each.name]
    return any((each.dead_share > INACTIVE_UNITS).any() for each in gated)


def overfit(run: Run) -> bool:
    """(validation − training) / training > 0.1 in one evaluation, from the first on."""
    at, train = run.scalar("train/loss")
    steps, held_out = run.scalar("test/loss")
    if not len(steps) or not len(at):
        return False
    nearest: Curve = train[np.clip(np.searchsorted(at, steps), 0, len(at) - 1)]
    with np.errstate(all="ignore"):
        return bool(((held_out - nearest) / nearest > OVERFIT).any())
