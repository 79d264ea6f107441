"""What the network was before the first update."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from backlight.diagnosis.course import course_of
from backlight.diagnosis.finding import Evidence, Finding, Severity
from backlight.diagnosis.record import NO_SLOPE, SATURATING, MissingError, Record
from backlight.diagnosis.rules.numbers import layer_of

# fan_in · Var(w), geometric mean over layers: 1/3 as PyTorch draws, 1 Glorot, 2 He, 2.8 with tanh's gain of 5/3
SMALL_GAIN, LARGE_GAIN = 0.1, 6.0
STANDARD = 25 / 9  # the largest of torch.nn.init.calculate_gain: what is above it grows from layer to layer …
DEPTH = 3  # … which so many layers make of it
ONE_LAYER = 25.0  # times the geometric mean of the others: one layer alone is drawn on another scale
GAIN = "fan_in · E[w²] at the start, geometric mean over layers or of the largest (1 for Glorot, 2 for He)"
FLAT = {"tanh": np.arctanh(0.98), "sigmoid": np.log(99), "hardtanh": 1.0, "hardsigmoid": 3.0}  # see recording.gates
FADED = 0.02  # deviation of the outputs at the start, by that of the first layer's
HIGH_START = 1.8  # loss at the start by that of chance
BORN_DEAD = 0.8  # share of a layer's units
SATURATED = 0.5  # share of values


def at_start(record: Record, name: str) -> bool:
    return record.has(name) and len(record.series(name)) > 0 and int(record.series(name).steps[0]) == 0


def initial_weights(record: Record) -> list[str]:
    """Raises MissingError unless the initial weights are in the record."""
    found = [name for name in record.weights if at_start(record, f"param/{name}")]
    if not found:
        raise MissingError("a record that begins with the initial weights")
    return found


def constant_initialisation(record: Record) -> Iterator[Finding]:
    """Weights that are all the same: units of such a layer do the same and stay the same.

    An output layer of zeros alone is no fault: its own gradient is not zero, and the units below differ.
    """
    weights = initial_weights(record)
    constant = [
        name
        for name in weights
        if (series := record.series(f"param/{name}")).count[0] > 1 and series.minimum[0] == series.maximum[0]
        and not normalises(record, name)
    ]  # fmt: skip
    if constant and (constant != weights[-1:] or len(weights) == 1):
        if len(weights) == 1:
            return  # without a hidden layer there is nothing to tell apart
        text = "deviation of the initial weights"
        evidence = tuple(Evidence(text, 0, 1e-12, "below", 0, f"param/{name}") for name in constant)
        yield Finding("constant-initialisation", "prevents", evidence, layer_of(evidence[0].tensor))


def normalises(record: Record, weight: str) -> bool:
    """Is it the scale of a normalising layer, which is 1 at first?"""
    kind = dict(record.known.modules).get(weight.rpartition(".")[0], "")
    return "Norm" in kind


def same_seed_in_layers(record: Record) -> Iterator[Finding]:
    """Two layers whose initial weights are the same numbers but for a factor."""
    if record.known.same_draws:
        one, other = record.known.same_draws[0]
        text = f"pairs of layers whose first weights differ by a factor alone, such as {one} and {other}"
        evidence = Evidence(text, len(record.known.same_draws), 0, "above", 0, f"param/{other}")
        yield Finding("same-seed-in-layers", "slows", (evidence,), layer_of(evidence.tensor))
        return
    seen: dict[tuple[float, ...], str] = {}
    for name in initial_weights(record):
        series = record.series(f"param/{name}")
        if series.count[0] < 4 or series.variance[0] == 0:
            continue
        scale = float(series.deviation[0])
        moments = (series.mean[0] / scale, series.minimum[0] / scale, series.maximum[0] / scale)
        key = (float(series.count[0]), *(round(float(each), 9) for each in moments))
        if key in seen:
            text = (
                f"layers of the same size whose initial weights have the same mean and extremes as those of {seen[key]}"
            )
            yield Finding("same-seed-in-layers", "slows",
                          (Evidence(text, 1, 0, "above", 0, f"param/{name}"),), layer_of(f"param/{name}"))  # fmt: skip
            return
        seen[key] = name


def initial_scale(record: Record) -> Iterator[Finding]:
    """Initial weights so small that signals fade, or initial values so large that the loss begins high or units
    saturate. One layer is named where it is drawn on a scale of its own."""
    found = list(saturating_biases(record))
    if found:
        yield from found
        return
    weights = [name for name in initial_weights(record) if not normalises(record, name) and not looks_up(record, name)]
    if record.normalised:
        raise MissingError("a network without normalising layers, in which the weights set the scale")
    gains = np.array([gain(record, name) for name in weights])
    if not len(gains) or (gains <= 0).any():
        return  # told as constant
    course = course_of(record)
    typical, error = geometric_mean(gains), drawing_error(record, weights)
    severity: Severity = "prevents" if course.stuck else "slows"
    if typical * error < SMALL_GAIN and (course.poor or plateau(record)):
        odd = int(gains.argmin())
        evidence = Evidence(GAIN, typical, SMALL_GAIN, "below", 0, f"param/{weights[odd]}")
        yield Finding("initial-scale", severity, (evidence, *fading(record)), odd_layer(weights, 1 / gains))
        return
    odd = int(gains.argmax())
    largest = max(typical, float(gains[odd]))
    layer = odd_layer(weights, gains) if largest > LARGE_GAIN else ""
    harm = list(overdriven(record, course.start, course.chance))
    deep = len(gains) >= DEPTH and typical / error > STANDARD
    if (harm and typical > LARGE_GAIN) or ((deep or layer) and (harm or course.poor)):
        bound = LARGE_GAIN if largest > LARGE_GAIN else STANDARD
        evidence = Evidence(GAIN, largest, bound, "above", 0, f"param/{weights[odd]}")
        yield Finding("initial-scale", severity, (evidence, *harm), layer)
    else:
        yield from partial_outputs(record, course.start, course.chance, severity)


def saturating_biases(record: Record) -> Iterator[Finding]:
    """Layers that are saturated before the first update, whatever comes in: their biases alone lie that far out."""
    for name in record.gated:
        flat = FLAT.get(record.activation(name), np.inf)
        weight = weight_before(record, name)
        bias = record.bias_of(weight) if weight else None
        if bias is None or not at_start(record, name) or not at_start(record, f"param/{bias}"):
            continue
        series, share = record.series(f"param/{bias}"), float(record.series(name).saturated_share[0])
        size = float(series.norm[0] / np.sqrt(series.count[0]))
        if share > SATURATED and size > flat:
            text = "root mean square of the biases at the start, where the activation function is flat"
            yield Finding("initial-scale", "prevents" if course_of(record).stuck else "slows", (
                Evidence(text, size, flat, "above", 0, f"param/{bias}"),
                Evidence("share of values in saturation at the start", share, SATURATED, "above", 0, name),
            ), layer_of(name))  # fmt: skip


def weight_before(record: Record, activation: str) -> str | None:
    """Of the layer whose output was the last before the activation."""
    outputs = {f"act/{each.output}": each.name for each in record.known.parameters if each.fan_in and each.output}
    before = [outputs[name] for name in record.names[: record.names.index(activation)] if name in outputs]
    return before[-1] if before else None


def partial_outputs(record: Record, start: float, chance: float, severity: Severity) -> Iterator[Finding]:
    """A loss that begins high since the output's biases favour some classes: it is at most ln K + max b − min b."""
    if start <= HIGH_START * chance or not at_start(record, f"param/{record.output_bias}"):
        return
    biases = record.series(f"param/{record.output_bias}")
    spread, needed = float(biases.maximum[0] - biases.minimum[0]), start - float(np.log(record.classes))
    if spread > needed > 0:
        text = "largest by smallest bias of the output at the start, against what the loss at the start lies above ln K"
        evidence = Evidence(text, spread, needed, "above", 0, f"param/{record.output_bias}")
        yield Finding("initial-scale", severity, (evidence,), layer_of(evidence.tensor))


