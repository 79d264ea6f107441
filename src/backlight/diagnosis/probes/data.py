"""Do inputs arrive, and at a scale that layers can work with?"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from backlight.diagnosis.finding import Evidence, Finding
from backlight.diagnosis.probes.copies import Copy
from backlight.diagnosis.probes.steady import SAME, steady
from backlight.diagnosis.probes.subject import Subject
from backlight.diagnosis.probes.words import difference
from backlight.diagnosis.record import MissingError

LARGE, LARGE_COLUMN, SMALL = 10.0, 30.0, 0.01  # root mean square at the first layer; about 1 is what they are made for
GAINS = (1.0, 4.0)  # that keep a signal's size through units of slope 1, and through sigmoid units, of slope ¼
NORMALISING = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)
WEIGHTED = (nn.Linear, nn.modules.conv._ConvNd, nn.RNNBase)


def unscaled_inputs(subject: Subject) -> Iterator[Finding]:
    """Inputs as they arrive at the first layer: what the model itself normalises before or behind it is fine."""
    if not isinstance(subject.inputs, Tensor) or not subject.start.seen:
        raise MissingError("a layer of PyTorch's")
    first = subject.start.seen[0]
    if not isinstance(first.module, WEIGHTED) or first.input_rms != first.input_rms:
        return
    if any(isinstance(seen.module, NORMALISING) for seen in subject.start.seen[1:2]):
        return
    where = f"of what layer {first.name} is given"
    if first.input_rms > LARGE or first.input_rms < SMALL:
        large = first.input_rms > LARGE
        text = f"root mean square {where}"
        evidence = Evidence(text, first.input_rms, LARGE if large else SMALL, "above" if large else "below")
        yield Finding("unscaled-inputs", "slows", (evidence,), first.name)
    elif first.column_rms > LARGE_COLUMN:
        text = f"root mean square of the largest column {where}"
        yield Finding(
            "unscaled-inputs", "slows", (Evidence(text, first.column_rms, LARGE_COLUMN, "above"),), first.name
        )


def inputs_ignored(subject: Subject) -> Iterator[Finding]:
    """Outputs that stay the same when samples change places; also with other weights, so that no dead layer is why."""
    count = len(subject.batch)
    if count < 2:
        raise MissingError("a batch of two samples")
    rows = torch.arange(count, device=subject.batch.labels.device).roll(1)
    moved = subject.batch.with_inputs_of(rows)
    if isinstance(subject.batch.inputs, Tensor) and torch.equal(subject.batch.inputs, moved.inputs):
        text = "largest difference of one sample's inputs from another's"
        yield Finding("inputs-ignored", "prevents", (Evidence(text, 0.0, 0.0, "below", tensor="inputs"),))
        return
    copy = steady(subject)
    with torch.no_grad():
        for gain in (None, *GAINS):
            if gain is not None:
                draw_anew(copy, gain)
            changed = difference(copy.outputs(subject.batch), copy.outputs(moved))
            if changed > SAME:
                return
    text = "largest change of outputs when samples are given each other's inputs, in units of their size"
    yield Finding("inputs-ignored", "prevents", (Evidence(text, changed, SAME, "below", tensor="outputs"),))


def draw_anew(copy: Copy, gain: float) -> None:
    """Weights that let signals through, of standard deviation `gain` / √(fan-in), with biases that keep units alive."""
    for parameter in copy.model.parameters():
        if parameter.ndim > 1:
            parameter.normal_(0, gain * (parameter.numel() / len(parameter)) ** -0.5)
        elif parameter.is_floating_point():
            parameter.normal_(0.5, 0.5)
