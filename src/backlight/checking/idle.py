"""Parameters that do not take part, and steps that say nothing about a gradient."""

import re
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import numpy as np

from backlight.checking.own_code import OwnCode
from backlight.checking.store import Key, Slot
from backlight.checking.subject import seeded
from backlight.networks.activations import Array

ZERO = 1e-9  # a gradient this small is none


def beside(felt: Sequence[Slot], every: Sequence[Slot]) -> set[tuple[Key, ...]]:
    """What differs from the parameters that the loss depends on only in a number: b1 beside b2, biases[0]."""
    known = {(without_numbers(slot.path), slot.read().ndim) for slot in felt}
    similar = {slot.path for slot in every if (without_numbers(slot.path), slot.read().ndim) in known}
    return similar - {slot.path for slot in felt}


def without_numbers(path: tuple[Key, ...]) -> tuple[str, ...]:
    return tuple("" if isinstance(key, int) else re.sub(r"\d+", "", key) for key in path)


def adapts(subject: OwnCode) -> bool:
    """Whether one step, on the first batch or sample, moves all parameters equally far."""
    steps: list[Array] = []
    with suppress(Exception):
        steps = [g for g in seeded(partial(subject.sample_gradients, *subject.batches()[0])) if g is not None]
    subject.rewind()
    return equally_far(steps)


def equally_far(steps: Sequence[Array]) -> bool:
    """Whether all entries that move at all move by the same amount."""
    moved = np.abs(np.concatenate([step.ravel() for step in steps])) if steps else np.zeros(0)
    moved = moved[moved > ZERO]
    return moved.size > 1 and bool(np.ptp(moved) <= 1e-2 * moved.max())
