"""Does every parameter get a gradient, and does the optimiser change it?"""

from collections.abc import Iterator

import numpy as np

from backlight.diagnosis.course import STUCK, course_of
from backlight.diagnosis.finding import Evidence, Finding, Severity
from backlight.diagnosis.record import MissingError, Record
from backlight.diagnosis.rules.gradient import SUM_SHARE, is_cross_entropy, label_noise, output_gradient, sum_share
from backlight.diagnosis.rules.numbers import layer_of
from backlight.recording.facts import ParameterFacts

MOVED = 1e-3  # of their own length: weights that have changed
STILL = 1e-9  # of itself: a loss that has not
UNIFORM = 1 / 3  # variance of a uniform distribution by the square of its bound
ROUNDED = 2.0**-23  # of a float32: a smaller step is lost
NOISELESS = 0.1  # of the noise that a batch's labels put into the gradient: one that has not seen them


def not_in_optimizer(record: Record) -> Iterator[Finding]:
    """Parameters that want a gradient, and that the optimiser does not hold, or that it never changes."""
    parameters = parameters_of(record)
    lost = [each for each in parameters if each.trainable and not each.optimized]
    text = "share of parameters that want a gradient but are not in the optimizer"
    if not lost:
        lost = never_moved(record)
        text = "share of parameters that have a gradient, and whose every recorded update is exactly 0"
    if lost:
        share = size(lost) / size(parameters)
        evidence = share_evidence(text, share, lost)
        yield Finding("not-in-optimizer", "prevents" if share > 0.5 else "slows", (evidence,), layers_of(lost))


def never_moved(record: Record) -> list[ParameterFacts]:
    """Parameters that keep their values while their gradient, at the least rate of those that move, would be seen."""
    kept, rates = [], []
    for each in parameters_of(record):
        update, gradient = f"update/{each.name}", f"grad/{each.name}"
        if not (record.has(update) and record.has(gradient)) or only_zeros(record, gradient):
            continue
        slope = float(np.nanmedian(record.series(gradient).norm))
        if not only_zeros(record, update):
            rates.append(float(np.nanmedian(record.series(update).norm)) / slope if slope > 0 else 0.0)
            continue
        values = record.series(f"param/{each.name}")
        if len(values) > 1 and not any(np.ptp(numbers) for numbers in (values.minimum, values.maximum, values.mean)):
            largest = max(-float(values.minimum[0]), float(values.maximum[0]))
            kept.append((each, slope / float(values.count[0]) ** 0.5, largest))
    rate = min(rates, default=0.0)
    return [each for each, slope, largest in kept if rate * slope > ROUNDED * largest]


def frozen_parameters(record: Record) -> Iterator[Finding]:
    """Parameters that want no gradient: a note, unless they still are what PyTorch's initialisation drew.

    Frozen layers of a trained network are frozen on purpose. Frozen layers of random numbers hardly are.
    """
    parameters = parameters_of(record)
    frozen = [each for each in parameters if not each.trainable]
    if not frozen:
        return
    evidence = [share_evidence("share of parameters that want no gradient", size(frozen) / size(parameters), frozen)]
    untouched = [each for each in frozen if each.fan_in and as_drawn(record, each)]
    severity: Severity = "note"
    if untouched and len(untouched) == sum(bool(each.fan_in) for each in frozen):
        severity = "slows"
        text = "frozen weights whose values fill U(−1/√fan_in, 1/√fan_in), as PyTorch draws them before training"
        evidence.append(Evidence(text, len(untouched), 0, "above", 0, f"param/{untouched[0].name}"))
    yield Finding("frozen-parameters", severity, tuple(evidence), layers_of(frozen))


