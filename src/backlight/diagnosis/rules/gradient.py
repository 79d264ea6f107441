"""Is the gradient that of the loss? What the gradient of the output's biases says about it.

For the mean cross-entropy of softmax(z) it is g = mean over samples of p − t, so (i) no entry is beyond ±1, (ii) its
entries sum to 0, and (iii) none is exactly 0 as long as anything is left to learn.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from backlight.diagnosis.course import course_of
from backlight.diagnosis.finding import Evidence, Finding, Severity
from backlight.diagnosis.record import NO_SLOPE, MissingError, Record
from backlight.diagnosis.rules.numbers import layer_of
from backlight.recording.series import SummarySeries

LARGEST = 1.01  # of an entry of g, with room for rounding
SUM_SHARE = 0.05  # |Σ g| by ‖g‖₁, above what rounding or a penalty on biases does to it
TO_LEARN = 0.1  # of ln K: a loss above it leaves something to learn
FIRST, FULL = 7, 0.55  # steps in which gradients that are never cleared grow at least as steps^0.55: above √steps
EVEN = 4.0  # largest by median increment: an explosion's grow, a sum's do not
RISING, SHORT = 0.8, 0.1  # of the stretches: a loss that rises, with steps that do not throw the weights about
AT_START = 0.35  # of ln K: how near to it a first loss lies that is a cross-entropy's


def is_cross_entropy(record: Record) -> bool:
    """Is the loss the mean cross-entropy of logits: said to be, or begun near ln K?"""
    if record.known.loss:
        return record.known.loss == "cross_entropy"
    start, chance = course_of(record).start, float(np.log(record.classes))
    return record.classes >= 2 and abs(start - chance) < AT_START * chance


def output_gradient(record: Record) -> SummarySeries:
    """Of the output's biases, in steps that leave something to learn."""
    if not record.has(f"grad/{record.output_bias}"):
        raise MissingError("the gradient of the output's biases")
    return record.series(f"grad/{record.output_bias}")


def learning(record: Record, steps: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(T,) whether the loss at these steps leaves something to learn."""
    at, loss = record.loss
    return np.interp(steps, at, np.nan_to_num(loss)) > TO_LEARN * np.log(record.classes)


def wrong_gradient(record: Record) -> Iterator[Finding]:
    """The entries of the gradient of the output's biases do not sum to 0."""
    series = output_gradient(record)
    if not is_cross_entropy(record):
        raise MissingError("a loss that is the cross-entropy of logits")
    if output_gate(record) or slope_zeros(record).any():
        return  # told as output-slope
    sums = np.abs(series.mean) * series.count
    lengths = np.sqrt(series.count) * series.norm
    share = np.divide(sums, lengths, out=np.zeros(len(series)), where=lengths > 0)[learning(record, series.steps)]
    course = course_of(record)
    severity: Severity = "prevents" if course.stuck else "slows"
    # The median, so that no single step of a nearly vanished gradient decides
    if len(share) and np.median(share) > SUM_SHARE:
        text = "|Σ g| / (√K ‖g‖) of the output's biases, 0 for a cross-entropy of softmax(z)"
        first = Evidence(text, float(np.median(share)), SUM_SHARE, "above", int(series.steps[0]), series.name)
        yield Finding("wrong-gradient", severity, (first,), layer_of(series.name))
        return
    rising = float((np.diff(course.windows) > 0).mean()) if len(course.windows) >= 8 else 0.0
    every = [ratios[np.isfinite(ratios)] for _, ratios in record.update_ratios().values()]
    longest = max((float(np.median(ratios)) for ratios in every if len(ratios)), default=np.inf)
    if rising > RISING and course.end > 1.2 * course.start and longest < SHORT:
        text = "share of the training's stretches in which the loss rose, although steps were short"
        evidence = (
            Evidence(text, rising, RISING, "above", int(course.steps[-1]), "train/loss"),
            Evidence("‖update‖ / ‖weights‖, median over the training", longest, SHORT, "below"),
        )
        yield Finding("wrong-gradient", "prevents", evidence)


def missing_zero_grad(record: Record) -> Iterator[Finding]:
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
        return
    growth, wanted = total / total[0], np.arange(1, FIRST + 2) ** FULL
    increments = np.diff(growth)
    even = increments.min() > 0 and increments.max() < EVEN * np.median(increments)
    beyond = beyond_a_mean(record)
    if (growth[3:] >= wanted[3:]).all() and growth[-1] <= 1.5 * (FIRST + 1) and (even or beyond):
        text = f"norm of all gradients in step {FIRST} by that in step 0, beside {FIRST + 1}^{FULL}"
        evidence = [Evidence(text, float(growth[-1]), float(wanted[-1]), "above", FIRST, names[0]), *beyond]
        yield Finding("missing-zero-grad", "prevents", tuple(evidence))


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


def output_slope(record: Record) -> Iterator[Finding]:
    """Logits that get no gradient wherever they are negative."""
    course = course_of(record)
    gate = output_gate(record)
    if gate and course.poor:
        series = record.series(gate)
        share = 1 - float(series.passing[-1]) / float(series.count[-1])
        text = (
            f"share of outputs at which {record.activation(gate)}, the last thing before the loss, passes no gradient"
        )
        passed = Evidence(text, share, 0, "above", int(series.steps[-1]), gate)
        if share > 0:
            yield Finding("output-slope", "prevents" if course.stuck else "slows", (passed,), layer_of(gate))
        return
    series = output_gradient(record)
    zeros = slope_zeros(record)
    if not zeros.any():
        return
    at = int(np.flatnonzero(zeros)[0])
    text = (
        f"entries of the gradient of the {int(series.count[at])} output biases that are exactly 0, with a loss to learn"
    )
    evidence = [Evidence(text, float(series.zeros[at]), 0, "above", int(series.steps[at]), series.name)]
    output = record.series(record.output)
    if output.maximum[-1] <= 0:
        evidence.append(Evidence("largest logit of all samples", float(output.maximum[-1]), 0, "below",
                                 int(output.steps[-1]), record.output))  # fmt: skip
    all_zero = bool((series.zeros[-1] == series.count[-1]) and zeros[-1])
    yield Finding("output-slope", "prevents" if all_zero or course.poor else "slows", tuple(evidence),
                  layer_of(series.name))  # fmt: skip


def output_gate(record: Record) -> str | None:
    """The last activation, if it comes from a function that is flat somewhere."""
    name = record.output
    return name if name in record.gated and record.activation(name) in NO_SLOPE else None


def slope_zeros(record: Record) -> NDArray[np.bool_]:
    """(T,) whether some entry of the gradient of the output's biases is exactly 0 while there is a loss to learn."""
    series = output_gradient(record)
    if not is_cross_entropy(record):
        return np.zeros(len(series), np.bool_)
    return (series.zeros > 0) & learning(record, series.steps) & (series.steps > 0)
