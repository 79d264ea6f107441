"""Right gradients, wrongly applied: one step of the program's own training beside the gradient that it starts from."""

from contextlib import suppress
from dataclasses import replace

import numpy as np

from backlight.checking.analysis import Analysis, analyse
from backlight.checking.construct import Maker
from backlight.checking.discover import NotFoundError, subjects
from backlight.checking.idle import adapts
from backlight.checking.own_code import OwnCode
from backlight.checking.program import Program
from backlight.checking.readings import FAILURES, Reading, read
from backlight.checking.subject import Subject, generic_values
from backlight.networks.activations import Array

COLLINEAR = 1e-6
# One factor over all gradients is a learning rate; what else a step may do on purpose is no mistake either.
HARMLESS = {"constant-factor", "summed-gradients", "averaged-twice", "penalty-scale", "penalty-missing"}


def misapplied(program: Program, target: str | None, reading: Reading) -> Analysis | None:
    """The analysis of a training step that goes uphill in some parameters, or makes a mistake that has a name.

    None for every step that may be meant: with momentum, with rates of its own, with weights that decay.
    """
    with suppress(NotFoundError, *FAILURES):
        step = step_of(program, target, reading)
        if step is None:
            return None
        other = read(step, reading.sizes, reading.activation)
        gradients, steps = at_one_point(reading.subject), at_one_point(step)
        if other.right or gradients is None or steps is None or adapts(step):
            return None
        found = analyse(other, float(getattr(step, "strength", 0.1)))
        names = {mistake.name for mistake in found.name.mistakes} if found.name else set()
        if (len(names) == 1 and not names & HARMLESS) or uphill(gradients, steps):
            return found
    return None


def step_of(program: Program, target: str | None, reading: Reading) -> OwnCode | None:
    """One step of training of the same network; with all samples at once where it takes a list of them."""
    plain = reading.subject
    maker = Maker(program, reading.sizes, plain.feed, reading.activation)
    for subject in subjects(program, maker, target, training=True):
        if not isinstance(subject, OwnCode) or not isinstance(plain, OwnCode) or subject.recipe.backward is None:
            continue
        if subject.names == plain.names and subject.recipe.loss == plain.recipe.loss:
            keys = {key for _, key in subject.recipe.backward.plan}
            whole = subject.feed.single and "pairs" in keys
            subject.recipe = replace(subject.recipe, whole=whole)
            return subject
    return None


def at_one_point(subject: Subject) -> list[Array] | None:
    subject.assign(generic_values(subject, 1))
    found = [gradient for gradient in subject.gradients() if gradient is not None]
    return found if len(found) == len(subject.slots) else None


def uphill(gradients: list[Array], steps: list[Array]) -> bool:
    """Whether each parameter moves along its own gradient, and some of them against the sign of the others."""
    factors = []
    for gradient, step in zip(gradients, steps, strict=True):
        if gradient.shape != step.shape or not np.any(gradient):
            return False
        factor = float((gradient * step).sum() / (gradient**2).sum())
        if np.linalg.norm(step - factor * gradient) > COLLINEAR * np.linalg.norm(step):
            return False
        factors.append(factor)
    return min(factors) < 0
