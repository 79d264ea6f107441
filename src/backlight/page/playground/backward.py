"""One forward and one backward pass, layer by layer: formula, one sample's numbers, the gradient and its check."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from backlight.engine.memory import flatten, unflatten
from backlight.engine.stretch import Moment
from backlight.networks.activations import Array
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.networks.losses import Labels, residuals, softmax
from backlight.page.playground.branch import Branch

STEP = 1e-5  # near ε^(1/3), where the errors of rounding and of truncation meet
DERIVATIVES = {
    "tanh": "1 − a²", "sigmoid": "a (1 − a)", "relu": "1 if z > 0, else 0", "leaky_relu": "1 if z > 0, else 0.1",
    "identity": "1",
}  # fmt: skip
FUNCTIONS = {
    "tanh": "tanh(z)", "sigmoid": "1 / (1 + e^−z)", "relu": "max(z, 0)", "leaky_relu": "max(z, 0.1 z)", "identity": "z",
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One sample's numbers: a name such as δ₂, and a value for each unit."""

    name: str
    values: list[float]


@dataclass(frozen=True)
class Check:
    """∂L/∂(W over b) of a layer, (d_in + 1, d_out), by backpropagation and by central differences; NaN on a kink."""

    analytic: list[list[float]]
    numeric: list[list[float]]
    largest_difference: float


@dataclass(frozen=True)
class Stage:
    """A step of the pass; `layer` counts from 1."""

    title: str
    layer: int
    formulas: list[str]
    rows: list[Row]
    check: Check | None = None


def one_pass(branch: Branch, moment: Moment, sample: int) -> dict[str, Any]:
    """The pass that the next update comes from; `sample` (0-based) of its batch is the one whose numbers are shown."""
    network, batch, l2 = branch.trainer.network(moment), branch.trainer.batch(moment), branch.settings.l2
    sample = sample % len(batch)
    with np.errstate(all="ignore"):
        stages = forward_stages(network, batch.X[sample : sample + 1])
        stages += backward_stages(network, batch.X, batch.y, sample, l2)
    return {
        "step": branch.step_of(moment),
        "sample": sample,
        "samples": len(batch),
        "label": int(batch.y[sample]),
        "point": batch.X[sample].tolist(),
        "stages": stages,
    }


def forward_stages(network: DeepNeuralNetwork, x: Array) -> list[Stage]:
    stages = []
    for number, (layer, passed) in enumerate(zip(network.layers, network.forward(x), strict=True), start=1):
        l, below = sub(number), f"a{sub(number - 1)}" if number > 1 else "x"
        rows = [Row(below, passed.inputs[0].tolist()), Row(f"z{l}", passed.pre_activation[0].tolist())]
        formulas = [f"z{l} = {below} W{l} + b{l}"]
        if number < len(network.layers):
            formulas.append(f"a{l} = f(z{l}), f(z) = {FUNCTIONS[layer.activation.name]}")
            rows.append(Row(f"a{l}", passed.activation[0].tolist()))
        stages.append(Stage(f"Forward through layer {number}", number, formulas, rows))
    return stages


def backward_stages(network: DeepNeuralNetwork, X: Array, y: Labels, sample: int, l2: float) -> list[Stage]:
    passes, last = network.forward(X), len(network.layers)
    logits = passes[-1].activation
    delta = residuals(logits, y)  # (N, K): each sample's own gradient at the logits
    L, label = sub(last), int(y[sample])
    p = softmax(logits[sample : sample + 1])[0]
    one = np.arange(logits.shape[1]) == label
    formulas = [f"p = softmax(z{L}), loss of this sample = −ln p[{label}] = {-np.log(p[label]):.4g}", f"δ{L} = p − y"]
    rows = [Row("p", p.tolist()), Row("y", one.astype(float).tolist()), Row(f"δ{L}", delta[sample].tolist())]
    stages = [Stage("The loss, and its derivative at the logits", last, formulas, rows)]
    analytic, numeric = layerwise(network.gradients(X, y, l2)), numeric_gradients(network, X, y, l2)
    for number in range(last, 0, -1):
        l, below = sub(number), f"a{sub(number - 1)}" if number > 1 else "x"
        penalty = f" + λ W{l}" if l2 else ""
        formulas = [f"∂L/∂W{l} = (1/N) Σₙ {below}ᵀ δ{l}{penalty}", f"∂L/∂b{l} = (1/N) Σₙ δ{l}"]
        rows = [Row(below, passes[number - 1].inputs[sample].tolist()), Row(f"δ{l}", delta[sample].tolist())]
        check = compared(analytic[number - 1], numeric[number - 1])
        stages.append(Stage(f"The gradient of layer {number}'s weights", number, formulas, rows, check))
        if number > 1:
            stage, delta = through(network, passes, number, delta, sample)
            stages.append(stage)
    return stages


