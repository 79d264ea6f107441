"""Does the user's step clear the gradients of the one before?"""

from collections.abc import Iterator

import torch
from torch import Tensor

from backlight.diagnosis.finding import Evidence, Finding
from backlight.diagnosis.probes.batches import Batch
from backlight.diagnosis.probes.subject import SEED, Subject
from backlight.diagnosis.probes.untouched import untouched
from backlight.diagnosis.record import MissingError
from backlight.errors import SettingsError

REPEATABLE = 1e-4  # of a step's size: sums in another order
CARRIED = 1e-2


def missing_zero_grad(subject: Subject) -> Iterator[Finding]:
    """The same step twice, the second time after one on other samples whose gradients stay as the step left them.
    (`backward` adds to `.grad` by design; only a step as a whole can forget to clear it.)"""
    if subject.step is None:
        raise MissingError("step: a function (model, batch) that makes one training step")
    half = subject.batch.take(torch.arange(max(1, len(subject.batch) // 2), device=subject.batch.labels.device))
    clean = run_step(subject)
    if not any(bool(each.any()) for each in clean):
        raise MissingError("a step that changes parameters")
    if apart(clean, run_step(subject)) > REPEATABLE:
        raise MissingError("a step that does the same each time it is undone and repeated")
    carried = apart(clean, run_step(subject, half))
    if carried > CARRIED:
        text = "change of a step by gradients that the step before it has left, in units of its size"
        yield Finding("missing-zero-grad", "prevents", (Evidence(text, carried, CARRIED, "above"),))


def run_step(subject: Subject, before: Batch | None = None) -> list[Tensor]:
    """What the user's step changes each parameter by, from the state in which it was handed over and without
    gradients, but those that a step on `before` leaves. Everything is undone."""
    subject.clock.check()
    model, optimizer = subject.model, subject.optimizer
    with untouched([model], optimizer, None):
        for parameter in model.parameters():
            parameter.grad = None
        if before is not None:
            with untouched([model], optimizer, None, gradients=False):
                call(subject, before)
        kept = [each.detach().clone() for each in model.parameters()]
        call(subject, subject.batch)
        return [one.detach() - other for one, other in zip(model.parameters(), kept, strict=True)]


def call(subject: Subject, batch: Batch) -> None:
    assert subject.step is not None
    torch.manual_seed(SEED)
    try:
        subject.step(subject.model, (batch.fresh_inputs(), batch.labels.clone()))
    except Exception as error:  # whatever the user's code raises
        raise SettingsError(f"step(model, (inputs, labels)) fails: {type(error).__name__}: {error}") from error


def apart(one: list[Tensor], other: list[Tensor]) -> float:
    """Norm of the difference, in units of the norm of `one`."""
    size = sum(float(each.double().square().sum()) for each in one)
    difference = sum(float((a - b).double().square().sum()) for a, b in zip(one, other, strict=True))
    return (difference / size) ** 0.5 if size else 0.0
