"""The same network in the textbook's form, with a backward pass whose every term can be exchanged.

    δ_L = ∂D/∂z_L,   δ_{l−1} = (δ_l W_lᵀ) ⊙ f′(z_{l−1}),   ∂L/∂W_l = a_{l−1}ᵀ δ_l + 2 β W_l,   ∂L/∂b_l = Σ_n δ_l

for an objective L = α Σ_n D_n + β Σ_l ‖W_l‖². A mistake is a change of one of these terms (`mistakes`).
All arrays may carry leading axes: several points, or a whole population, at once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from backlight.checking.losses import COSTS, Data, Target
from backlight.networks.activations import Activation, Array
from backlight.networks.losses import Labels, softmax

Parameters = tuple[list[Array], list[Array]]  # W_l (…, d_in, d_out) and b_l (…, 1, d_out)


@dataclass(frozen=True)
class Objective:
    """α Σ_n D_n + β Σ ‖W‖² over the layers whose factor is not zero.

    Attributes:
        data: D of one sample: −log p[y], −Σ_k t log p + (1 − t) log(1 − p), Σ_k (p − t)² and so on (`losses`).
        alpha: factor of the sum over samples: 1/N for a mean.
        beta: factor of ‖W_l‖² for each layer.
        beta_bias: factor of ‖b_l‖², the same for all layers.
        target: what the outputs are compared with.
    """

    data: Data
    alpha: float
    beta: tuple[float, ...]
    beta_bias: float = 0.0
    target: Target = "labels"


@dataclass(frozen=True)
class Form:
    """Which functions a network is made of.

    Attributes:
        hidden: activation of each hidden layer.
        output: "softmax", or an elementwise function.
    """

    hidden: tuple[Activation, ...]
    output: Activation | None  # None: softmax

    @property
    def output_name(self) -> str:
        return self.output.name if self.output else "softmax"


@dataclass(frozen=True)
class Pass:
    """A forward pass and what it was of: z_l, a_l (a_0 = X) for l = 1 … L, outputs p."""

    form: Form
    objective: Objective
    X: Array  # (N, d)
    y: Labels  # (N,)
    weights: list[Array]
    biases: list[Array]
    rate: float = 0.01  # of updates that the program makes inside its backward pass
    strength: float = 0.1  # λ as the program calls it

    @cached_property
    def z(self) -> list[Array]:
        found, a = [], self.X
        for l, (W, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            found.append(a @ W + b)
            a = self.activate(l, found[-1])
        return found

    @cached_property
    def a(self) -> list[Array]:
        """a_0 … a_{L−1}, then the outputs."""
        return [np.broadcast_to(self.X, (*self.z[0].shape[:-1], self.X.shape[-1]))] + [
            self.activate(l, z) for l, z in enumerate(self.z)
        ]

    def activate(self, l: int, z: Array) -> Array:
        if l < len(self.form.hidden):
            return self.form.hidden[l].function(z)
        return self.form.output.function(z) if self.form.output else softmax(z)

    @property
    def depth(self) -> int:
        return len(self.weights)

    @property
    def samples(self) -> int:
        return int(self.X.shape[-2])

    @property
    def outputs(self) -> Array:
        return self.a[-1]

    @property
    def targets(self) -> Array:
        """(N, K) one-hot; the labels themselves for a single output; −1 and +1 for 0 and 1; or the inputs."""
        if self.objective.target == "inputs":
            return self.X
        classes = self.weights[-1].shape[-1]
        labels = self.y[..., None] if classes == 1 else self.y[..., None] == np.arange(classes)
        found: Array = labels.astype(float)
        return 2.0 * found - 1.0 if self.objective.target == "signs" else found

    @property
    def residual(self) -> Array:
        return self.outputs - self.targets

    @property
    def canonical(self) -> bool:
        """Whether ∂D/∂z_L is simply p − t: softmax with cross-entropy, σ with binary cross-entropy."""
        data, output = self.objective.data, self.form.output_name
        return (data, output) in {("cross-entropy", "softmax"), ("binary cross-entropy", "sigmoid")}

    def own_slope(self, l: int) -> Array:
        """f′(z_l) of the layer's own activation."""
        own = self.form.hidden[l] if l < len(self.form.hidden) else self.form.output
        assert own is not None
        return own.derivative(self.z[l], self.a[l + 1])


@dataclass(frozen=True)
class Terms:
    """The backward pass, term by term; layers count from 0."""

    output: Callable[[Pass, "Terms"], Array]  # δ_L (…, N, K)
    slope: Callable[[Pass, int], Array]  # f′(z_l) (…, N, d_l)
    through: Callable[[Pass, int, Array], Array]  # δ_l W_lᵀ (…, N, d_{l−1})
    weights: Callable[[Pass, int, Array], Array]  # a_{l−1}ᵀ δ_l
    biases: Callable[[Pass, int, Array], Array]  # Σ_n δ_l
    penalty: Callable[[Pass, int], Array]  # 2 β W_l
    bias_penalty: Callable[[Pass, int], Array]


def output_delta(run: Pass, terms: Terms) -> Array:
    """∂(α Σ D)/∂z_L."""
    return delta_for(run, terms, run.targets)


def delta_for(run: Pass, terms: Terms, targets: Array) -> Array:
    """∂(α Σ D)/∂z_L with these targets."""
    alpha, p = run.objective.alpha, run.outputs
    if run.canonical:
        return alpha * (p - targets)
    with np.errstate(all="ignore"):
        by_output = COSTS[run.objective.data].slope(p, targets)
    if run.form.output is None:  # the softmax' Jacobian: p ⊙ (v − Σ_k v p)
        mean: Array = (by_output * p).sum(axis=-1, keepdims=True)
        return alpha * p * (by_output - mean)
    return alpha * by_output * terms.slope(run, run.depth - 1)


CORRECT = Terms(
    output=output_delta,
    slope=lambda run, l: run.own_slope(l),
    through=lambda run, l, delta: delta @ run.weights[l].swapaxes(-1, -2),
    weights=lambda run, l, delta: run.a[l].swapaxes(-1, -2) @ delta,
    biases=lambda run, l, delta: delta.sum(axis=-2, keepdims=True),
    penalty=lambda run, l: 2.0 * run.objective.beta[l] * run.weights[l],
    bias_penalty=lambda run, l: 2.0 * run.objective.beta_bias * run.biases[l],
)


def backward(run: Pass, terms: Terms = CORRECT) -> Parameters:
    """Gradients by every W_l and b_l."""
    layers = list(layers_backwards(run, terms))[::-1]
    return [dW for dW, _ in layers], [db for _, db in layers]


def layers_backwards(run: Pass, terms: Terms) -> Iterator[tuple[Array, Array]]:
    """dW_L and db_L first, so that whoever has seen enough can stop."""
    delta = terms.output(run, terms)
    for l in reversed(range(run.depth)):
        yield (
            terms.weights(run, l, delta) + terms.penalty(run, l),
            terms.biases(run, l, delta) + terms.bias_penalty(run, l),
        )
        if l > 0:
            delta = terms.through(run, l, delta) * terms.slope(run, l - 1)
