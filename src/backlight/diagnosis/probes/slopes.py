"""Autograd's slopes against central differences, tensor by tensor, in double precision."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from backlight.diagnosis.finding import Evidence, Finding
from backlight.diagnosis.probes.batches import Batch, each_tensor
from backlight.diagnosis.probes.copies import Copy
from backlight.diagnosis.probes.steady import steady
from backlight.diagnosis.probes.subject import SEED, Subject
from backlight.diagnosis.probes.words import in_order_of_use, layer_of
from backlight.diagnosis.record import MissingError

SAMPLES = 8
STEP = 1e-6  # near ε^(1/3) of double precision, in units of a weight's size: least error of a central difference
WRONG = 1e-2  # relative; central differences of right code are below 1e-4, on a kink of ReLU seldom above 1e-3
JITTER = 1e-3  # moves biases and gains that are exactly 0 off the kink of ReLU, on which slopes are halved
TRIES = 3  # directions, all of which must be wrong: one may cross a kink


def wrong_slopes(subject: Subject) -> Iterator[Finding]:
    """Tensors whose gradient is not that of the loss. Only operations of the user's own can do that, or a tensor that
    is taken out of the graph: a note where that concerns some tensors, since it may be meant."""
    if not subject.start.loss.requires_grad:
        return
    try:
        copy, batch = in_double(subject)
        with torch.no_grad():
            copy.loss(batch)
    except MissingError:
        raise
    except Exception:  # a model that is made for one precision
        return
    named = {name: each for name, each in copy.model.named_parameters() if each.requires_grad}
    reached = [name for name, gradient in subject.start.gradients.items() if gradient is not None]
    wrong = {name: off for name in reached if (off := error_of(subject, copy, batch, named[name])) is not None}
    if wrong:
        own = any(isinstance(node, torch.autograd.function.BackwardCFunction) for node in nodes_of(copy.loss(batch)))
        names = in_order_of_use(wrong, [each.name for each in subject.start.seen])
        text = "relative difference of its slope from a central difference of the loss"
        evidence = tuple(Evidence(text, wrong[name], WRONG, "above", tensor=f"grad/{name}") for name in names[:8])
        layer = layer_of(names[-1])
        if own or len(wrong) == len(reached):
            yield Finding("wrong-gradient", "slows" if len(wrong) < len(reached) else "prevents", evidence[::-1], layer)
        else:
            yield Finding("gradient-cut", "note", evidence[::-1], layer)


def in_double(subject: Subject) -> tuple[Copy, Batch]:
    """A steady copy in double precision, a little off where it stands, with some of the batch's samples."""
    copy = steady(subject)
    copy.model.double()
    with torch.no_grad():
        for parameter in copy.model.parameters():
            if parameter.is_floating_point():
                parameter.add_(JITTER * torch.randn_like(parameter))
    if isinstance(copy.loss_fn, torch.nn.Module):
        copy.loss_fn.double()
    rows = torch.arange(min(SAMPLES, len(subject.batch)), device=subject.batch.labels.device)
    part = subject.batch.take(rows)
    return copy, Batch(each_tensor(part.inputs, as_double), as_double(part.labels))


def as_double(values: Tensor) -> Tensor:
    return values.double() if values.is_floating_point() else values


def error_of(subject: Subject, copy: Copy, batch: Batch, parameter: Tensor) -> float | None:
    """The relative difference of the slopes along a random direction, if it is large along each of some."""
    least = None
    for number in range(TRIES):
        subject.clock.check()
        generator = torch.Generator(parameter.device).manual_seed(SEED + number)
        direction = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype, device=parameter.device)
        loss = copy.loss(batch)
        (gradient,) = torch.autograd.grad(loss, [parameter], allow_unused=True)
        analytic = 0.0 if gradient is None else float((gradient * direction).sum())
        scale = float(parameter.detach().square().mean().sqrt()) or 1.0
        numeric = central(copy, batch, parameter, direction * scale * STEP) / (2 * scale * STEP)
        size = max(abs(analytic), abs(numeric))
        if size * scale < 1e-6 * max(abs(float(loss.detach())), 1e-6) or abs(analytic - numeric) < WRONG * size:
            return None
        off = abs(analytic - numeric) / size
        least = off if least is None else min(least, off)
    return least


def central(copy: Copy, batch: Batch, parameter: Tensor, step: Tensor) -> float:
    with torch.no_grad():
        kept = parameter.clone()
        parameter.copy_(kept + step)
        above = copy.loss(batch)
        parameter.copy_(kept - step)
        below = copy.loss(batch)
        parameter.copy_(kept)
    return float(above - below)


def nodes_of(value: Tensor) -> set[Any]:
    """The operations in its graph."""
    waiting, done = [value.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in done:
            done.add(node)
            waiting += [each for each, _ in node.next_functions]
    return done