def as_drawn(record: Record, parameter: ParameterFacts) -> bool:
    """Does a weight look as `nn.Linear` and `nn.Conv2d` draw it: uniform on ±1/√fan_in (kaiming_uniform, a = √5)?"""
    name = f"param/{parameter.name}"
    if not record.has(name) or not parameter.fan_in:
        return False
    series, bound = record.series(name), parameter.fan_in**-0.5
    count = float(series.count[0])
    largest = max(-series.minimum[0], series.maximum[0])
    spread = abs(series.variance[0] / bound**2 - UNIFORM)
    return bool(count >= 16 and largest <= bound * (1 + 1e-6) and largest > bound * (1 - 20 / count)
                and spread < 4 * UNIFORM / count**0.5)  # fmt: skip


def gradient_cut(record: Record) -> Iterator[Finding]:
    """Layers that take part in the forward pass, and whose parameters never get a gradient other than exactly 0."""
    lost = without_gradient(record)
    cut = [each for each in lost if took_part(record, each) and not passed_by(record, each)]
    cut = [each for each in cut if not reached_beside(record, each)]
    names = {each.name for each in cut}
    if not cut or dead_above(record) or {record.weights[-1], record.bias_of(record.weights[-1])} & names:
        return  # what has no gradient at the output has it cut nowhere: that is told as output-slope
    total = size([each for each in record.facts.parameters if each.trainable])
    evidence = share_evidence("share of parameters without a gradient in every recorded step", size(cut) / total, cut)
    yield Finding("gradient-cut", "prevents" if size(cut) > 0.5 * total else "slows", (evidence,), layers_of(cut))


def unused_parameters(record: Record) -> Iterator[Finding]:
    """Parameters of layers that the forward pass never came by, or whose output nothing uses."""
    if not any(kind for _, kind in record.facts.modules):
        raise MissingError("the model's modules, which watch writes down")
    record.tensors("act")
    if inputs_are_zero(record):
        return
    lost = without_gradient(record)
    off = [each for each in lost if not took_part(record, each) or passed_by(record, each)]
    unused = [each for each in off if each.output or len(off) == len(lost)]  # of no known layer: cut, if others are
    if unused:
        share = size(unused) / size(record.facts.parameters)
        text = "share of parameters whose layer gave nothing that was used in any recorded forward pass"
        yield Finding("unused-parameters", "slows", (share_evidence(text, share, unused),), layers_of(unused))


def loss_not_connected(record: Record) -> Iterator[Finding]:
    """Weights change, and the loss stays what it is to the last digit; or the gradient has not seen the labels."""
    _, loss = record.loss
    kept = loss[np.isfinite(loss)]
    if len(kept) < 5:
        raise MissingError("more than four losses")
    moved = {name: float(np.nansum(ratios)) for name, (_, ratios) in record.update_ratios().items()}
    swing = float(np.ptp(kept) / max(abs(float(kept.mean())), 1e-30))
    name = max(moved, key=lambda each: moved[each])
    if moved[name] <= MOVED:
        return
    way = Evidence("Σ ‖update‖ / ‖weights‖", moved[name], MOVED, "above", None, f"update/{name}")
    if swing <= STILL:
        still = Evidence("largest change of the loss, as a share of it", swing, STILL, "below")
        yield Finding("loss-not-connected", "prevents", (still, way))
    elif blind := without_labels(record):
        yield Finding("loss-not-connected", "prevents", (blind, way))


def without_labels(record: Record) -> Evidence | None:
    """What speaks for a gradient that does not come from the labels, although the loss does.

    Outputs that know nothing are at best the classes' shares π. The gradient of a batch's output biases, the mean of
    p − t over n of N samples, then has the noise of its labels, √((1 − Σ π²) / n · (N − n) / (N − 1)), however little
    there is to learn. One that is much smaller, and whose entries do not sum to 0, is that of something else.
    """
    try:
        series, course = output_gradient(record), course_of(record)
        if not is_cross_entropy(record) or course.broken or course.windows.min() < (1 - STUCK) * course.chance:
            return None
    except MissingError:
        return None
    noise = label_noise(record, float(record.series(record.output).count[0]) / record.classes)
    length = float(np.sqrt(np.mean(series.norm**2)))
    if np.median(sum_share(record, series)) <= SUM_SHARE or length >= NOISELESS * noise:
        return None
    text = "‖gradient of the output's biases‖, beside a tenth of the noise that the labels of a batch put into it"
    return Evidence(text, length, NOISELESS * noise, "below", int(series.steps[0]), series.name)


