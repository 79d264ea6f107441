"""For tests: the gradients of a live network held against central differences, on the caller's own samples."""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np

from backlight.checking.analysis import Analysis, analyse, class_of
from backlight.checking.gradients import STEP, TOLERANCE, Sampled, central, numeric_gradients, relative_error
from backlight.checking.live import live_reading, live_step, thinned
from backlight.checking.memory import kept
from backlight.checking.readings import Reading
from backlight.checking.store import Key, slots
from backlight.checking.subject import Subject, generic_values
from backlight.checking.verdict import GradientClass
from backlight.checking.wording import wording
from backlight.networks.activations import Array

LARGE, ENTRIES_OF_LARGE = 5_000, 20  # parameters of a network; entries of each tensor that are then compared
GENERIC = (1, 2)  # seeds of the points beside the network's present parameters
CLASSES: dict[GradientClass, str] = {
    "right": "The gradient is the derivative of this loss.",
    "other objective": "The gradient is the derivative of another function than this loss.",
    "broken chain rule": "The gradient is not the derivative of any function: somewhere the chain rule is broken.",
}


@dataclass(frozen=True)
class Wrong:
    """A gradient that does not agree: name of the parameter, shapes, relative error, and at which parameters."""

    name: str
    shape: tuple[int, ...]
    given: tuple[int, ...] | None
    error: float
    where: str

    def __str__(self) -> str:
        if self.given is None:
            return f"{self.name}: has no gradient, {self.where}"
        if self.given != self.shape:
            return f"{self.name}: its gradient has shape {self.given}, not {self.shape}"
        return f"{self.name} {self.shape}: relative error {self.error:.2g}, {self.where}"


def assert_gradients_correct(network: Any, X: Any, y: Any, *, tolerance: float = TOLERANCE) -> None:
    """Every gradient of a network agrees with central differences of its loss on these samples.

    Compared at the network's present parameters and at two random points, as ‖g − n‖ / (‖g‖ + ‖n‖). The loss and
    the backward pass are found among the network's methods, and the functions beside its class or beside the caller.
    Afterwards the network and the global generators of numpy and random are as they were, to the bit.

    Parameters:
        network: an object of your class, or a list of layers.
        X, y: samples and labels as your code takes them.
        tolerance: of the relative errors, above 0.

    Raises:
        AssertionError: names the wrong gradients, and the mistake where it is known.
        CheckError: if no loss or no backward pass is found.

    >>> class Line:
    ...     def __init__(self):
    ...         self.W, self.b = np.array([[0.1, -0.2]]), np.zeros((1, 2))
    ...     def loss(self, X, y):
    ...         return np.sum((X @ self.W + self.b - y) ** 2) / len(X)
    ...     def backward(self, X, y):
    ...         delta = 2 * (X @ self.W + self.b - y) / len(X)
    ...         return X.T @ delta, delta.sum(axis=0, keepdims=True)
    >>> rng = np.random.default_rng(0)
    >>> assert_gradients_correct(Line(), rng.normal(size=(7, 1)), rng.normal(size=(7, 2)))
    """
    __tracebackhide__ = True
    around = sys._getframe(1).f_globals
    with kept(network), redirect_stdout(StringIO()), np.errstate(all="ignore"):
        roots = (network, [network])  # the latter for a network that is run as if it were a layer
        before = {slot.path: np.array(slot.read(), dtype=float) for root in roots for slot in slots(root)}
        reading = live_reading(network, X, y, around)
        found = complaint(reading, before, tolerance)
        step = live_step(network, reading) if found else None  # a penalty or a mean may be left to the update
        if step is not None:
            other = complaint(step, before, tolerance)
            found = other if other is None or (other.names and not (found and found.names)) else found
    if found:
        raise AssertionError(str(found))


@dataclass(frozen=True)
class Complaint:
    """What is wrong, in lines, and the mistakes that it comes from, as far as they are known."""

    lines: tuple[str, ...]
    names: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([*self.lines, *self.names])


