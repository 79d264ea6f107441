"""One network trained in stretches: a moment of its way goes in, a later one comes out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backlight.data.dataset import Dataset, Samples
from backlight.engine.population import Population
from backlight.networks.deep_network import DeepNeuralNetwork


@dataclass(frozen=True)
class Moment:
    """A network on its way: what training goes on from, to the bit.

    Attributes:
        step: updates done.
        parameters: (P,) read-only.
        state: (2, P) of the optimiser, read-only.
    """

    step: int
    parameters: NDArray[np.float64]
    state: NDArray[np.float64]


class Trainer:
    """Trains one network on one data set, in float64 on the calling thread."""

    def __init__(self, population: Population, data: Dataset):
        self.population, self.data = population, data

    def start(self) -> Moment:
        raise NotImplementedError

    def advance(self, moment: Moment, steps: int) -> Moment:
        raise NotImplementedError

    def network(self, moment: Moment) -> DeepNeuralNetwork:
        raise NotImplementedError

    def batch(self, moment: Moment) -> Samples:
        raise NotImplementedError

    def next_update(self, moment: Moment) -> NDArray[np.float64]:
        raise NotImplementedError
