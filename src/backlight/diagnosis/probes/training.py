"""Some steps of training on a copy, without a gradient in any tensor but its own."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from backlight.diagnosis.probes.batches import Batch
from backlight.diagnosis.probes.copies import Copy
from backlight.diagnosis.probes.subject import SEED, Subject


@dataclass(frozen=True)
class Course:
    """Losses, each before its step; the last that were taken stand for the end."""

    losses: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Loss at the end in units of that at the start; infinite if one of them is not finite."""
        if not all(map(math.isfinite, self.losses)):
            return math.inf
        end = sum(self.losses[-3:]) / len(self.losses[-3:])
        return end / self.losses[0] if self.losses[0] > 0 else 1.0 if end >= self.losses[0] else 0.0

    @property
    def largest(self) -> float:
        """The largest loss in units of the first."""
        return max(self.losses) / self.losses[0] if self.losses[0] > 0 and self.ratio < math.inf else self.ratio

    @property
    def drop(self) -> float:
        """The share of the first loss that is gone at the end."""
        return 1 - self.ratio


def steps(subject: Subject, copy: Copy, optimizer: torch.optim.Optimizer, batch: Batch) -> Iterator[float]:
    """The loss before each step, without end; every step draws the same random numbers, so losses can be compared.

    Raises:
        MissingError: when the time is over.
    """
    while True:
        subject.clock.check()
        losses: list[float] = []

        def closure(into: list[float] = losses) -> float:
            torch.manual_seed(SEED)
            loss = copy.loss(batch)
            set_gradients(copy, loss)
            into.append(float(loss.detach()))
            return into[-1]

        optimizer.step(closure)
        yield losses[0]


def set_gradients(copy: Copy, loss: Tensor) -> None:
    """What `backward` does, in the copy's parameters alone: a closure may have brought others into the graph."""
    parameters = copy.trained()
    gradients = (
        torch.autograd.grad(loss, parameters, allow_unused=True) if loss.requires_grad else [None] * len(parameters)
    )
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient


def course(
    subject: Subject, copy: Copy, optimizer: torch.optim.Optimizer, batch: Batch, count: int, enough: float = -math.inf
) -> Course:
    """`count` steps, fewer if the loss stops being finite or was at most `enough` three times in a row."""
    losses = []
    for loss in islice(steps(subject, copy, optimizer, batch), count + 1):
        losses.append(loss)
        if not math.isfinite(loss) or (len(losses) > 2 and max(losses[-3:]) <= enough):
            break
    return Course(tuple(losses))