def complaint(reading: Reading, before: dict[tuple[Key, ...], Array], tolerance: float) -> Complaint | None:
    """What is wrong with the gradients at the parameters `before` and at others; None if nothing is."""
    subject = reading.subject
    now = [before[slot.path] for slot in subject.slots]
    found = wrong_at(subject, now, 0, "at the present parameters", tolerance)
    for seed in GENERIC:
        found += wrong_at(subject, generic_values(subject, seed), seed, "at random parameters", tolerance)
    if not found:
        return None
    worst: dict[str, Wrong] = {}
    for wrong in found:
        worst[wrong.name] = max(worst.get(wrong.name, wrong), wrong, key=lambda each: each.error)
    lines = [
        f"{len(worst)} of {len(subject.slots)} gradients wrong, from the output backwards ({subject.description}):",
        *(f"  {worst[name]}" for name in reversed(subject.names) if name in worst),
    ]
    analysis = None
    with suppress(Exception):  # the numbers above count also where they have no name
        analysis = analyse(thinned(reading), subject.strength)
    lines.append(CLASSES[analysis.gradient_class if analysis else class_of(subject)])
    return Complaint(tuple(lines), tuple(names_of(analysis)))


def names_of(analysis: Analysis | None) -> list[str]:
    """The mistakes that give these numbers, each with the formula as it should be."""
    if analysis is None:
        return []
    names = [mistake.name for mistake in (analysis.name.mistakes if analysis.name else ())]
    names += [name for _, name in analysis.shapes] + [mistake.name for mistake in analysis.loss]
    words = [wording(name) for name in dict.fromkeys(names)]
    return [f"{each.code}: {each.title}. It should be: {each.formula}" for each in words if each.severity != "note"]


def wrong_at(subject: Subject, values: Sequence[Array], seed: int, where: str, tolerance: float) -> list[Wrong]:
    numeric = differences(subject, values, seed)
    subject.assign(values)
    found = []
    for index, (slot, gradient) in enumerate(zip(subject.slots, subject.gradients(), strict=True)):
        shape = values[index].shape
        error = relative_error(gradient, numeric[index], shape)
        if not error <= tolerance and gradient is not None and gradient.shape == shape:
            smooth = without_kinks(subject, values, index, numeric[index])
            error = relative_error(gradient, smooth, shape)
        if not error <= tolerance:
            found.append(Wrong(slot.name, shape, None if gradient is None else gradient.shape, error, where))
    subject.assign(values)
    return found


def differences(subject: Subject, values: Sequence[Array], seed: int) -> list[Sampled]:
    """As `numeric_gradients`; of fewer entries where a network has so many parameters that each loss takes long."""
    if sum(value.size for value in values) <= LARGE:
        return numeric_gradients(subject, values, seed)
    rng, work = np.random.default_rng(seed), [value.copy() for value in values]
    found = []
    for array in work:
        chosen = np.sort(rng.choice(array.size, min(array.size, ENTRIES_OF_LARGE), replace=False))
        flat = array.reshape(-1)
        found.append(Sampled(chosen, np.array([central(subject, work, flat, int(index)) for index in chosen])))
    return found


def without_kinks(subject: Subject, values: Sequence[Array], index: int, numeric: Sampled) -> Sampled:
    """The differences of one parameter, NaN where a kink is met exactly, as by a ReLU whose z is 0.

    A smooth loss's second difference over the step, (L(θ + h) − 2 L(θ) + L(θ − h)) / h, halves with h; a kink's stays.
    """
    work = [value.copy() for value in values]
    flat = work[index].reshape(-1)
    subject.assign(values)
    middle = subject.loss()
    left = numeric.values.copy()
    for place, entry in enumerate(numeric.indices):
        coarse, fine = (bend(subject, work, flat, int(entry), middle, step) for step in (STEP, STEP / 2))
        if abs(fine) > 0.75 * abs(coarse) and abs(coarse) > 1e-5 * (1.0 + abs(left[place])):
            left[place] = np.nan
    subject.assign(values)
    return Sampled(numeric.indices, left)


def bend(subject: Subject, work: list[Array], flat: Array, entry: int, middle: float, step: float) -> float:
    """The difference of the slopes ahead and behind."""
    start, losses = flat[entry], []
    for sign in (1.0, -1.0):
        flat[entry] = start + sign * step
        subject.assign(work)
        losses.append(subject.loss())
    flat[entry] = start
    return (losses[0] - 2 * middle + losses[1]) / step
