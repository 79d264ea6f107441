"""Does every parameter get a gradient, and does the optimiser change it?"""

from collections.abc import Iterator

import numpy as np

from backlight.diagnosis.finding import Evidence, Finding, Severity
from backlight.diagnosis.record import MissingError, Record
from backlight.diagnosis.rules.numbers import layer_of
from backlight.recording.facts import ParameterFacts

MOVED = 1e-3  # of their own length: weights that have changed
STILL = 1e-9  # of itself: a loss that has not
UNIFORM = 1 / 3  # variance of a uniform distribution by the square of its bound


def not_in_optimizer(record: Record) -> Iterator[Finding]:
    """Parameters that want a gradient, and that the optimiser does not hold."""
    parameters = parameters_of(record)
    lost = [each for each in parameters if each.trainable and not each.optimized]
    if lost:
        share = size(lost) / size(parameters)
        evidence = share_evidence("share of parameters that want a gradient but are not in the optimizer", share, lost)
        yield Finding("not-in-optimizer", "prevents" if share > 0.5 else "slows", (evidence,), layers_of(lost))


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
    cut = [each for each in without_gradient(record) if took_part(record, each)]
    names = {each.name for each in cut}
    if not cut or dead_above(record) or {record.weights[-1], record.bias_of(record.weights[-1])} & names:
        return  # what has no gradient at the output has it cut nowhere: that is told as output-slope
    total = size([each for each in record.facts.parameters if each.trainable])
    evidence = share_evidence("share of parameters without a gradient in every recorded step", size(cut) / total, cut)
    yield Finding("gradient-cut", "prevents" if size(cut) > 0.5 * total else "slows", (evidence,), layers_of(cut))


def unused_parameters(record: Record) -> Iterator[Finding]:
    """Parameters of layers that the forward pass never came by."""
    if not any(kind for _, kind in record.facts.modules):
        raise MissingError("the model's modules, which watch writes down")
    record.tensors("act")
    if inputs_are_zero(record):
        return
    unused = [each for each in without_gradient(record) if not took_part(record, each)]
    if unused:
        share = size(unused) / size(record.facts.parameters)
        text = "share of parameters whose layer gave nothing in any recorded forward pass"
        yield Finding("unused-parameters", "slows", (share_evidence(text, share, unused),), layers_of(unused))


def loss_not_connected(record: Record) -> Iterator[Finding]:
    """Weights change, and the loss stays what it is to the last digit."""
    _, loss = record.loss
    kept = loss[np.isfinite(loss)]
    if len(kept) < 5:
        raise MissingError("more than four losses")
    moved = {name: float(np.nansum(ratios)) for name, (_, ratios) in record.update_ratios().items()}
    swing = float(np.ptp(kept) / max(abs(float(kept.mean())), 1e-30))
    name = max(moved, key=lambda each: moved[each])
    if swing <= STILL and moved[name] > MOVED:
        evidence = (
            Evidence("largest change of the loss, as a share of it", swing, STILL, "below"),
            Evidence("Σ ‖update‖ / ‖weights‖", moved[name], MOVED, "above", None, f"update/{name}"),
        )
        yield Finding("loss-not-connected", "prevents", evidence)


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
    return record.has(f"act/{parameter.output}") if parameter.output else record.has(f"grad/{parameter.name}")


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
