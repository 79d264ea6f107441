"""What the network was before the first update."""

from collections.abc import Iterator

import numpy as np

from backlight.diagnosis.course import course_of
from backlight.diagnosis.finding import Evidence, Finding
from backlight.diagnosis.record import NO_SLOPE, SATURATING, MissingError, Record
from backlight.diagnosis.rules.numbers import layer_of

# fan_in · Var(w), geometric mean over layers: 1/3 as PyTorch draws, 1 Glorot, 2 He, 2.8 with tanh's gain of 5/3
SMALL_GAIN, LARGE_GAIN = 0.1, 6.0
ONE_LAYER = 25.0  # times the geometric mean of the others: one layer alone is drawn on another scale
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
    """Initial weights so small that signals fade, or so large that the loss begins high or units saturate."""
    weights = [name for name in initial_weights(record) if not normalises(record, name)]
    if record.normalised:
        raise MissingError("a network without normalising layers, in which the weights set the scale")
    gains = np.array([gain(record, name) for name in weights])
    if (gains <= 0).any():
        return  # told as constant
    course = course_of(record)
    typical = float(np.exp(np.log(gains).mean()))
    text = "fan_in · Var(w) at the start, geometric mean over layers (1 for Glorot, 2 for He)"
    if typical < SMALL_GAIN and (course.poor or plateau(record)):
        worst = int(gains.argmin())
        evidence = Evidence(text, typical, SMALL_GAIN, "below", 0, f"param/{weights[worst]}")
        yield Finding("initial-scale", "prevents" if course.stuck else "slows", (evidence, *fading(record)))
    elif typical > LARGE_GAIN or (len(gains) > 1 and gains.max() > ONE_LAYER * typical):
        harm = list(overdriven(record, course.start, course.chance))
        if harm:
            worst = int(gains.argmax())
            evidence = Evidence(
                text, max(typical, float(gains.max())), LARGE_GAIN, "above", 0, f"param/{weights[worst]}"
            )
            yield Finding("initial-scale", "prevents" if course.stuck else "slows", (evidence, *harm))


def gain(record: Record, weight: str) -> float:
    return record.fan_in(weight) * float(record.series(f"param/{weight}").variance[0])


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
