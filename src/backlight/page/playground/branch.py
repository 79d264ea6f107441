"""One way that a training went. Any step of it can be had again, to the bit: from the last moment kept before it."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from backlight.data.dataset import Dataset, Samples
from backlight.engine.population import Population
from backlight.engine.stretch import Moment, Trainer
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.networks.losses import cross_entropy
from backlight.page.playground.settings import PlaygroundSettings

MOST_KEPT = 400  # moments of a branch; of more, half are let go


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
            chosen = spread([each.step for each in self.kept], MOST_KEPT // 2)
            self.kept = [self.kept[at] for at in chosen]
            self.curve = tuple(self.curve[at] for at in chosen)
        return measured

    def measure(self, moment: Moment) -> Measured:
        network = self.trainer.network(moment)
        train, test = (losses(network, part) for part in (self.data.train, self.data.test))
        return Measured(self.step_of(moment), train[0], test[0], train[1], test[1])


def spread(steps: Sequence[int], count: int) -> list[int]:
    """At most `count` places in ascending steps, the first and the last among them: half of them evenly spaced, half
    evenly in the logarithm, so that the beginning stays as fine as the rest.

    >>> spread([0, 1, 2, 3, 4, 5, 6, 7, 8], 6)
    [0, 1, 3, 4, 8]
    """
    past = np.asarray(steps) - steps[0]
    wanted = np.concatenate([np.linspace(0, past[-1], count // 2), np.geomspace(1, past[-1], count - count // 2)])
    places = np.searchsorted(past, np.minimum(wanted, past[-1]))
    return sorted({0, *places.tolist(), len(steps) - 1})


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
