"""One network trained in stretches: a moment of its way goes in, a later one comes out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backlight.compilation import announced
from backlight.data.dataset import Dataset, Samples
from backlight.engine.kernels import codes
from backlight.engine.memory import network_of
from backlight.engine.population import Population
from backlight.engine.problem import Problem
from backlight.engine.threads import one_blas_thread
from backlight.errors import SettingsError
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
    """Trains one network in float64, on the thread that calls; several may call at once.

    It remembers nothing of what it has done: the same moment always leads to the same one, to the bit, in however many
    stretches, and it is the one that `train_population` comes to. A network that diverges goes on as NaN.

    Raises:
        SettingsError, DataError: for a population of several networks, or one that does not fit the data.
    """

    def __init__(self, population: Population, data: Dataset):
        if len(population) != 1:
            raise SettingsError(f"stretches are of one network, not of {len(population)}")
        self.population = population
        self.data = data
        self.problem = Problem(population, [data], np.dtype(np.float64))

    def start(self) -> Moment:
        parameters = self.population.parameters
        return moment_of(0, parameters.copy(), np.zeros((1, 2, parameters.shape[1])))

    def advance(self, moment: Moment, steps: int) -> Moment:
        """The network `steps` updates later.

        Raises:
            SettingsError: for fewer than 0.
        """
        if steps < 0:
            raise SettingsError(f"steps must be 0 or more, not {steps}")
        given = self.population
        parameters, state = moment.parameters[None].copy(), moment.state[None].copy()
        networks = codes.Networks(parameters, state, given.learning_rate, given.l2, given.draws)
        unseen = codes.Watch(
            np.empty(0, np.int64), np.empty((1, 0, codes.MEASURES)), np.zeros(1, np.int64), np.zeros(1, np.int64)
        )
        last = moment.step + steps
        with announced(), one_blas_thread(self.problem.rule.by_matrix):
            self.problem.descend(networks, given.seeds, (moment.step, last), unseen, self.problem.lanes())
        return moment_of(last, parameters, state)

    def network(self, moment: Moment) -> DeepNeuralNetwork:
        """The readable network of that moment, a copy."""
        return network_of(self.population.sizes, self.population.activation, moment.parameters)

    def batch(self, moment: Moment) -> Samples:
        """The samples that the next update sees: all, or its mini-batch."""
        size = self.problem.rule.batch
        if not size:
            return self.data.train
        epoch, number = divmod(moment.step, self.problem.per_epoch)
        order = self.problem.order(int(self.population.seeds[0]), epoch)
        return self.data.train.take(order[number * size : (number + 1) * size])


def moment_of(step: int, parameters: NDArray[np.float64], state: NDArray[np.float64]) -> Moment:
    """The only network of the kernels' arrays (1, P) and (1, 2, P), which from now on nobody writes to."""
    for array in (parameters, state):
        array.setflags(write=False)
    return Moment(step, parameters[0], state[0])
