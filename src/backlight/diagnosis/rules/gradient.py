"""Is the gradient that of the loss? What the gradient of the output's biases says about it.

For the mean cross-entropy of softmax(z) it is g = mean over samples of p − t, so (i) no entry is beyond ±1, (ii) its
entries sum to 0, and (iii) none is exactly 0 as long as anything is left to learn.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from backlight.diagnosis.course import course_of
from backlight.diagnosis.finding import Evidence, Finding, Severity
from backlight.diagnosis.record import NO_SLOPE, MissingError, Record
from backlight.diagnosis.rules.numbers import layer_of
from backlight.recording.series import SummarySeries

LARGEST = 1.01  # of an entry of g, with room for rounding
SUM_SHARE = 0.02  # |Σ g| / (√K ‖g‖): five times what rounding each entry to bfloat16 (2⁻⁸) can do to it
TO_LEARN = 0.1  # of ln K: a loss above it leaves something to learn
UNDERFLOW = 88.0  # logits so far apart have a softmax that may be exactly 0 in float32
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
    return np.interp(steps, at, np.nan_to_num(loss)) > TO_LEARN * math.log(record.classes)


def class_shares(record: Record) -> NDArray[np.float64]:
    """(K,) π, of the training part; 1/K where nobody knows."""
    data = record.known.data
    counts = np.array(data.train_counts if data and sum(data.train_counts) else [1] * record.classes, np.float64)
    return counts / float(counts.sum())


def label_noise(record: Record, samples: float) -> float:
    """Root mean square length of π̂ − π, for the classes' shares π̂ among `samples` drawn without replacement."""
    data = record.known.data
    left = max(0.0, 1 - samples / data.train_samples) if data else 1.0
    return float(np.sqrt((1 - (class_shares(record) ** 2).sum()) / samples * left))


def wrong_gradient(record: Record) -> Iterator[Finding]:
    """The entries of the gradient of the output's biases do not sum to 0, or units without a slope have a gradient."""
    if left_out := slope_left_out(record):
        yield Finding("wrong-gradient", severity_of(record), (left_out,), layer_of(left_out.tensor))
        return
    series = output_gradient(record)
    if not is_cross_entropy(record):
        raise MissingError("a loss that is the cross-entropy of logits")
    if output_gate(record) or slope_zeros(record).any():
        return  # told as output-slope
    share = sum_share(record, series)[learning(record, series.steps)]
    course, severity = course_of(record), severity_of(record)
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
        grown = growing_output(record)
        yield Finding("wrong-gradient", "prevents", (*evidence, *grown), layer_of(grown[0].tensor) if grown else "")


def growing_output(record: Record) -> list[Evidence]:
    """Weights of the output layer that grow while the loss is above that of logits which are all 0.

    The loss is convex in the logits, so ⟨∂L/∂W, W⟩ ≥ L(z) − L(0) > 0 there, biases counted in: each short step down
    that gradient makes them shorter.
    """
    series, course = record.series(f"param/{record.weights[-1]}"), course_of(record)
    if course.end <= np.log(record.classes) or series.norm[-1] <= series.norm[0]:
        return []
    text = "‖weights‖ of the output layer, beside those at the start; with a loss above ln K its gradient shortens them"
    return [Evidence(text, float(series.norm[-1]), float(series.norm[0]), "above", int(series.steps[-1]), series.name)]


def severity_of(record: Record) -> Severity:
    return "prevents" if course_of(record).stuck else "slows"


def slope_left_out(record: Record) -> Evidence | None:
    """Biases of hidden units that no sample activates, f′ = 0 for all of them, and whose gradient is not exactly 0.

    Only of networks that were written by hand: autograd knows its slopes.
    """
    for name in record.gated:
        gradient = f"grad/b{name.removeprefix('act/a')}"
        if not record.has(gradient) or record.activation(name) not in NO_SLOPE:
            continue
        units, slopes = record.series(name), record.series(gradient)
        _, ours, theirs = np.intersect1d(units.steps, slopes.steps, return_indices=True)
        dead, zeros = (~units.live[ours]).sum(axis=1), slopes.zeros[theirs]
        moved = np.flatnonzero((zeros < dead) & (slopes.finite == slopes.count)[theirs])
        if len(moved) and units.live.shape[1] == slopes.count[0]:
            at = moved[0]
            text = f"entries of the biases' gradient that are exactly 0, of {dead[at]} units that no sample activates"
            return Evidence(text, float(zeros[at]), float(dead[at]), "below", int(units.steps[ours][at]), gradient)
    return None


def sum_share(record: Record, series: SummarySeries) -> NDArray[np.float64]:
    """(T,) |Σ g| / (√K ‖g‖), from 0 to 1, of what no penalty λ b on the biases explains."""
    sums, lengths = series.mean * series.count, np.sqrt(series.count) * series.norm
    biases = record.series(f"param/{record.output_bias}")
    of_biases = np.interp(series.steps, biases.steps, biases.mean * biases.count)
    squares = float(of_biases @ of_biases)
    penalty = max(0.0, float(sums @ of_biases) / squares) if squares > 0 else 0.0
    left = np.minimum(np.abs(sums - penalty * of_biases), np.abs(sums))
    return np.divide(left, lengths, out=np.zeros(len(series)), where=lengths > 0)


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
    first, last = np.flatnonzero(zeros)[[0, -1]]
    text = f"dead logits of {int(series.count[first])}: entries of their biases' gradient that are exactly 0"
    evidence = [
        Evidence(f"{text}, {when} with a loss to learn", float(series.zeros[at]), 0, "above", int(series.steps[at]),
                 series.name)
        for when, at in (("first", first), ("last", last))
    ]  # fmt: skip
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
    return (series.zeros > 0) & learning(record, series.steps) & (series.steps > 0) & ~underflow(record, series.steps)


def underflow(record: Record, steps: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(T,) whether logits lie so far apart that p − t is exactly 0 for a class that a batch does not have."""
    output = record.series(record.output)
    return np.interp(steps, output.steps, output.maximum - output.minimum) > UNDERFLOW
