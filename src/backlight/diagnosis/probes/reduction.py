"""Is the loss a mean over the batch?"""

from collections.abc import Iterator

import torch

from backlight.diagnosis.finding import Evidence, Finding, Severity
from backlight.diagnosis.probes.rates import better_below, trial
from backlight.diagnosis.probes.subject import Subject
from backlight.diagnosis.record import MissingError

DOUBLED = 1.9  # a sum over twice the samples is twice as much, a mean as much


def sum_instead_of_mean(subject: Subject) -> Iterator[Finding]:
    """The loss of a batch beside itself, against that of the batch. A sum is a step N times as large: it does harm if
    the optimizer's rate is then too high, and is a note otherwise."""
    outputs = subject.outputs
    labels = subject.batch.labels
    if len(outputs) != len(labels):
        raise MissingError("one row of outputs a sample")
    copy = subject.copy()
    with torch.no_grad():
        once = float(copy.loss_fn(outputs, labels))
        try:
            twice = float(copy.loss_fn(torch.cat([outputs, outputs]), torch.cat([labels, labels])))
        except Exception as error:  # a loss made for one size of batch
            raise MissingError("a loss for a batch of any size") from error
    if once and twice / once > DOUBLED:
        evidence = [
            Evidence("loss of the batch beside itself, in units of that of the batch", twice / once, 1, "above")
        ]
        severity: Severity = "note"
        if subject.optimizer is not None:
            too_high = better_below(subject)
            if too_high:
                severity = "slows"
                text = "loss after steps at the optimizer's learning rate, in units of that before"
                evidence.append(Evidence(text, trial(subject, 1.0).ratio, 1.0, "above"))
        yield Finding("sum-instead-of-mean", severity, tuple(evidence))
