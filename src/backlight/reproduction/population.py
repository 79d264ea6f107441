"""Many small networks of one kind on make_moons, each with its own seed, weights, training and held-out points."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from backlight.data.dataset import Samples
from backlight.engine.memory import flatten
from backlight.engine.outcome import Outcome
from backlight.engine.population import Population
from backlight.engine.train import train_population
from backlight.networks.mistakes import NO_MISTAKES, Mistakes
from backlight.training.blocks import Report
from backlight.training.condition import load_draws

SAMPLES, NOISE = 200, 0.2


@dataclass(frozen=True)
class Condition:
    """One kind of network and how it is trained, by full-batch gradient descent."""

    sizes: tuple[int, ...]
    activation: str
    learning_rate: float
    l2: float
    passes: int
    mistakes: Mistakes = NO_MISTAKES

    def describe(self) -> dict[str, Any]:
        """Also the version: a later one may train other numbers, and results are published under it."""
        return {**asdict(self), "sizes": list(self.sizes), "version": version("backlight")}

    def population(self, seeds: Sequence[int]) -> Population:
        """The networks before training, with what the mistakes make of weights, gradients and steps.

        Gradients summed over N samples, at step η with λW beside the sum, are those of the mean at step ηN with λ/N.
        """
        scale = SAMPLES if self.mistakes.summed_gradients else 1
        population = Population.initialised(
            self.sizes,
            self.activation,
            seeds,
            self.learning_rate * scale,
            self.l2 / scale,
            draws=range(len(seeds)),
            output_gate=self.activation if self.mistakes.output_derivative else "identity",
        )
        if not self.mistakes.shared_seed:
            return population
        networks = [self.mistakes.initial_network(self.sizes, self.activation, seed) for seed in seeds]
        return replace(population, parameters=np.stack([flatten(network.parameters) for network in networks]))

    def train(
        self,
        seeds: Sequence[int],
        threads: int | None = None,
        report: Report | None = None,
        dtype: DTypeLike = np.float32,
    ) -> Outcome:
        data = load_draws("moons", SAMPLES, NOISE, 2, tuple(seeds))
        return train_population(self.population(seeds), data, self.passes, dtype=dtype, threads=threads, report=report)


def moons(seed: int) -> Samples:
    """The training points of that seed."""
    (draw,) = load_draws("moons", SAMPLES, NOISE, 2, (seed,))
    return draw.train
