"""Are the samples what a network can learn from, and is the test part apart from the training part?"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from backlight.diagnosis.course import course_of
from backlight.diagnosis.finding import Evidence, Finding, Severity
from backlight.diagnosis.record import MissingError, Record
from backlight.diagnosis.rules.connection import inputs_are_zero
from backlight.diagnosis.rules.initialisation import overdriven
from backlight.diagnosis.significance import LIKELY, SURE, above, more_often, same_shares
from backlight.recording.data_facts import MOST_ROWS
from backlight.recording.facts import DataFacts
from backlight.recording.histogram import decode

LARGE = 10.0  # |x|, largest by smallest deviation
OFFSET = 3.0  # |mean| by deviation
SMALL = 0.02  # root mean square of the inputs
RATIO = 3.0  # largest by smallest class
GIVEN_UP = 0.25  # of the way from always naming the largest class to naming all rightly
EXPLAINED, SECOND = 0.98, 0.9  # η² of a feature that is the label, and of all others
ALONE = 0.99  # share of samples that one feature alone tells
REPEATED = 0.02
SORTED = 0.5  # stretches of equal labels, by their number in random order
EVEN = 1e6  # samples of each class, in a part that is as even as can be
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
    """Classes of very different sizes, of which the small ones are taken for large ones and not the reverse.

    A network that knows how frequent classes are errs both ways alike where the test part is as uneven as what it was
    trained on, however much classes overlap. Test parts of other shares are a hint by themselves.
    """
    data = data_of(record)
    counts = np.array([count for count in data.train_counts if count])
    ratio = float(counts.max() / counts.min())
    if ratio <= RATIO or same_shares(counts, np.full(len(counts), EVEN)) < SURE:
        return
    uneven = Evidence("largest by smallest class", ratio, RATIO, "above")
    other = same_shares(data.train_counts, data.test_counts)
    differ = [Evidence("difference of the two parts' shares of classes, in deviations", other, SURE, "above")]
    taken = small_for_large(record, data)
    bound = LIKELY if other > SURE else SURE
    if taken > bound:
        text = "samples of small classes are taken for large ones more often than the reverse, in deviations"
        evidence = (uneven, Evidence(text, taken, bound, "above"), *(differ if other > SURE else []))
        yield Finding("class-imbalance", "prevents" if largest_alone(record, counts) else "slows", evidence)
    elif not np.isfinite(taken) and largest_alone(record, counts):
        text = "training accuracy, beside that of always naming the largest class (a quarter of the way to 1 further)"
        least = majority_and(GIVEN_UP, counts)
        told = Evidence(text, course_of(record).accuracy, least, "below", None, "train/acc")
        yield Finding("class-imbalance", "prevents", (uneven, told))
    elif other > SURE:
        yield Finding("class-imbalance", "note", (uneven, *differ))


def largest_alone(record: Record, counts: NDArray[np.int64]) -> bool:
    """Is the training part told hardly better than by always naming the largest class?"""
    return course_of(record).accuracy < majority_and(GIVEN_UP, counts)


def majority_and(share: float, counts: NDArray[np.int64]) -> float:
    majority = float(counts.max() / counts.sum())
    return majority + share * (1 - majority)


def small_for_large(record: Record, data: DataFacts) -> float:
    """z of test samples of small classes being named as large ones against the reverse; NaN where nobody counted."""
    try:
        table = record.run.snapshot("test_confusion")
    except OSError:
        return float("nan")
    large = np.array(data.train_counts) > sum(data.train_counts) / len(data.train_counts)
    return more_often(float(table[~large][:, large].sum()), float(table[large][:, ~large].sum()))


def leaking_feature(record: Record) -> Iterator[Finding]:
    """One feature alone is as good as the label, and no other comes near it."""
    data = data_of(record)
    if len(data.means) == 2:
        return  # points in a plane may well lie on two sides of one axis
    best, second = data.explained
    asked = min(data.train_samples, MOST_ROWS)
    if best > EXPLAINED and second < SECOND:
        number = data.explaining_feature
        text = f"share of the variance of feature {number} that the class explains; of the next {second:.2f}"
        yield Finding("leaking-feature", "slows", (Evidence(text, best, EXPLAINED, "above"),))
        return
    best, second = data.alone
    if best > ALONE and above(best * asked, asked, second * asked, asked) > SURE:
        number = data.telling_feature
        text = f"share of samples whose class feature {number} alone tells; the next tells {second:.2f}"
        yield Finding("leaking-feature", "slows", (Evidence(text, best, ALONE, "above"),))


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
    in_order = list(labels_in_order(record))
    if facts.shuffled is False and in_order:
        yield Finding("unshuffled-data", "slows", tuple(in_order))
        return
    alike = first_batch_alike(record)
    if in_order and alike:
        yield Finding("unshuffled-data", "slows", (*alike, *in_order))
        return
    if facts.data and not in_order:
        severity = "note"  # a fixed order in which classes are mixed does little harm
    steps, loss = record.loss
    if len(steps) < 60 or steps[-1] != steps[0] + len(steps) - 1:
        raise MissingError("the loss of every step, of at least 60")
    lag, strength = period(loss)
    if lag and strength > PERIODIC:
        text = f"autocorrelation of the loss over {lag} steps, and again over {2 * lag}"
        evidence = Evidence(text, strength, PERIODIC, "above", int(steps[-1]), "train/loss")
        yield Finding("unshuffled-data", "slows" if alike else severity, (evidence, *alike))


def labels_in_order(record: Record) -> Iterator[Evidence]:
    data = record.known.data
    if data and data.label_runs < SORTED:
        text = "stretches of equal labels in the order of the training part, by those of a random order"
        yield Evidence(text, data.label_runs, SORTED, "below")


def first_batch_alike(record: Record) -> list[Evidence]:
    """Whether the first batch is of one class: the gradient of the output's biases, mean of 1/K − t, says so.

    Its square is 1 − 1/K for samples of one class. For B mixed ones it is Σ (1/K − s_k)² + (1 − Σ s_k²)/B on average,
    where s_k are the classes' shares; the bound lies half-way.
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
    most = 1 - 1 / K
    found, mixed = float(series.norm[0] ** 2) / most, mixed_batch(record) / most
    bound = (1 + mixed) / 2
    text = "‖g‖² of the output's biases in step 0 by that of samples of one class; half-way from a mixed batch"
    return [Evidence(text, found, bound, "above", 0, series.name)] if found > bound else []


