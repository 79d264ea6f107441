"""Is the gradient of a step that step's own, or the sum of all that there have been?"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from backlight.diagnosis.course import STUCK, course_of
from backlight.diagnosis.finding import Evidence, Finding
from backlight.diagnosis.record import MissingError, Record, looks_numbered
from backlight.diagnosis.rules.gradient import LARGEST, class_shares, is_cross_entropy, label_noise, output_gradient

FIRST, FULL = 7, 0.55  # steps in which gradients that are never cleared grow at least as steps^0.55: above √steps
EVEN = 4.0  # largest by median increment: an explosion's grow, a sum's do not
MOMENTUM = 0.99  # the largest in use; steps are then up to 1 / (1 − 0.99) gradients long
RISEN = 1.2  # times its lowest: a loss that has risen again
SURE = 4.0  # standard deviations
STEADY = (
    0.9  # of Adam's rate: its steps if gradients hardly ever turn; unrelated ones give √((1 − β₁) / (1 + β₁)) = 0.23
)


def missing_zero_grad(record: Record) -> Iterator[Finding]:
    """Gradients that grow like a sum, steps longer than any gradient is, or steps that nothing turns round."""
    missing = []
    for look in (growing_norms, beyond_a_gradient, never_turning):
        try:
            evidence = look(record)
        except MissingError as error:
            missing.append(error)
            continue
        if evidence:
            yield Finding("missing-zero-grad", "prevents", tuple(evidence))
            return
    if len(missing) == 3:
        raise missing[0]


def growing_norms(record: Record) -> list[Evidence]:
    """Gradients grow from the first step on like the sum of all there have been."""
    names = [name for name in record.tensors("grad") if "norm" not in name.lower()]
    curves = [record.run.norms(name) for name in names]
    curves = [
        (steps, norms) for steps, norms in curves if len(steps) > FIRST and steps[0] == 0 and steps[FIRST] == FIRST
    ]
    if not curves:
        raise MissingError("norms of gradients in every step from the first one on, as watch records them")
    total = np.sqrt(sum(norms[: FIRST + 1].astype(np.float64) ** 2 for _, norms in curves))
    if not np.isfinite(total).all() or total[0] == 0:
        return []
    growth, wanted = total / total[0], np.arange(1, FIRST + 2) ** FULL
    increments = np.diff(growth)
    even = increments.min() > 0 and increments.max() < EVEN * np.median(increments)
    beyond = beyond_a_mean(record)
    if not ((growth[3:] >= wanted[3:]).all() and growth[-1] <= 1.5 * (FIRST + 1) and (even or beyond)):
        return []
    text = f"norm of all gradients in step {FIRST} by that in step 0, beside {FIRST + 1}^{FULL}"
    return [Evidence(text, float(growth[-1]), float(wanted[-1]), "above", FIRST, names[0]), *beyond]


def beyond_a_mean(record: Record) -> list[Evidence]:
    """Entries of the output biases' gradient that a mean of p − t cannot have, and that it did not have at first."""
    try:
        series = output_gradient(record)
    except MissingError:
        return []
    largest = np.fmax(-series.minimum, series.maximum)
    later = np.flatnonzero(largest > LARGEST)
    if not is_cross_entropy(record) or not len(later) or largest[0] > LARGEST / 2:
        return []
    text = "largest entry of the gradient of the output's biases, a mean of p − t and so within ±1"
    return [Evidence(text, float(largest[later[0]]), LARGEST, "above", int(series.steps[later[0]]), series.name)]


def beyond_a_gradient(record: Record) -> list[Evidence]:
    """A step of the output's biases that no gradient within its bounds explains, with any momentum in use.

    A mean of p − t is p̄ − π̂ with p̄ a distribution and π̂ the batch's shares of classes, so ‖g‖ ≤ max ‖e_k − π̂‖.
    Descent with momentum μ moves by at most η ‖g‖ / (1 − μ).
    """
    name = f"update/{record.output_bias}"
    if record.known.optimizer not in ("sgd", "momentum") or not record.has(name):
        raise MissingError("updates of an optimizer whose steps are as long as its gradients")
    gradient, update = output_gradient(record), record.series(name)
    if not is_cross_entropy(record) or max(-gradient.minimum.min(), gradient.maximum.max()) > LARGEST:
        return []  # told as sum-instead-of-mean
    plain = record.known.optimizer == "sgd" and looks_numbered(record.weights[0])  # PyTorch's SGD may have a momentum
    shares = class_shares(record)
    corner = float(np.sqrt(((np.eye(len(shares)) - shares) ** 2).sum(axis=1)).max())
    longest = LARGEST * min(2**0.5, corner + SURE * label_noise(record, record.batch_size))
    most = rates_at(record, update.steps) * longest / (1.0 if plain else 1 - MOMENTUM)
    far = np.flatnonzero(update.norm > most)
    if not len(far):
        return []
    at = far[0]
    text = "‖update‖ of the output's biases, beside the most that a mean of p − t allows, with a momentum up to 0.99"
    return [Evidence(text, float(update.norm[at]), float(most[at]), "above", int(update.steps[at]), name)]


def never_turning(record: Record) -> list[Evidence]:
    """Adam goes its whole rate in nearly every step of the second half, weights grow, and the loss that had fallen
    has risen: its gradients keep their direction, as a sum does, and a gradient of that loss does not."""
    if record.known.optimizer != "adam":
        raise MissingError("Adam's updates")
    pairs = [(record.series(f"update/{name}"), record.series(f"param/{name}")) for name in record.update_ratios()]
    pairs = [(update, values) for update, values in pairs if len(update) == len(pairs[0][0]) > 4]
    course = course_of(record)
    lowest = course.windows.min()
    if not pairs or course.broken or course.end < RISEN * lowest or lowest > (1 - STUCK) * course.start:
        return []
    changed = sum(update.count - update.zeros for update, _ in pairs)
    lengths = np.sqrt(sum(update.norm**2 for update, _ in pairs) / np.maximum(changed, 1))
    steps = pairs[0][0].steps
    half = len(steps) // 2
    share = float(np.median((lengths / rates_at(record, steps))[half:]))
    grown = all(values.norm[-1] > values.norm[half] for _, values in pairs)
    if share < STEADY or not grown:
        return []
    text = "size of Adam's steps in units of its rate, median over the second half"
    return [Evidence(text, share, STEADY, "above", int(steps[half]), pairs[0][0].name)]


def rates_at(record: Record, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    """(T,) the learning rate of these steps."""
    if "learning_rate" in record.run.scalar_names():
        at, rates = record.curve("learning_rate")
        return np.maximum(np.interp(steps, at, rates), np.finfo(np.float64).tiny)
    if record.known.learning_rate and looks_numbered(record.weights[0]):  # `backlight train mlp` knows no schedule
        return np.full(len(steps), record.known.learning_rate)
    raise MissingError("the scalar learning_rate")
