"""Does the loss say what it should, with the labels that belong to the samples?"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from backlight.diagnosis.course import POOR, STUCK, course_of
from backlight.diagnosis.finding import Evidence, Finding, Severity
from backlight.diagnosis.record import MissingError, Record
from backlight.diagnosis.rules.gradient import LARGEST, SUM_SHARE, is_cross_entropy, output_gradient, sum_share
from backlight.recording.series import SummarySeries

ROUNDING = 1e-4  # of 1/K: how far the mean of probabilities in float32 may be from it
CLEAR = 3.0  # times nearer to one hypothesis than to the other
SURE = 4.0  # standard errors
AT_LEAST = 5  # recorded steps
WELL = 0.9  # training accuracy of a network that has learnt its samples


def softmax_before_loss(record: Record) -> Iterator[Finding]:
    """Outputs are probabilities already, and the loss takes their softmax once more.

    Such a loss is mean(ln Σ exp p_j) − mean(p_y) and lies above ln(1 + (K − 1)/e). Where nobody says what the loss is,
    it is held against that, and against −ln p, as the outputs' distribution predicts both: if outputs are as sure as
    they are right, and of two classes also by how often they are.
    """
    series = probabilities(record)
    if series is None:
        return
    K = record.classes
    loss = at_steps(record, series.steps)
    floor = float(np.log(1 + (K - 1) / math.e))
    kept = np.isfinite(loss)
    if kept.sum() < min(AT_LEAST, len(series)) or loss[kept].min() < floor * 0.98:
        return
    pairs = [predicted_losses(series, K), *losses_by_accuracy(record, series)]
    far_twice, far_once = (np.min([np.abs(loss - pair[n])[kept] for pair in pairs], axis=0) for n in (0, 1))
    nearer = far_once - far_twice
    sure = float(nearer.mean()) > SURE * float(nearer.std()) / len(nearer) ** 0.5
    said = record.known.loss == "cross_entropy"
    if said or (sure and np.median(far_once) > CLEAR * np.median(far_twice)):
        yield Finding("softmax-before-loss", "slows", (
            Evidence("|mean of the outputs − 1/K|: every row sums to 1", float(np.abs(series.mean - 1 / K).max()),
                     ROUNDING, "below", int(series.steps[-1]), series.name),
            Evidence("lowest loss, beside the least that softmax of probabilities allows, ln(1 + (K − 1)/e)",
                     float(loss[kept].min()), floor, "above", int(series.steps[-1]), "train/loss"),
        ))  # fmt: skip


def probabilities_into_nll(record: Record) -> Iterator[Finding]:
    """The loss lies between −1 and 0: the mean of −p_y, where −ln p_y was meant."""
    course = course_of(record)
    _, loss = record.loss
    kept = loss[np.isfinite(loss)]
    if kept.max() > 0 or kept.min() < -1 - 1e-6 or epsilon_of_negative(record):
        return
    series = probabilities(record)
    if series is None and abs(course.start + 1 / record.classes) > 0.7 / record.classes:
        return
    evidence = Evidence("highest loss: a cross-entropy is never below 0", float(kept.max()), 0, "below", 0)
    yield Finding("probabilities-into-nll", "slows", (evidence,))


def epsilon_in_log(record: Record) -> Iterator[Finding]:
    """Some probabilities are exactly 0 and the loss is finite: something keeps the logarithm from being taken of 0.
    Or the loss of right samples is below 0: something is added to their probability of 1."""
    epsilon = epsilon_of_negative(record)
    if epsilon:
        lowest = float(np.nanmin(record.loss[1]))
        yield Finding("epsilon-in-log", "slows", (
            Evidence("lowest loss: a cross-entropy is never below 0", lowest, 0, "below", None, "train/loss"),
            Evidence("ε for which first and last loss are −ln(p + ε)", epsilon, 0, "above", 0, "train/loss"),
        ))  # fmt: skip
        return
    series = probabilities(record)
    if series is None:
        return
    loss = at_steps(record, series.steps)
    twice, _ = predicted_losses(series, record.classes)
    zeros = (series.zeros > 0) & np.isfinite(loss)
    if zeros.sum() < 2 or not np.isfinite(record.loss[1]).all() or np.median(np.abs(loss - twice)) < 0.1:
        return
    accuracy = course_of(record).accuracy
    if not accuracy < WELL:  # right samples lose nothing by it
        return
    at = int(np.flatnonzero(zeros)[0])
    cost = float(loss[zeros][-1] / (1 - accuracy))
    yield Finding("epsilon-in-log", "slows", (
        Evidence("probabilities that are exactly 0, with a finite loss", float(series.zeros[at]), 0, "above",
                 int(series.steps[at]), series.name),
        Evidence("loss per wrong sample, which −ln ε bounds (13.8 for 1e-6, 18.4 for 1e-8)", cost, 1.0, "above",
                 int(series.steps[-1]), "train/loss"),
    ))  # fmt: skip


def epsilon_of_negative(record: Record) -> float:
    """ε of a loss −ln(p + ε) that goes below 0; 0 where the loss is none.

    It begins at −ln(1/K + ε), and of a share A of samples that are surely right it is −A ln(1 + ε) − (1 − A) ln ε.
    The mean of −p would be −A.
    """
    course = course_of(record)
    lowest, accuracy = float(np.nanmin(record.loss[1])), course.accuracy
    epsilon = math.exp(-course.start) - 1 / record.classes if course.start > -1 else 0.0
    if lowest >= 0 or epsilon <= 0 or not np.isfinite(accuracy):
        return 0.0
    try:
        if np.median(sum_share(record, output_gradient(record))) > SUM_SHARE:
            return 0.0  # no function of softmax(z)
    except MissingError:
        pass  # without a bias nothing speaks against it
    expected = -accuracy * math.log1p(epsilon) - (1 - accuracy) * math.log(epsilon)
    return epsilon if CLEAR * abs(course.end - expected) < abs(course.end + accuracy) else 0.0


def sum_instead_of_mean(record: Record) -> Iterator[Finding]:
    """A gradient that is larger than that of a mean cross-entropy can be, from the first step on."""
    course = course_of(record)
    if record.classes < 2 or not (record.known.loss == "cross_entropy" or np.isfinite(course.accuracy)):
        raise MissingError("a loss that is the cross-entropy of logits")
    low, high = logit_range(record)
    most = float(np.log(record.classes)) + (high - low)
    if (
        probabilities(record) is None
        and np.isfinite(most)
        and course.start > 1.05 * most
        and course.start > 2 * np.log(record.classes)
    ):
        text = (
            "loss at the start, beside the most that a mean cross-entropy of these logits can be, ln K + max z − min z"
        )
        yield Finding("sum-instead-of-mean", severity_of(record), (Evidence(text, course.start, most, "above", 0),))
        return
    series = output_gradient(record)
    if not is_cross_entropy(record) or series.steps[0] > 10:
        return
    largest = max(abs(float(series.minimum[0])), abs(float(series.maximum[0])))
    if largest > LARGEST:
        text = "largest entry of the gradient of the output's biases, a mean of p − t and so within ±1"
        evidence = Evidence(text, largest, LARGEST, "above", int(series.steps[0]), series.name)
        yield Finding("sum-instead-of-mean", severity_of(record), (evidence,))


# --- what these rules have in common ---------------------------------------------------------------------------------


def severity_of(record: Record) -> Severity:
    """A sum is another learning rate: harmless where the training went well. Its loss has nothing to do with ln K."""
    course = course_of(record)
    if course.accuracy > WELL:
        return "note"
    left = course.end / course.start
    return "prevents" if course.broken or not left < 1 - STUCK else "slows" if left > 1 - POOR else "note"


def probabilities(record: Record) -> SummarySeries | None:
    """The outputs, if they lie in 0…1 and their rows sum to 1 in every recorded step."""
    series = record.series(record.output)
    K = record.classes
    finite = series.finite == series.count
    inside = (series.minimum >= 0) & (series.maximum <= 1 + 1e-6) & (np.abs(series.mean - 1 / K) < ROUNDING / K)
    return series if len(series) and bool((inside | ~finite).all() and finite.any()) else None


def predicted_losses(series: SummarySeries, K: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(T,) the loss that softmax of these probabilities has, and that of −ln p, if they are as sure as they are right.

    Then the mean of p_y is Σ_j p_j², and that of −ln p_y is the entropy −Σ_j p_j ln p_j, per sample.
    """
    shares = (np.arange(64) + 0.5) / 64
    p = np.clip(series.quantiles(shares), 0, 1)
    squares = K * (series.variance + series.mean**2)
    twice = np.log(K * np.exp(p).mean(axis=1)) - squares
    entropy = K * -(p * np.log(np.maximum(p, 1e-30))).mean(axis=1)
    return twice, entropy


def losses_by_accuracy(record: Record, series: SummarySeries) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """As `predicted_losses`, for two outputs that are right as often as the accuracy says, however sure they are.

    The larger half of all outputs is then what samples have for the class that they are taken for; of more classes
    nobody knows what those that are wrong have for their own.
    """
    try:
        at, accuracy = record.accuracy
    except MissingError:
        return []
    if record.classes != 2:
        return []
    right = np.interp(series.steps, at, accuracy)
    p = np.clip(series.quantiles((np.arange(128) + 0.5) / 128), 1e-30, 1)
    named, other = p[:, 64:], p[:, :64]
    of_label = right * named.mean(axis=1) + (1 - right) * other.mean(axis=1)
    once = -right * np.log(named).mean(axis=1) - (1 - right) * np.log(other).mean(axis=1)
    return [(np.log(2 * np.exp(p).mean(axis=1)) - of_label, once)]


def at_steps(record: Record, steps: NDArray[np.int64]) -> NDArray[np.float64]:
    at, loss = record.loss
    return np.interp(steps, at, loss)


def logit_range(record: Record) -> tuple[float, float]:
    series = record.series(record.output)
    return float(series.minimum[0]), float(series.maximum[0])
