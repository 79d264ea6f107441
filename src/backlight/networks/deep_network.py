"""A fully connected network: layers in sequence, softmax over the last one's output."""

from collections.abc import Sequence

import numpy as np

from backlight.errors import DataError, SettingsError
from backlight.networks.activations import ActivationNames, Array, layer_activations
from backlight.networks.layer import Layer, LayerPass
from backlight.networks.losses import Labels, cross_entropy, cross_entropy_gradient, l2_penalty, softmax
from backlight.notebook import shown


class DeepNeuralNetwork:
    """Sequences layers, and only that.

    Hidden layers use `activation`, the last one is linear: its output are the logits, to which softmax
    is applied by the loss. W_l ~ N(0, 1/√d_{l−1}) (standard deviation), b_l = 0, all layers drawn in
    order from one generator.

    Args:
        sizes: widths [d_0, …, K], at least two, each at least 1.
        activation: tanh, sigmoid, relu, leaky_relu or identity; one for all hidden layers, or a tuple of one for each.
        seed: an integer, or a `numpy.random.Generator` to draw from.

    Raises:
        SettingsError: for widths or an activation that cannot be built.

    >>> network = DeepNeuralNetwork([2, 4, 3, 2], activation="relu", seed=0)
    >>> network.predict_proba(np.zeros((1, 2)))
    array([[0.5, 0.5]])
    >>> [gradient.shape for gradient in network.gradients(np.zeros((5, 2)), np.array([0, 1, 1, 0, 1]))]
    [(2, 4), (1, 4), (4, 3), (1, 3), (3, 2), (1, 2)]
    """

    def __init__(self, sizes: Sequence[int], activation: ActivationNames = "tanh", seed: int | np.random.Generator = 0):
        sizes = check_sizes(sizes)
        rng = np.random.default_rng(seed)
        functions = layer_activations(activation, len(sizes) - 1)
        self.layers: tuple[Layer, ...] = tuple(
            Layer.initialised(d_in, d_out, function, rng)
            for d_in, d_out, function in zip(sizes[:-1], sizes[1:], functions, strict=True)
        )

    @classmethod
    def from_layers(cls, layers: Sequence[Layer]) -> "DeepNeuralNetwork":
        """The network of these layers, which it shares; each takes what the one before gives."""
        network = cls.__new__(cls)
        network.layers = tuple(layers)
        return network

    def __repr__(self) -> str:
        sizes = [self.layers[0].weights.shape[-2]] + [layer.weights.shape[-1] for layer in self.layers]
        names = tuple(layer.activation.name for layer in self.layers[:-1] or self.layers)
        return f"DeepNeuralNetwork({sizes}, {names if len(set(names)) > 1 else names[0]!r})"

    def _repr_html_(self) -> str:
        return shown("network", self)

    @property
    def parameters(self) -> list[Array]:
        """[W_1, b_1, W_2, b_2, …]: the arrays themselves, for an optimiser to update in place."""
        return [array for layer in self.layers for array in (layer.weights, layer.biases)]

    @property
    def parameter_names(self) -> list[str]:
        """["W1", "b1", "W2", …] in the order of `parameters`."""
        return [f"{letter}{number}" for number, _ in enumerate(self.layers, start=1) for letter in "Wb"]

    def forward(self, X: Array) -> list[LayerPass]:
        """X (..., N, d_0) through all layers; the last pass holds the logits (..., N, K)."""
        passes = []
        for layer in self.layers:
            passes.append(layer.forward(X))
            X = passes[-1].activation
        return passes

    def backward(self, passes: list[LayerPass], grad_logits: Array, l2: float = 0.0) -> list[Array]:
        """Gradients in the order of `parameters`, from ∂L/∂z_L (..., N, K) and λ.

        δ_L = ∂L/∂z_L, δ_l = (δ_{l+1} W_{l+1}ᵀ) ⊙ f′(z_l); the penalty adds λ W_l.
        """
        gradients: list[Array] = []
        grad_activation = grad_logits
        for layer, passed in zip(reversed(self.layers), reversed(passes), strict=True):
            layer_gradients = layer.backward(passed, grad_activation)
            gradients += [layer_gradients.biases, layer_gradients.weights + l2 * layer.weights]
            grad_activation = layer_gradients.inputs
        return gradients[::-1]

    def gradients(self, X: Array, y: Labels, l2: float = 0.0) -> list[Array]:
        """∂/∂parameters of `objective`, in the order of `parameters` and of their shapes.

        Args:
            X: (..., N, d_0) float64.
            y: (..., N) integers in 0…K − 1, which is not checked here.
            l2: λ, 0 or more.
        """
        passes = self.forward(X)
        return self.backward(passes, cross_entropy_gradient(passes[-1].activation, y), l2)

    def objective(self, X: Array, y: Labels, l2: float = 0.0) -> Array:
        """Mean cross-entropy + (λ/2) Σ_l ‖W_l‖²: shape (...), in nats.

        Raises:
            DataError: for a label outside 0..K−1, which would silently cost nothing.
        """
        classes = self.layers[-1].biases.shape[-1]
        if np.min(y) < 0 or np.max(y) >= classes:
            raise DataError(f"labels {np.min(y)}..{np.max(y)} for a network of {classes} classes (0..{classes - 1})")
        penalty = sum(l2_penalty(layer.weights, l2) for layer in self.layers)
        return cross_entropy(self.logits(X), y) + penalty

    def logits(self, X: Array) -> Array:
        """z_L (..., N, K) of X (..., N, d_0), what softmax is applied to."""
        return self.forward(X)[-1].activation

    def predict_proba(self, X: Array) -> Array:
        """Class probabilities (..., N, K)."""
        return softmax(self.logits(X))

    def predict(self, X: Array) -> Labels:
        """Most probable class (..., N); the lowest one where several tie."""
        winners: Labels = self.logits(X).argmax(axis=-1)
        return winners


def check_sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    """The widths as integers.

    Raises:
        SettingsError: unless there are two or more of at least 1.
    """
    if len(sizes) < 2 or any(size != int(size) or size < 1 for size in sizes):
        raise SettingsError(f"layer widths must be two or more whole numbers of at least 1, not {list(sizes)}")
    return tuple(int(size) for size in sizes)