def through(
    network: DeepNeuralNetwork, passes: list[Any], number: int, delta: Array, sample: int
) -> tuple[Stage, Array]:
    """δ of the layer below number: what comes back through the weights, times the slope."""
    activation, passed = network.layers[number - 2].activation, passes[number - 2]
    back = delta @ network.layers[number - 1].weights.T
    slope = activation.derivative(passed.pre_activation, passed.activation)
    l, below = sub(number), sub(number - 1)
    formulas = [f"δ{below} = (δ{l} W{l}ᵀ) ⊙ f′(z{below}), f′ = {DERIVATIVES[activation.name]}"]
    rows = [
        Row(f"δ{l} W{l}ᵀ", back[sample].tolist()),
        Row(f"f′(z{below})", slope[sample].tolist()),
        Row(f"δ{below}", (back * slope)[sample].tolist()),
    ]
    return Stage(f"Back through layer {number - 1}'s activation", number - 1, formulas, rows), back * slope


def compared(analytic: Array, numeric: Array) -> Check:
    apart = np.abs(analytic - numeric)
    largest = float(np.nanmax(apart)) if np.isfinite(apart).any() else float("nan")
    return Check(analytic.tolist(), numeric.tolist(), largest)


def layerwise(arrays: list[Array]) -> list[Array]:
    """[W_1 over b_1 (d_in + 1, d_out), …] from [W_1, b_1, …]."""
    return [np.concatenate([W, b]) for W, b in zip(arrays[::2], arrays[1::2], strict=True)]


def numeric_gradients(network: DeepNeuralNetwork, X: Array, y: Labels, l2: float) -> list[Array]:
    """(L(θ + h) − L(θ − h)) / 2h; NaN where a kink of a rectifier lies between."""
    sizes = [network.layers[0].weights.shape[0], *(layer.weights.shape[1] for layer in network.layers)]
    start = flatten(network.parameters)
    work = start.copy()
    arrays = unflatten(work, sizes)  # views of `work`
    copy = DeepNeuralNetwork.from_layers(
        [
            type(layer)(W, b, layer.activation)
            for layer, W, b in zip(network.layers, arrays[::2], arrays[1::2], strict=True)
        ]
    )

    def loss(place: int, step: float) -> float:
        work[place] = start[place] + step
        found = float(copy.objective(X, y, l2))
        work[place] = start[place]
        return found

    here = loss(0, 0.0)
    found = np.empty_like(start)
    for place in range(len(start)):
        step = STEP * max(1.0, abs(start[place]))
        found[place] = slope(step, here, *(loss(place, share * step) for share in (1, -1, 0.5, -0.5)))
    return layerwise(unflatten(found, sizes))


def slope(step: float, here: float, up: float, down: float, half_up: float, half_down: float) -> float:
    """The central difference of values at ±step and ±step/2; NaN unless they lie as on a smooth curve.

    Left and right slopes differ by step · f″ there, half as much for half the step. On a kink they always do; beside
    one, the central differences of the two steps are not the same.
    """
    coarse, fine = (up - down) / (2 * step), (half_up - half_down) / step
    bend, half_bend = (up - 2 * here + down) / step, 2 * (half_up - 2 * here + half_down) / step
    rounding = 1e-7 * max(1.0, abs(here)) + 1e-6 * abs(coarse)
    smooth = abs(coarse - fine) <= rounding and abs(2 * half_bend - bend) <= rounding
    return coarse if smooth else float("nan")


def sub(number: int) -> str:
    """
    >>> sub(12)
    '₁₂'
    """
    return "".join("₀₁₂₃₄₅₆₇₈₉"[int(digit)] for digit in str(number))
