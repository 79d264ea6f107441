"""The training loop of the NumPy networks."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from backlight.networks.activations import Array
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.networks.losses import Labels
from backlight.training.optimizers import Optimizer

GradientFunction: TypeAlias = Callable[[DeepNeuralNetwork, Array, Labels, float], list[Array]]


def descend(
    network: DeepNeuralNetwork,
    optimizer: Optimizer,
    batches: Iterable[tuple[Array, Labels]],
    l2: float,
    gradients: GradientFunction = DeepNeuralNetwork.gradients,
) -> Iterator[int]:
    """One update a batch, in place; yields the number of updates done, so that the caller's loop may look or stop.

    `gradients` may be exchanged for a wrong one: that is how mistakes are studied.
    """
    for step, (X, y) in enumerate(batches, start=1):
        optimizer.step(gradients(network, X, y, l2))
        yield step
