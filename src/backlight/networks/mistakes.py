"""Three documented mistakes of the source report's code, each on or off, as one gradient function.

1. output derivative: δ_L = (p − y) ⊙ f′(z_L), although softmax takes z_L directly;
2. summed gradients: the data gradient is summed over the samples, while loss, step and λW are meant for its mean;
3. shared seed: every layer draws its weights from a generator seeded with the same number.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backlight.networks.activations import Array
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.networks.layer import Layer
from backlight.networks.losses import Labels, residuals


@dataclass(frozen=True)
class Mistakes:
    output_derivative: bool = False
    summed_gradients: bool = False
    shared_seed: bool = False

    def __str__(self) -> str:
        made = [name.replace("_", " ") for name, present in vars(self).items() if present]
        return " + ".join(made) or "none"

    def initial_network(self, sizes: Sequence[int], activation: str, seed: int) -> DeepNeuralNetwork:
        """N(0, 1/√fan_in) weights from one generator, or from a generator of the same seed in every layer."""
        network = DeepNeuralNetwork(sizes, activation, seed)
        if not self.shared_seed:
            return network
        return DeepNeuralNetwork.from_layers(
            [
                Layer.initialised(d_in, d_out, layer.activation, np.random.default_rng(seed))
                for d_in, d_out, layer in zip(sizes[:-1], sizes[1:], network.layers, strict=True)
            ]
        )

    def gradients(self, network: DeepNeuralNetwork, X: Array, y: Labels, l2: float) -> list[Array]:
        """What a backward pass with these mistakes returns, in the order of `network.parameters`."""
        passes = network.forward(X)
        logits = passes[-1].activation
        delta = residuals(logits, y)
        if self.output_derivative:
            hidden = network.layers[0].activation
            delta = delta * hidden.derivative(logits, hidden.function(logits))
        if not self.summed_gradients:
            delta = delta / logits.shape[-2]
        return network.backward(passes, delta, l2)


NO_MISTAKES = Mistakes()
REPORTED_MISTAKES = Mistakes(output_derivative=True, summed_gradients=True, shared_seed=True)