def without_gradient(record: Record) -> list[ParameterFacts]:
    """Parameters that are to be trained and never have a gradient, or one of nothing but exact zeros."""
    gradients = {name.removeprefix("grad/") for name in record.tensors("grad")}
    lost = []
    for each in parameters_of(record):
        if not each.trainable or not record.has(f"param/{each.name}"):
            continue
        if each.name not in gradients or only_zeros(record, f"grad/{each.name}"):
            lost.append(each)
    return [] if len(lost) == len([each for each in parameters_of(record) if each.trainable]) else lost


def took_part(record: Record, parameter: ParameterFacts) -> bool:
    """Did its layer give something? Where that is not known, its gradient of exact zeros says that it did."""
    if not parameter.output:
        return record.has(f"grad/{parameter.name}")
    own = f"act/{parameter.output}"  # of several things that it gave: act/cell[0], act/head.logits
    return any(name == own or name.startswith((f"{own}[", f"{own}.")) for name in record.names)


def reached_beside(record: Record, parameter: ParameterFacts) -> bool:
    """Does the gradient come to the layer, and is 0 for this parameter alone, such as the weights of inputs of 0?

    Autograd cuts a layer's output, not one of its parameters; whoever writes by hand may forget one.
    """
    if not record.known.modules or not parameter.output or not record.has(f"grad/{parameter.name}"):
        return False
    own = (f"grad/{each.name}" for each in parameters_of(record) if each.output == parameter.output)
    return any(record.has(name) and not only_zeros(record, name) for name in own)


def passed_by(record: Record, parameter: ParameterFacts) -> bool:
    """Did its layer give something that nothing used?

    Whatever cuts a gradient cuts it for all layers before as well. One that has none at all, although a layer before
    it has one, and whose output no function took, is not on the way to the loss.
    """
    given = f"act/{parameter.output}"
    if not record.known.modules or record.has(f"grad/{parameter.name}") or not record.has(given):
        return False
    before = record.names[: record.names.index(given)]
    taken = any(f"({parameter.output})" in name for name in record.names)
    earlier = (each for each in parameters_of(record) if f"act/{each.output}" in before)
    return not taken and any(record.has(f"grad/{each.name}") for each in earlier)


def dead_above(record: Record) -> bool:
    """Was a whole layer of units dead all along? Then gradients below it are exactly 0, and nothing is cut."""
    return any(not record.series(name).live.any() for name in record.gated) or inputs_are_zero(record)


def inputs_are_zero(record: Record) -> bool:
    """Are all samples 0, or is the first layer's weight gradient nothing but zeros, and that of its bias not?"""
    data = record.known.data
    if data and data.largest and not any(data.largest):
        return True
    weight = record.weights[0]
    bias = record.bias_of(weight)
    if bias is None or not record.has(f"grad/{weight}") or not record.has(f"grad/{bias}"):
        return False
    return only_zeros(record, f"grad/{weight}") and not only_zeros(record, f"grad/{bias}")


def only_zeros(record: Record, name: str) -> bool:
    """Is every recorded value of a tensor exactly 0?"""
    series = record.series(name)
    return bool(series.zeros.sum() == series.count.sum())


def parameters_of(record: Record) -> tuple[ParameterFacts, ...]:
    if not record.facts.parameters:
        raise MissingError("the list of parameters in facts.json")
    return record.facts.parameters


def size(parameters: list[ParameterFacts] | tuple[ParameterFacts, ...]) -> int:
    return sum(int(np.prod(each.shape)) for each in parameters)


def share_evidence(text: str, share: float, of: list[ParameterFacts]) -> Evidence:
    return Evidence(text, share, 0, "above", None, f"param/{of[0].name}")


def layers_of(parameters: list[ParameterFacts]) -> str:
    """The layer nearest to the output, from where gradients come."""
    return layer_of(f"param/{parameters[-1].name}")
