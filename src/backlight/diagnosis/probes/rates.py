"""The optimizer's learning rate among five, a factor of ten apart, each for a few steps on the same samples."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from backlight.diagnosis.finding import Evidence, Finding
from backlight.diagnosis.probes.subject import Subject
from backlight.diagnosis.probes.training import Course, course
from backlight.diagnosis.record import MissingError

STEPS = 15
SAMPLES = 32
ENOUGH = 0.8  # loss, in units of the first, at which nothing is left to see
RISEN = 1.2  # loss after the steps, in units of that before
THROWN = 2.0  # largest loss on the way, if the loss does not get below the first: all units may be dead in the end
FALLEN = 0.05  # share of the loss that a fair rate takes away in these steps
CRAWLING = 0.005  # a rate that takes away less than this …
SWIFT = FALLEN  # … while a higher one takes away this much,
STILL = 5e-5  # and whose steps change weights by less than this share: a good one is near 1e-3 (Karpathy, CS231n)


@dataclass(frozen=True)
class Trial(Course):
    """`update`: the size of the first step, in units of the weights that it changes."""

    update: float


def learning_rate_too_high(subject: Subject) -> Iterator[Finding]:
    """The loss rises at the optimizer's rate and falls at a lower one."""
    lower = better_below(subject)
    if lower:
        text = "largest loss within some steps, in units of that before them"
        at_rate = Evidence(text, trial(subject, 1.0).largest, RISEN, "above")
        below = Evidence(f"loss after them at {lower:g} times the rate", trial(subject, lower).ratio, 1.0, "below")
        rate = Evidence("learning rate", rate_of(subject), rate_of(subject) * lower, "above")
        yield Finding("learning-rate-too-high", "prevents", (at_rate, below, rate))


def better_below(subject: Subject) -> float | None:
    """A factor at which the loss falls, if it rises at the optimizer's rate; the largest tried."""
    at_rate = trial(subject, 1.0)
    thrown = at_rate.drop < FALLEN and at_rate.largest > THROWN
    if at_rate.ratio < RISEN and not thrown:
        return None
    return next((each for each in (0.1, 0.01, 0.001) if trial(subject, each).drop > FALLEN), None)


def learning_rate_too_low(subject: Subject) -> Iterator[Finding]:
    """Weights hardly move at the highest rate of the optimizer's schedule, and the loss falls at a multiple of it."""
    if trial(subject, 1.0).drop > FALLEN:
        return
    peak = trial(subject, peak_of(subject))
    if not (-CRAWLING < peak.drop < CRAWLING) or peak.update > STILL:
        return
    swift = next((each for each in (10.0, 1e2, 1e3, 1e4) if trial(subject, each * peak_of(subject)).drop > SWIFT), None)
    if swift:
        crawls = Evidence("size of a step, in units of the weights", peak.update, STILL, "below")
        drop = Evidence("share of the loss that some steps take away", peak.drop, CRAWLING, "below")
        higher = trial(subject, swift * peak_of(subject)).drop
        faster = Evidence(f"the same at {swift:g} times the rate", higher, SWIFT, "above")
        yield Finding("learning-rate-too-low", "slows", (crawls, drop, faster))


def rate_of(subject: Subject) -> float:
    """The largest among the optimizer's groups."""
    if subject.optimizer is None:
        raise MissingError("the optimizer")
    return max(float(group["lr"]) for group in subject.optimizer.param_groups)


def peak_of(subject: Subject) -> float:
    """How many times the present rate the schedule goes up to: a warm-up begins low on purpose."""
    assert subject.optimizer is not None
    peaks = [
        float(group[key])
        for group in subject.optimizer.param_groups
        for key in ("initial_lr", "max_lr")
        if key in group
    ]
    rate = rate_of(subject)
    return max([rate, *peaks]) / rate if rate else 1.0


def trial(subject: Subject, factor: float) -> Trial:
    """Some steps at `factor` times the optimizer's rate, made once. Raises what `tried` raises."""
    if factor not in subject.trials:
        subject.trials[factor] = tried(subject, factor)
    found: Trial = subject.trials[factor]
    return found


def tried(subject: Subject, factor: float) -> Trial:
    """Some steps with a copy of the optimizer at `factor` times its rate.

    Raises:
        MissingError: without an optimizer, or with one that holds nothing of the model, or in want of time.
    """
    rate_of(subject)
    copy = subject.copy().ready_to_train()
    optimizer = copy.optimizer
    assert optimizer is not None
    held = {id(each) for group in optimizer.param_groups for each in group["params"]}
    moved = [each for each in copy.trained() if id(each) in held]
    if not moved or not subject.start.loss.requires_grad:
        raise MissingError("parameters of the model in the optimizer, and a loss that reaches them")
    for group in optimizer.param_groups:
        group["lr"] = group["lr"] * factor
    batch = subject.batch.take(torch.arange(min(len(subject.batch), SAMPLES), device=subject.batch.labels.device))
    before = [each.detach().clone() for each in moved]
    first = course(subject, copy, optimizer, batch, 0)
    update = size([one.detach() - other for one, other in zip(moved, before, strict=True)]) / (size(before) or 1.0)
    rest = course(subject, copy, optimizer, batch, STEPS - 1, ENOUGH * first.losses[0])
    return Trial(first.losses + rest.losses, update)


def size(tensors: list[torch.Tensor]) -> float:
    return math.sqrt(sum(float(each.double().square().sum()) for each in tensors))
