"""One way that a training went. Any step of it can be had again, to the bit: from the last moment kept before it."""

from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from backlight.data.dataset import Dataset, Samples
from backlight.engine.population import Population
from backlight.engine.stretch import Moment, Trainer
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.networks.losses import cross_entropy
from backlight.page.playground.settings import PlaygroundSettings

MOST_KEPT = 400  # moments of a branch; of more, every second is let go


class Measured(NamedTuple):
    """The mean cross-entropy, without the penalty, and the share of right answers after `step` updates."""

    step: int
    train_loss: float
    test_loss: float
    train_accuracy: float
    test_accuracy: float

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.train_loss))


@dataclass(frozen=True)
class Origin:
    """Where a branch leaves another: (number of that one, step)."""

    branch: int
    step: int


class Branch:
    """Settings from a moment on, and what became of the network.

    Args:
        offset: updates before those that the optimiser counts: it begins anew where it is exchanged.
    """

    def __init__(
        self,
        settings: PlaygroundSettings,
        data: Dataset,
        trainer: Trainer,
        start: Moment,
        offset: int = 0,
        origin: Origin | None = None,
    ):
        self.settings, self.data, self.trainer, self.origin, self.offset = settings, data, trainer, origin, offset
        self.kept = [start]
        self.curve: tuple[Measured, ...] = (self.measure(start),)
        self.first = self.last = self.step_of(start)

    @classmethod
    def root(cls, settings: PlaygroundSettings, data: Dataset) -> "Branch":
        trainer = Trainer(population_of(settings, data), data)
        return cls(settings, data, trainer, trainer.start())

    def branched(self, number: int, moment: Moment, settings: PlaygroundSettings) -> "Branch":
        """The way from `moment` of this branch, the one of that number, under other settings."""
        trainer = Trainer(population_of(settings, self.data), self.data)
        step = self.step_of(moment)
        if settings.optimizer != self.settings.optimizer:  # what it remembers is of no use to another one
            start, offset = Moment(0, moment.parameters, np.zeros_like(moment.state)), step
        else:
            start, offset = moment, self.offset
        return Branch(settings, self.data, trainer, start, offset, Origin(number, step))

    def step_of(self, moment: Moment) -> int:
        return self.offset + moment.step

    def at(self, step: int) -> Moment:
        """The moment after `step` updates, at least those before the branch; trained up to there if need be."""
        kept = self.kept  # which the thread that trains may exchange at any time
        place = bisect_right(kept, step - self.offset, key=lambda each: each.step)
        nearest = kept[max(0, place - 1)]
        return self.trainer.advance(nearest, max(0, step - self.step_of(nearest)))

    def keep(self, moment: Moment) -> Measured:
        """Takes note of a moment, if it lies beyond all before."""
        step = self.step_of(moment)
        if step <= self.last:
            return self.measure(moment)
        self.last = step
        self.kept.append(moment)
        measured = self.measure(moment)
        self.curve = (*self.curve, measured)
        if len(self.kept) > MOST_KEPT:
            self.kept = self.kept[:-1:2] + self.kept[-1:]
            self.curve = self.curve[:-1:2] + self.curve[-1:]
        return measured

    def measure(self, moment: Moment) -> Measured:
        network = self.trainer.network(moment)
        train, test = (losses(network, part) for part in (self.data.train, self.data.test))
        return Measured(self.step_of(moment), train[0], test[0], train[1], test[1])


def losses(network: DeepNeuralNetwork, samples: Samples) -> tuple[float, float]:
    with np.errstate(all="ignore"):
        logits = network.logits(samples.X)
        right = np.isfinite(logits).all(axis=1) & (logits.argmax(axis=1) == samples.y)
        return float(cross_entropy(logits, samples.y)), float(right.mean())


def population_of(settings: PlaygroundSettings, data: Dataset, seeds: tuple[int, ...] = ()) -> Population:
    """The networks of these settings with `seeds`, or the one with the settings' own."""
    return Population.initialised(
        (2, *settings.hidden, data.classes),
        settings.activations,
        seeds or (settings.seed,),
        settings.learning_rate,
        settings.l2,
        settings.init_scale,
        optimizer=settings.optimizer,
        batch_size=settings.batch_size,
    )
