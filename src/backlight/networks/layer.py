"""One fully connected layer: z = a_in W + b, a = f(z)."""

from dataclasses import dataclass

import numpy as np

from backlight.networks.activations import Activation, Array


@dataclass(frozen=True)
class LayerPass:
    """What one forward pass through a layer leaves for its backward pass; shapes (..., N, d)."""

    inputs: Array
    pre_activation: Array
    activation: Array


@dataclass(frozen=True)
class LayerGradients:
    """∂L/∂W (..., d_in, d_out), ∂L/∂b (..., 1, d_out) and ∂L/∂a_in (..., N, d_in)."""

    weights: Array
    biases: Array
    inputs: Array


@dataclass(frozen=True)
class Layer:
    """Weights (..., d_in, d_out), biases (..., 1, d_out) and an activation; no hidden state.

    Leading axes hold independent layers of the same shape; they broadcast against inputs of shape
    (..., N, d_in).
    """

    weights: Array
    biases: Array
    activation: Activation

    @classmethod
    def initialised(cls, d_in: int, d_out: int, activation: Activation, rng: np.random.Generator) -> "Layer":
        """W ~ N(0, 1/√d_in) (standard deviation), b = 0."""
        weights = rng.normal(0.0, 1.0 / np.sqrt(d_in), size=(d_in, d_out))
        return cls(weights, np.zeros((1, d_out)), activation)

    def forward(self, inputs: Array) -> LayerPass:
        pre_activation = inputs @ self.weights + self.biases
        return LayerPass(inputs, pre_activation, self.activation.function(pre_activation))

    def backward(self, passed: LayerPass, grad_activation: Array) -> LayerGradients:
        """From ∂L/∂a (..., N, d_out) to the layer's gradients: δ = ∂L/∂a ⊙ f′(z)."""
        delta = grad_activation * self.activation.derivative(passed.pre_activation, passed.activation)
        return LayerGradients(
            weights=passed.inputs.swapaxes(-1, -2) @ delta,
            biases=np.ones((1, delta.shape[-2])) @ delta,  # Σ_n δ_n
            inputs=delta @ self.weights.swapaxes(-1, -2),
        )
