"""A network that is too large for its samples, or too small for their shape."""

from dataclasses import replace

from ..program import Program
from .operator import MLP, Operator


def few_samples(program: Program, rung: float) -> Program:
    """So many noisy samples for a wide network and many steps."""
    noise = 1.5 * program.noise
    changed = replace(program, samples=int(rung), noise=noise, steps=4 * program.steps, layers=(64, 64),
                      record_every=4 * program.record_every)  # fmt: skip
    return replace(changed, batch_size=min(program.batch_size or int(rung), int(rung)))


def noisier(program: Program) -> Program:
    """The same noise, with samples enough."""
    return replace(program, noise=1.5 * program.noise)


def too_narrow(program: Program, rung: float) -> Program:
    return replace(program, layers=(int(rung),))


def no_activation(program: Program, rung: float) -> Program:
    """The activation was forgotten; the rung is the number of linear layers."""
    return replace(program, layers=(program.layers[0],) * int(rung), activation="identity")


def curved(program: Program) -> bool:
    return program.data in ("moons", "circles", "spirals", "xor")


OPERATORS = (
    Operator("few-samples", few_samples, (60, 40, 20, 12), ("overfitting",), MLP,
             lambda program: program.data != "digits", noisier),
    Operator("too-narrow", too_narrow, (2, 1), ("too-small-model",), MLP),
    Operator("activation-forgotten", no_activation, (1, 2, 3), ("too-small-model",), MLP, curved,
             held_out=True, generic=("wrong-gradient", "learning-rate-too-low")),
)  # fmt: skip
