"""A gradient that is not that of the loss: written wrongly by hand, or never cleared."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from backlight.networks.activations import Array
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.networks.layer import LayerPass

from ..bases import layer_names
from ..program import Backward, Program, Weights
from .operator import MLP, Operator

Delta = Callable[[int, Array, LayerPass, DeepNeuralNetwork], Array]


def backward_with(delta_of: Delta) -> Backward:
    """A backward pass whose δ_l = `delta_of`(l, ∂L/∂a_l, pass, network); l counts from 0."""

    def backward(net: DeepNeuralNetwork, passes: list[LayerPass], grad_logits: Array, l2: float) -> list[Array]:
        found: list[Array] = []
        gradient = grad_logits
        for number in reversed(range(len(passes))):
            layer, passed = net.layers[number], passes[number]
            delta = delta_of(number, gradient, passed, net)
            found += [delta.sum(axis=0, keepdims=True), passed.inputs.T @ delta + l2 * layer.weights]
            gradient = delta @ layer.weights.T
        return found[::-1]

    return backward


def right_delta(number: int, gradient: Array, passed: LayerPass, net: DeepNeuralNetwork) -> Array:
    activation = net.layers[number].activation
    return gradient * activation.derivative(passed.pre_activation, passed.activation)


def no_slope(program: Program, rung: float) -> Program:
    """f′ left out of all hidden layers but the last few."""

    def delta(number: int, gradient: Array, passed: LayerPass, net: DeepNeuralNetwork) -> Array:
        return gradient if number < rung else right_delta(number, gradient, passed, net)

    return replace(program, backward=backward_with(delta))


def output_slope(program: Program, rung: float) -> Program:
    """The hidden activation's slope also at the softmax output; rungs of the learning rate, where it bites sooner."""

    def delta(number: int, gradient: Array, passed: LayerPass, net: DeepNeuralNetwork) -> Array:
        if number < len(net.layers) - 1:
            return right_delta(number, gradient, passed, net)
        hidden = net.layers[0].activation
        return gradient * hidden.derivative(passed.pre_activation, hidden.function(passed.pre_activation))

    return replace(program, backward=backward_with(delta), learning_rate=program.learning_rate * rung)


def changed_gradients(program: Program, change: Callable[[Sequence[Weights]], None]) -> Program:
    return replace(program, on_gradients=(*program.on_gradients, change))


def wrong_sign(program: Program, rung: float) -> Program:
    """The weights' gradients of the last so many layers have the wrong sign."""

    def change(gradients: Sequence[Weights]) -> None:
        for each in gradients[-int(rung) :]:
            each.weights[...] *= -1

    return changed_gradients(program, change)


def no_activation_in(program: Program, rung: float) -> Program:
    """dW from the pre-activation's sign in place of the activation: a_(l−1) confused, mixed in by a share."""

    def backward(net: DeepNeuralNetwork, passes: list[LayerPass], grad_logits: Array, l2: float) -> list[Array]:
        found = net.backward(passes, grad_logits, l2)
        for number in range(1, len(passes)):
            rolled = np.roll(found[2 * number], 1, axis=0)
            found[2 * number][...] = (1 - rung) * found[2 * number] + rung * rolled
        return found

    return replace(program, backward=backward)


def never_cleared(program: Program, rung: float) -> Program:
    """Gradients are added up over so many steps, each of which uses the sum; 0 for ever."""
    return replace(program, clear_every=int(rung))


def last_sample(program: Program, rung: float) -> Program:
    """The gradient is that of the first `rung` samples of the batch: a loop that overwrites."""

    def backward(net: DeepNeuralNetwork, passes: list[LayerPass], grad_logits: Array, l2: float) -> list[Array]:
        kept = np.zeros_like(grad_logits)
        kept[: int(rung)] = grad_logits[: int(rung)] * len(grad_logits) / rung
        return net.backward(passes, kept, l2)

    return replace(program, backward=backward)


def relu_or_tanh(program: Program) -> bool:
    return program.activation in ("relu", "tanh", "leaky_relu", "sigmoid")


def of_sign(program: Program, rung: float) -> tuple[str, ...]:
    return layer_names(program)[-int(rung) :]


OPERATORS = (
    Operator("no-slope", no_slope, (1, 2), ("wrong-gradient",), MLP),
    Operator("output-slope", output_slope, (1, 2, 4), ("output-slope", "wrong-gradient"), MLP, relu_or_tanh),
    Operator("wrong-sign", wrong_sign, (1, 2, 9), ("wrong-gradient",), layers=of_sign),
    Operator("rolled-weights-gradient", no_activation_in, (0.3, 0.6, 1.0), ("wrong-gradient",), MLP),
    Operator("gradients-never-cleared", never_cleared, (4, 10, 30, 0), ("missing-zero-grad",)),
    Operator("one-sample-gradient", last_sample, (4, 2, 1), ("wrong-gradient", "batch-too-small"), MLP,
             held_out=True, generic=("learning-rate-too-high", "output-slope")),
)  # fmt: skip
