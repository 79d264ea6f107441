"""Are the samples what a network can learn from, and is the test part apart from the training part?"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from backlight.diagnosis.course import course_of
from backlight.diagnosis.finding import Evidence, Finding, Severity
from backlight.diagnosis.record import MissingError, Record
from backlight.diagnosis.rules.connection import inputs_are_zero
from backlight.diagnosis.rules.initialisation import overdriven
from backlight.recording.facts import DataFacts
from backlight.recording.histogram import decode

LARGE = 10.0  # |x|, largest by smallest deviation
OFFSET = 3.0  # |mean| by deviation
SMALL = 0.02  # root mean square of the inputs
RATIO = 5.0  # largest by smallest class
EXPLAINED, SECOND = 0.98, 0.9  # η² of a feature that is the label, and of all others
REPEATED = 0.02
ONE_CLASS = 0.5
PERIODIC = 0.35  # autocorrelation of the loss


def unscaled_inputs(record: Record) -> Iterator[Finding]:
    """Features of very different or very large scales, which nothing in the network sets right. A normalising layer
    does, unless the loss begins high or units are saturated all the same: then samples also take a way around it."""
    course = course_of(record)
    if record.normalised and not any(True for _ in overdriven(record, course.start, course.chance)):
        return
    found = list(scale_evidence(record))
    if found:
        yield Finding(
            "unscaled-inputs", "prevents" if course.stuck else "slows" if course.poor else "note", tuple(found)
        )


def scale_evidence(record: Record) -> Iterator[Evidence]:
    data = record.known.data
    if data is not None:
        deviations = np.array(data.deviations)
        varying = deviations > 0
        if not varying.any():
            return
        offset = float((np.abs(np.array(data.means))[varying] / deviations[varying]).max())
        spread = float(deviations[varying].max() / deviations[varying].min())
        if max(data.largest) > LARGE:
            yield Evidence("largest |x| of a feature", max(data.largest), LARGE, "above")
        if spread > LARGE:
            yield Evidence("largest by smallest deviation of a feature", spread, LARGE, "above")
        if offset > OFFSET:
            yield Evidence("largest |mean| of a feature by its deviation", offset, OFFSET, "above")
        if max(data.largest) < SMALL:
            yield Evidence("largest |x| of a feature", max(data.largest), SMALL, "below")
        return
    size = input_size(record)
    if size > LARGE:
        yield Evidence("root mean square of the inputs, from what the first layer makes of them at the start", size,
                       LARGE, "above", 0, f"param/{record.weights[0]}")  # fmt: skip
    elif 0 < size < SMALL:
        yield Evidence("root mean square of the inputs, from what the first layer makes of them at the start", size,
                       SMALL, "below", 0, f"param/{record.weights[0]}")  # fmt: skip


def input_size(record: Record) -> float:
    """√E[x²] of the inputs: a first layer of independent weights has E[z²] = fan_in E[w²] E[x²] + E[b²]."""
    weight = record.weights[0]
    output = next((each.output for each in record.facts.parameters if each.name == weight), "")
    if not output or not record.has(f"act/{output}"):
        raise MissingError("what the first layer gives")
    given, weights = record.series(f"act/{output}"), record.series(f"param/{weight}")
    if given.steps[0] != 0 or weights.steps[0] != 0:
        raise MissingError("a record that begins with the initial weights")
    bias = record.bias_of(weight)
    spread = second_moment(record, f"param/{bias}") if bias else 0.0
    scale = record.fan_in(weight) * second_moment(record, f"param/{weight}")
    return float(np.sqrt(max(second_moment(record, given.name) - spread, 0) / scale)) if scale > 0 else 0.0


def second_moment(record: Record, name: str) -> float:
    series = record.series(name)
    return float(series.variance[0] + series.mean[0] ** 2)


def class_imbalance(record: Record) -> Iterator[Finding]:
    """Classes of very different sizes, and a network that names the largest one alone."""
    data = data_of(record)
    counts = [count for count in data.train_counts if count]
    ratio = max(counts) / min(counts)
    majority = max(counts) / sum(counts)
    accuracy = course_of(record).accuracy
    if ratio > RATIO and accuracy < majority + 0.25 * (1 - majority):
        text = "training accuracy, beside that of always naming the largest class (a quarter of the way to 1 further)"
        yield Finding("class-imbalance", "prevents", (
            Evidence("largest by smallest class", ratio, RATIO, "above"),
            Evidence(text, accuracy, majority + 0.25 * (1 - majority), "below", None, "train/acc"),
        ))  # fmt: skip


def leaking_feature(record: Record) -> Iterator[Finding]:
    """One feature alone is as good as the label, and no other comes near it."""
    data = data_of(record)
    best, second = data.explained
    if best > EXPLAINED and second < SECOND and len(data.means) != 2:
        number = data.explaining_feature
        text = f"share of the variance of feature {number} that the class explains; of the next {second:.2f}"
        yield Finding("leaking-feature", "slows", (Evidence(text, best, EXPLAINED, "above"),))


def split_overlap(record: Record) -> Iterator[Finding]:
    """Test rows that also stand in the training part, more often than rows are repeated in it anyway."""
    data = data_of(record)
    bound = max(REPEATED, 2 * data.repeated_in_train)
    if data.repeated_in_test > bound:
        text = "share of test samples that also stand in the training part"
        yield Finding("split-overlap", "slows", (Evidence(text, data.repeated_in_test, bound, "above"),))


def unshuffled_data(record: Record) -> Iterator[Finding]:
    """Batches of samples alike: the loss comes back to where it was with every pass over the data."""
    facts = record.known
    if facts.shuffled:
        return
    course = course_of(record)
    severity: Severity = "slows" if course.poor or not np.isfinite(course.accuracy) else "note"
    if facts.shuffled is False and facts.data and facts.data.label_runs < 0.5:
        text = "stretches of equal labels in the order of training, by those of a random order"
        yield Finding("unshuffled-data", "slows", (Evidence(text, facts.data.label_runs, 0.5, "below"),))
        return
    steps, loss = record.loss
    if len(steps) < 60 or steps[-1] != steps[0] + len(steps) - 1:
        raise MissingError("the loss of every step, of at least 60")
    lag, strength = period(loss)
    alike = first_batch_alike(record)
    if lag and strength > PERIODIC:
        text = f"autocorrelation of the loss over {lag} steps, and again over {2 * lag}"
        evidence = Evidence(text, strength, PERIODIC, "above", int(steps[-1]), "train/loss")
        yield Finding("unshuffled-data", "slows" if alike else severity, (evidence, *alike))


def first_batch_alike(record: Record) -> list[Evidence]:
    """Whether the first batch is of one class: the gradient of the output's biases, mean of 1/K − t, says so.

    Its square is (1 − 1/K)/B on average for B samples of even classes, and 1 − 1/K for samples of one class.
    """
    try:
        series, K = record.series(f"grad/{record.output_bias}"), record.classes
        course = course_of(record)
    except MissingError:
        return []
    if (
        not len(series)
        or series.steps[0] != 0
        or abs(course.start - np.log(K)) > 0.2 * np.log(K)
        or record.batch_size < 8
    ):
        return []
    share = float(series.norm[0] ** 2 / (1 - 1 / K))
    text = "‖g‖² of the output's biases in step 0 by that of samples of one class; a mixed batch has 1/B"
    return [Evidence(text, share, ONE_CLASS, "above", 0, series.name)] if share > ONE_CLASS else []


def period(loss: NDArray[np.float64]) -> tuple[int, float]:
    """(steps after which the loss comes back, how much so): the highest peak that also stands at twice the lag."""
    values = np.log(np.maximum(np.nan_to_num(loss, nan=1.0, posinf=1e6), 1e-9))
    half = len(values) // 2
    values = values[-max(half, 60) :]  # without the fall at first
    position = np.arange(len(values))
    values = values - np.polyval(np.polyfit(position, values, 3), position)
    power = float(values @ values)
    if power <= 0:
        return 0, 0.0
    spectrum = np.fft.rfft(values, 2 * len(values))
    correlation = np.fft.irfft(spectrum * spectrum.conj())[: len(values)] / power
    correlation *= len(values) / np.maximum(len(values) - position, 1)
    most = len(values) // 3
    below_zero = np.flatnonzero(correlation[:most] < 0)
    if not len(below_zero):
        return 0, 0.0
    lags = np.arange(max(4, below_zero[0]), most)
    if not len(lags):
        return 0, 0.0
    twice = np.array([correlation[max(1, 2 * lag - 1) : 2 * lag + 2].max() for lag in lags])
    strength = np.minimum(correlation[lags], twice)
    best = int(strength.argmax())
    return int(lags[best]), float(strength[best])


def inputs_ignored(record: Record) -> Iterator[Finding]:
    """What the first layer gives is the same for all samples."""
    weight = record.weights[0]
    if inputs_are_zero(record):
        text = "share of the first layer's weight gradients that are exactly 0, while its bias has a gradient"
        yield Finding("inputs-ignored", "prevents", (Evidence(text, 1, 0.999, "above", 0, f"grad/{weight}"),))
        return
    name, units = same_for_all_samples(record)
    if name:
        text = "different values of the first layer's units over all samples, each as often as there are samples"
        yield Finding("inputs-ignored", "prevents", (Evidence(text, units, units + 1, "below", 0, name),))


def same_for_all_samples(record: Record) -> tuple[str, int]:
    """(name, different values) of the first activation if each of its units gives one value alone; ("", 0) if not.

    Each non-empty cell of its histogram then holds a multiple of the number of samples.
    """
    bias = record.bias_of(record.weights[0])
    first = record.tensors("act")[0]
    series = record.series(first)
    units = int(record.series(f"param/{bias}").count[0]) if bias else 0
    differ = record.series(f"param/{record.weights[0]}").variance[0] > 0
    if not units or not differ or series.count[0] % units or series.count[0] < 8 * units:
        return "", 0
    samples = int(series.count[0]) // units
    for histogram in series.histograms[:3]:
        counts = decode(histogram)[1]
        if len(counts) > units or (counts % samples).any():
            return "", 0
    return first, len(decode(series.histograms[0])[1])


def data_of(record: Record) -> DataFacts:
    if record.facts.data is None:
        raise MissingError("the samples' facts, which train writes and watch does not know")
    return record.facts.data
