"""Steps that are too large, too small, too noisy, or lead through layers that pass nothing."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..program import Program, Weights
from .operator import MLP, Operator
from .start import last_hidden, rectified, with_start


def rate(program: Program, rung: float) -> Program:
    return replace(program, learning_rate=program.learning_rate * rung)


def deep(program: Program) -> Program:
    """The healthy twin of what vanishes and explodes: two hidden layers that learn."""
    return replace(program, layers=(12, 12))


def deep_sigmoid(program: Program, rung: float) -> Program:
    """So many hidden layers of sigmoids; σ′ ≤ 1/4 in each."""
    return replace(program, layers=(12,) * int(rung), activation="sigmoid")


def deep_with_gain(program: Program, rung: float) -> Program:
    """Six hidden layers of ReLU, the weights of each this much too large."""

    def change(layers: Sequence[Weights], chance: np.random.Generator) -> None:
        for layer in layers:
            layer.weights[...] *= rung

    return with_start(replace(program, layers=(12,) * 6, activation="relu"), change)


def small_batch(program: Program, rung: float) -> Program:
    """Batches of so many samples, with the step that suits ten times as many and more."""
    return replace(program, batch_size=int(rung), learning_rate=2 * program.learning_rate)


def thrown_units(program: Program, rung: float) -> Program:
    """After a quarter of the steps the last hidden layer's biases are thrown to the negative side: one bad step."""

    def change(step: int, layers: Sequence[Weights]) -> None:
        if step == program.steps // 4:
            layers[-2].biases[...] -= rung

    return replace(program, on_step=(*program.on_step, change))


def heavy_decay(program: Program, rung: float) -> Program:
    return replace(program, l2=rung)


def heavy_momentum(program: Program, rung: float) -> Program:
    return replace(program, optimizer="momentum", momentum=rung)


def with_momentum(program: Program) -> Program:
    rates = {"sgd": 0.1, "adam": 10.0, "momentum": 1.0}
    return replace(program, optimizer="momentum", learning_rate=program.learning_rate * rates[program.optimizer])


def clipped(program: Program, rung: float) -> Program:
    """Each gradient clipped to a norm that is far too small."""

    def change(gradients: Sequence[Weights]) -> None:
        norm = np.sqrt(sum(float((array**2).sum()) for each in gradients for array in each[1:]))
        for each in gradients:
            each.weights[...] *= min(1.0, rung / (norm + 1e-30))
            each.biases[...] *= min(1.0, rung / (norm + 1e-30))

    return replace(program, on_gradients=(*program.on_gradients, change))


def ends_early(program: Program, rung: float) -> Program:
    """A schedule made for a shorter run: the rate is 0 after this share of the steps."""
    return replace(program, schedule=lambda progress: max(0.0, 1 - progress / rung))


def not_adam(program: Program) -> bool:
    return program.optimizer != "adam"


OPERATORS = (
    Operator("rate-too-high", rate, (10, 30, 100, 300, 1000),
             ("learning-rate-too-high", "nonfinite-values", "exploding-gradients")),
    Operator("rate-too-low", rate, (0.1, 0.03, 0.01, 1e-3, 1e-4), ("learning-rate-too-low",)),
    Operator("deep-sigmoid", deep_sigmoid, (4, 6, 8, 10), ("vanishing-gradients", "initial-scale"), MLP, prepare=deep),
    Operator("deep-with-gain", deep_with_gain, (2, 3, 5, 8),
             ("exploding-gradients", "initial-scale", "nonfinite-values"), MLP, prepare=deep),
    Operator("batch-too-small", small_batch, (8, 4, 2, 1), ("batch-too-small", "learning-rate-too-high")),
    Operator("thrown-units", thrown_units, (2, 4, 8, 16), ("dead-units",), prepare=rectified, layers=last_hidden),
    Operator("heavy-decay", heavy_decay, (0.03, 0.1, 0.3, 1.0), ("too-small-model", "loss-not-connected"),
             held_out=True, generic=("learning-rate-too-low", "vanishing-gradients", "wrong-gradient", "dead-units",
                                     "learning-rate-too-high")),
    Operator("heavy-momentum", heavy_momentum, (0.99, 0.995, 0.999), ("learning-rate-too-high",), held_out=True,
             prepare=with_momentum, generic=("nonfinite-values", "exploding-gradients", "dead-units")),
    Operator("rate-ends-early", ends_early, (0.2, 0.1, 0.03), ("learning-rate-too-low",), held_out=True,
             generic=("frozen-parameters", "not-in-optimizer", "too-small-model")),
    Operator("clipped-to-nothing", clipped, (0.03, 0.01, 1e-3), ("learning-rate-too-low",), held_out=True,
             fits=not_adam, generic=("vanishing-gradients", "wrong-gradient")),
)  # fmt: skip