def looks_up(record: Record, weight: str) -> bool:
    """Is it an embedding, of which each row is taken as it is, and no sum is made?"""
    return dict(record.known.modules).get(weight.rpartition(".")[0], "").startswith("Embedding")


def gain(record: Record, weight: str) -> float:
    return record.fan_in(weight) * float(record.series(f"param/{weight}").norm[0] ** 2 / counted(record, weight))


def counted(record: Record, weight: str) -> int:
    return int(record.series(f"param/{weight}").count[0])


def geometric_mean(gains: NDArray[np.float64]) -> float:
    return float(np.exp(np.log(gains).mean()))


def drawing_error(record: Record, weights: list[str]) -> float:
    """A factor by which the mean of drawn gains hardly ever misses that of their distributions: three deviations, as
    the logarithm of a mean of n squares has a variance of 2/n."""
    return float(np.exp(3 * np.sqrt(sum(2 / counted(record, name) for name in weights)) / len(weights)))


def odd_layer(weights: list[str], gains: NDArray[np.float64]) -> str:
    """The layer whose gain is far above those of all others; "" if there is none."""
    odd = int(gains.argmax())
    others = np.delete(gains, odd)
    return layer_of(f"param/{weights[odd]}") if len(others) and gains[odd] > ONE_LAYER * geometric_mean(others) else ""


def plateau(record: Record) -> bool:
    """Did the loss stay where it began for the first tenth of the training?"""
    course = course_of(record)
    early = course.windows[: max(2, len(course.windows) // 10)]
    return len(course.windows) >= 10 and bool((np.abs(early - course.start) < 0.02 * course.chance).all())


def fading(record: Record) -> Iterator[Evidence]:
    acts = [name for name in record.tensors("act") if at_start(record, name) and name not in record.gated]
    if len(acts) > 1:
        share = float(record.series(acts[-1]).deviation[0] / max(record.series(acts[0]).deviation[0], 1e-300))
        if share < FADED:
            text = "deviation of the outputs at the start by that of the first layer's"
            yield Evidence(text, share, FADED, "below", 0, acts[-1])


def overdriven(record: Record, start: float, chance: float) -> Iterator[Evidence]:
    if start > HIGH_START * chance:
        yield Evidence("loss at the start, beside that of chance", start, HIGH_START * chance, "above", 0, "train/loss")
    for name in record.gated:
        if record.activation(name) in SATURATING and at_start(record, name):
            share = float(record.series(name).saturated_share[0])
            if share > SATURATED:
                yield Evidence("share of values in saturation at the start", share, SATURATED, "above", 0, name)


def born_dead(record: Record) -> Iterator[Finding]:
    """Layers most of whose units fire for no sample, from before the first update to the end."""
    for name in record.gates(NO_SLOPE):
        if not at_start(record, name) or name == record.output:
            continue
        series = record.series(name)
        never = ~series.live.any(axis=0)
        share = float((~series.live[0]).mean())
        if share >= BORN_DEAD and never.mean() >= BORN_DEAD and course_of(record).poor:
            text = "share of units that fire for no sample before the first update, nor ever after"
            units = tuple(int(unit) for unit in np.flatnonzero(never))
            evidence = Evidence(text, float(never.mean()), BORN_DEAD, "above", 0, name, units)
            yield Finding("born-dead", "prevents" if never.all() else "slows", (evidence,), layer_of(name))
