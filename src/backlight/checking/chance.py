"""Whether a program draws random numbers while it computes: the same call once more, and from another seed."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import numpy as np

from backlight.checking.own_code import OwnCode
from backlight.checking.repair import executed_lines
from backlight.checking.source import Sources, lines_of
from backlight.checking.subject import Subject, generic_values, seeded

DRAWS = re.compile(r"\b(rand\w*|rng\w*|\w*_rng|normal|uniform|binomial|choice|permutation|shuffle)\b\W")
ROUNDING = 1e-9  # relative; the order of a sum may be drawn, too


def drawing(subject: Subject) -> str | None:
    """What differs between two calls at the same parameters and samples, in words; None where nothing does."""
    for what, calls in questions(subject):
        with suppress(Exception), left_to_chance(subject):
            if differ(subject, calls):
                return what
    return None


def unsteady(subject: Subject) -> bool:
    """Whether the loss differs from call to call even with all generators that are known where they were."""
    with suppress(Exception):
        return subject.has_loss and differ(subject, [subject.loss, subject.loss])
    return False


@contextmanager
def left_to_chance(subject: Subject) -> Iterator[None]:
    """While this lasts, the program's random numbers go on from call to call."""
    if isinstance(subject, OwnCode):
        subject.repeats = False
    try:
        yield
    finally:
        if isinstance(subject, OwnCode):
            subject.repeats = True


def questions(subject: Subject) -> Iterator[tuple[str, Sequence[Callable[[], Any]]]]:
    """Calls that should all give the same, by what they give. A step of training may shuffle its samples."""
    if not isinstance(subject, OwnCode):
        yield "outputs", [subject.outputs, subject.outputs]
        return
    sample = subject.batches()[0]
    asked: dict[str, Callable[..., Any]] = {"outputs": subject.sample_outputs}
    asked |= {"loss": subject.sample_loss} if subject.has_loss else {}
    asked |= {} if subject.steps or subject.accumulates else {"gradients": subject.sample_gradients}
    for what, call in asked.items():
        yield what, [partial(seeded, partial(call, *sample), seed) for seed in (0, 0, 1)]


def differ(subject: Subject, calls: Sequence[Callable[[], Any]]) -> bool:
    found = []
    for call in calls:
        subject.assign(generic_values(subject, 1))
        value = call()
        found.append([np.array(part) for part in (value if isinstance(value, list) else [value]) if part is not None])
    return any(not alike(found[0], other) for other in found[1:])


def alike(one: Sequence[Any], other: Sequence[Any]) -> bool:
    return len(one) == len(other) and all(
        a.shape == b.shape and np.allclose(a, b, rtol=ROUNDING, atol=1e-12, equal_nan=True)
        for a, b in zip(one, other, strict=True)
    )


def drawing_line(sources: Sources, subject: Subject) -> tuple[str, int] | None:
    """The first line that runs and speaks of random numbers."""
    for call in (subject.outputs, subject.gradients):
        for file, numbers in executed_lines(call).items():
            text = lines_of(sources.texts[file])
            for line in sorted(numbers, key=lambda number: numbers[number]):
                if DRAWS.search(text[line - 1].split("#")[0]):
                    return file, line
    return None
