"""Parameters that training does not reach."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from backlight.networks.activations import Array
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.networks.layer import LayerPass

from ..bases import layer_names
from ..program import Program, Weights
from .operator import MLP, TORCH, Operator


def reached(program: Program, rung: float) -> tuple[str, ...]:
    """Names of the first so many layers; the last one is never among them."""
    names = layer_names(program)
    return names[: min(int(rung), len(names) - 1)]


def last_layer(program: Program, rung: float) -> tuple[str, ...]:
    return layer_names(program)[-int(rung) :]


def not_given(program: Program, rung: float) -> Program:
    """The optimiser was made before the last so many layers were exchanged."""
    names = last_layer(program, rung)
    return replace(program, in_optimizer=lambda name: not name.startswith(names))


def first_not_given(program: Program, rung: float) -> Program:
    names = reached(program, rung)
    return replace(program, in_optimizer=lambda name: not name.startswith(names))


def frozen(program: Program, rung: float) -> Program:
    """requires_grad is off for the first so many layers, which nobody trained."""
    names = reached(program, rung)

    def change(model: Any) -> None:
        for name, parameter in model.named_parameters():
            if name.startswith(names):
                parameter.requires_grad_(False)

    return replace(program, on_model=(*program.on_model, change))


def detached(program: Program, rung: float) -> Program:
    """What the layer of that number gives is detached: no gradient reaches it or those before it."""
    name = layer_names(program)[int(rung) - 1]

    def change(model: Any) -> None:
        model.detached = (name,)

    return replace(program, on_model=(*program.on_model, change))


def cut_by_hand(program: Program, rung: float) -> Program:
    """The hand-written backward pass ends before the first so many layers."""

    def backward(net: DeepNeuralNetwork, passes: list[LayerPass], grad_logits: Array, l2: float) -> list[Array]:
        found = net.backward(passes, grad_logits, l2)
        for array in found[: 2 * min(int(rung), len(passes) - 1)]:
            array[...] = 0
        return found

    return replace(program, backward=backward)


def kept_by_hand(program: Program, rung: float) -> Program:
    """The update leaves out the layer of that number, counted from the last, although it has a gradient."""
    kept: dict[int, list[Array]] = {}

    def change(step: int, layers: Sequence[Weights]) -> None:
        layer = layers[-int(rung)] if rung <= len(layers) else layers[0]
        if step == 0:
            kept[0] = [layer.weights.copy(), layer.biases.copy()]
        layer.weights[...], layer.biases[...] = kept[0]

    return replace(program, on_step=(*program.on_step, change))


def kept_layer(program: Program, rung: float) -> tuple[str, ...]:
    names = layer_names(program)
    return (names[-min(int(rung), len(names))],)


def bypassed(program: Program, rung: float) -> Program:
    """So many hidden layers after the first are made and called, and their input is handed on in their place."""
    names = bypassed_layers(program, rung)

    def change(model: Any) -> None:
        model.unused = names

    return replace(program, on_model=(*program.on_model, change))


def bypassed_layers(program: Program, rung: float) -> tuple[str, ...]:
    return layer_names(program)[1:-1][: int(rung)]


def stale(program: Program, rung: float) -> Program:
    """The loss is of detached outputs; only a penalty of this weight on the logits moves any parameter."""
    return replace(program, loss="detached", loss_setting=rung)


def has_hidden(program: Program) -> bool:
    return len(layer_names(program)) > 2


OPERATORS = (
    Operator("head-not-in-optimizer", not_given, (1, 2), ("not-in-optimizer",), TORCH, layers=last_layer),
    Operator("first-layers-not-in-optimizer", first_not_given, (1, 2, 3), ("not-in-optimizer",), TORCH,
             layers=reached),
    Operator("frozen-layers", frozen, (1, 2, 3), ("frozen-parameters", "not-in-optimizer"), TORCH, layers=reached),
    Operator("detached-layers", detached, (1, 2), ("gradient-cut",), TORCH, layers=reached),
    Operator("backward-cut", cut_by_hand, (1, 2), ("gradient-cut", "wrong-gradient"), MLP, layers=reached),
    Operator("layer-not-updated", kept_by_hand, (1, 2, 3),
             ("not-in-optimizer", "frozen-parameters", "wrong-gradient"), MLP, layers=kept_layer),
    Operator("unused-layers", bypassed, (1, 2), ("unused-parameters",), ("cnn",), has_hidden, layers=bypassed_layers),
    Operator("stale-loss", stale, (1e-4, 1e-3, 1e-2), ("loss-not-connected",), TORCH),
)  # fmt: skip
