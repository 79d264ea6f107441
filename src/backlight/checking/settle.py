"""Which analysis counts: of the backward pass alone, or of a whole step of training."""

from contextlib import suppress

import numpy as np

from backlight.checking import readings as reading_module
from backlight.checking.analysis import Analysis, analyse
from backlight.checking.program import Program
from backlight.checking.readings import Reading
from backlight.checking.subject import Subject, generic_values

ADDED_OUTSIDE = (
    "penalty-missing",
    "summed-gradients",
    "averaged-twice",
    "penalty-scale",
    "constant-factor",
    "loss-penalty-missing",
)


def settle(program: Program, target: str | None, reading: Reading) -> Analysis:
    """The analysis of the backward pass, or of a whole training step where that explains the numbers better.

    A penalty or an average may be put into the update instead of the backward pass: then the step is what counts.
    """
    subject = reading.subject
    if accumulates(program, subject):
        subject.accumulates = True
    found = analyse(reading, strength(subject))
    if found.right and not found.loss:
        return found
    names = {m.name for m in found.name.mistakes} if found.name else set()
    if found.right or (names and not names & set(ADDED_OUTSIDE)):
        return found
    with suppress(Exception):
        step = reading_module.training_reading(program, target, reading)
        if step is not None:
            other = analyse(step, strength(step.subject))
            if other.right or (found.name is None and other.name is not None):
                return other
            if found.name and other.name:
                fewer = len(other.name.mistakes) < len(found.name.mistakes)
                put_in_there = names == {"penalty-missing"} and len(other.name.mistakes) == 1
                if fewer or put_in_there:
                    return other
    return found


def strength(subject: Subject) -> float:
    return float(getattr(subject, "strength", 0.1))


def accumulates(program: Program, subject: Subject) -> bool:
    """Whether a second backward pass on the same batch gives twice what the first one of a new network gives."""
    with suppress(Exception):
        fresh = subject.rebuilt(program)
        fresh.assign(generic_values(fresh, 1))
        once, twice = fresh.gradients(), fresh.gradients()
        pairs = [(a, b) for a, b in zip(once, twice, strict=True) if a is not None and b is not None and np.any(a)]
        return bool(pairs) and all(np.allclose(b, 2 * a, rtol=1e-9, atol=1e-15) for a, b in pairs)
    return False
