"""Initial values that training does not recover from."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..bases import layer_names
from ..program import Program, StartChange, Weights
from .operator import MLP, TORCH, Operator


def with_start(program: Program, change: StartChange) -> Program:
    return replace(program, on_start=(*program.on_start, change))


def constant(program: Program, rung: float) -> Program:
    """All weights the same: 0.1 times the rung; 0 is the worst."""

    def change(layers: Sequence[Weights], chance: np.random.Generator) -> None:
        for layer in layers:
            layer.weights[...] = 0.1 * rung
            layer.biases[...] = 0

    return with_start(program, change)


def same_seed(program: Program, rung: float) -> Program:
    """The first layers, so many of them, begin with the same stream of draws; each scaled by its own fan-in."""

    def change(layers: Sequence[Weights], chance: np.random.Generator) -> None:
        for layer in layers[: int(rung)]:
            draws = np.random.default_rng([program.seed, 81]).standard_normal(layer.weights.size)
            fan_in = layer.weights.shape[0] if program.model == "mlp" else layer.weights[0].size
            layer.weights[...] = draws.reshape(layer.weights.shape) / np.sqrt(fan_in)

    return with_start(program, change)


def scaled_weights(program: Program, rung: float) -> Program:
    def change(layers: Sequence[Weights], chance: np.random.Generator) -> None:
        for layer in layers:
            layer.weights[...] *= rung

    return with_start(program, change)


def one_layer_scaled(program: Program, rung: float) -> Program:
    """The last layer of all, which decides the loss at the start."""

    def change(layers: Sequence[Weights], chance: np.random.Generator) -> None:
        layers[-1].weights[...] *= rung

    return with_start(program, change)


def thrown_biases(program: Program, rung: float) -> Program:
    """The last hidden layer's biases far on the negative side: ReLU units that no sample reaches."""

    def change(layers: Sequence[Weights], chance: np.random.Generator) -> None:
        layers[-2].biases[...] -= rung

    return with_start(program, change)


def saturating_biases(program: Program, rung: float) -> Program:
    """The last hidden layer's biases far out, on both sides."""

    def change(layers: Sequence[Weights], chance: np.random.Generator) -> None:
        biases = layers[-2].biases
        biases[...] += rung * chance.choice([-1.0, 1.0], biases.shape)

    return with_start(program, change)


def biased_output(program: Program, rung: float) -> Program:
    """One class starts with a logit far above the others."""

    def change(layers: Sequence[Weights], chance: np.random.Generator) -> None:
        layers[-1].biases[..., 0] += rung

    return with_start(program, change)


def last_hidden(program: Program, rung: float) -> tuple[str, ...]:
    return (layer_names(program)[-2],)


def last(program: Program, rung: float) -> tuple[str, ...]:
    return (layer_names(program)[-1],)


def rectified(program: Program) -> Program:
    return replace(program, activation="relu")


def squashed(program: Program) -> Program:
    return replace(program, activation="tanh")


OPERATORS = (
    Operator("constant-weights", constant, (5, 2, 0.5, 0), ("constant-initialisation",), MLP),
    Operator("constant-weights-torch", constant, (1, 0.3, 0), ("constant-initialisation",), TORCH),
    Operator("same-seed", same_seed, (2, 3), ("same-seed-in-layers",), MLP, lambda p: len(p.layers) > 1),
    Operator("weights-too-small", scaled_weights, (0.3, 0.1, 0.03, 0.01), ("initial-scale", "vanishing-gradients")),
    Operator("weights-too-large", scaled_weights, (4, 10, 30, 100), ("initial-scale", "saturated-units")),
    Operator("output-too-large", one_layer_scaled, (10, 30, 100), ("initial-scale",), layers=last),
    Operator("born-dead-units", thrown_biases, (2, 4, 8, 16), ("born-dead", "dead-units"), prepare=rectified,
             layers=last_hidden),
    Operator("saturating-biases", saturating_biases, (3, 6, 12, 24), ("saturated-units", "initial-scale"),
             prepare=squashed, layers=last_hidden),
    Operator("biased-output", biased_output, (5, 20, 80), ("initial-scale",), held_out=True, layers=last,
             generic=("learning-rate-too-low", "class-imbalance")),
)  # fmt: skip
