"""Can the model learn a handful of samples by heart, and does its loss compare each output with its own label?"""

import math
from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor

from backlight.diagnosis.finding import Evidence, Finding
from backlight.diagnosis.probes.batches import Batch
from backlight.diagnosis.probes.steady import steady
from backlight.diagnosis.probes.subject import Subject
from backlight.diagnosis.probes.training import steps
from backlight.diagnosis.record import MissingError

RATES = (1e-2, 1e-3, 1e-1, 1e-4, 1.0)  # of Adam, the likeliest first
STEPS = 40
HANDFULS = (8, 2)  # a small model that is right may not hold eight samples; two fit on any line
NOT_FITTED = 0.9  # loss in the end, in units of what outputs that ignore the inputs reach
RIGHT = 0.9  # share of the handful


def wrong_pairs(subject: Subject) -> Iterator[Finding]:
    """A loss that compares every output with every label, since (N, 1) and (N,) are spread over (N, N)."""
    call = subject.start.loss_call
    if call is None or call.name in ("cross_entropy", "nll_loss"):
        return
    pairs = torch.broadcast_shapes(call.given.shape, call.target.shape).numel()
    if pairs > max(call.given.numel(), call.target.numel()):
        text = f"pairs of outputs and labels that the loss compares, of {len(subject.batch)} samples"
        evidence = Evidence(text, pairs, call.given.numel(), "above", tensor="outputs")
        yield Finding("wrong-gradient", "prevents", (evidence,))


def cannot_fit(subject: Subject) -> Iterator[Finding]:
    """A handful of samples that cannot be learnt by heart at any rate. That says that something is wrong, not what: it
    is asked only where nothing else is found."""
    if not subject.start.loss.requires_grad:
        return
    left = unfitted(subject, HANDFULS[0])
    if left is not None and unfitted(subject, HANDFULS[1]) is not None:
        text = f"lowest loss on {HANDFULS[0]} samples at five learning rates, in units of that of constant outputs"
        yield Finding("wrong-gradient", "prevents", (Evidence(text, left, NOT_FITTED, "above"),))


def unfitted(subject: Subject, count: int) -> float | None:
    """What is left of the loss after training on `count` samples, if that is nearly all, at every rate."""
    batch = handful(subject, count)
    best = math.inf
    for rate in RATES:
        copy = steady(subject)
        optimizer = torch.optim.Adam(copy.trained(), lr=rate)
        losses: list[float] = []
        for loss in islice(steps(subject, copy, optimizer, batch), STEPS):
            if not math.isfinite(loss):
                break
            losses.append(loss)
            aim = min(losses[0], baseline(batch.labels)) if subject.start.loss_call_of_classes else losses[0]
            if loss < NOT_FITTED * aim or abs(aim) < 1e-6:
                return None
            best = min(best, loss / aim if aim > 0 else 1.0)
        with torch.no_grad():
            if losses and share_right(copy.outputs(batch), batch.labels) >= RIGHT:
                return None
    return best


def handful(subject: Subject, count: int) -> Batch:
    """Samples of as many classes as there are, or evenly from the batch."""
    labels = subject.batch.labels
    number = len(labels)
    if labels.ndim == 1 and not labels.is_floating_point():
        seen: dict[int, int] = {}
        order = []
        for row, label in enumerate(labels.tolist()):
            seen[label] = seen.get(label, 0) + 1
            order.append((seen[label], row))
        rows = [row for _, row in sorted(order)[:count]]
    else:
        rows = [row * number // count for row in range(count)] if number > count else list(range(number))
    chosen = torch.tensor(rows, device=labels.device)
    if len(rows) < 2:
        raise MissingError("a batch of two samples")
    return subject.batch.take(chosen)


def baseline(labels: Tensor) -> float:
    """The cross-entropy of outputs that are the same for all samples: the entropy of the labels."""
    _, counts = labels.reshape(-1).unique(return_counts=True)
    shares = counts.double() / counts.sum()
    entropy = float(-(shares * shares.log()).sum())
    return entropy if entropy > 0 else math.inf


def share_right(outputs: object, labels: Tensor) -> float:
    """Share of labels that are the class of the largest output; 0 if these are no classes."""
    if not isinstance(outputs, Tensor) or labels.is_floating_point() or outputs.ndim != labels.ndim + 1:
        return 0.0
    return float((outputs.argmax(1) == labels).float().mean())