def mixed_batch(record: Record) -> float:
    """‖g‖² that the output's biases have on average for a random batch, while all classes are named alike."""
    K, data = record.classes, record.known.data
    shares = np.full(K, 1 / K)
    if data and len(data.train_counts) == K:
        shares = np.array(data.train_counts) / max(1, sum(data.train_counts))
    return float(((shares - 1 / K) ** 2).sum() + (1 - (shares**2).sum()) / record.batch_size)


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
    """What the first layer gives is the same for all samples, or many samples are one and the same."""
    data = record.known.data
    if data and (copies := blank_share(data)):
        text = "share of training samples that are one and the same, with labels as mixed as those of the others"
        severity: Severity = "prevents" if copies > 0.5 else "slows"
        yield Finding("inputs-ignored", severity, (Evidence(text, copies, REPEATED, "above"),))
        return
    weight = record.weights[0]
    if inputs_are_zero(record):
        text = "share of the first layer's weight gradients that are exactly 0, while its bias has a gradient"
        yield Finding("inputs-ignored", "prevents", (Evidence(text, 1, 0.999, "above", 0, f"grad/{weight}"),))
        return
    name, units = same_for_all_samples(record)
    if name:
        text = "different values of the first layer's units over all samples, each as often as there are samples"
        yield Finding("inputs-ignored", "prevents", (Evidence(text, units, units + 1, "below", 0, name),))


def blank_share(data: DataFacts) -> float:
    """Share of training samples that are one row whose labels are those of everybody; 0 if that row says something.

    Where rows are repeated by nature, as among a few categories, others are as well.
    """
    counts = np.array(data.same_row_counts)
    copies = int(counts.sum())
    others = data.repeated_in_train * data.train_samples - (copies - 1)
    if copies <= max(1.0, REPEATED * data.train_samples) or others > REPEATED * data.train_samples:
        return 0.0
    mixed = same_shares(counts, np.array(data.train_counts) - counts) < SURE and (counts > 0).sum() > 1
    return copies / data.train_samples if mixed else 0.0


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
