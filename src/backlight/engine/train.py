"""Training a population on all cores.

A thread takes a few networks at a time and trains them from the first step to the last. Where there are fewer
networks than threads, the threads share the samples of each. Either way a network's numbers depend on nothing but
its own settings: not on its neighbours, their order, or the number of threads.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from backlight.compilation import announced
from backlight.data.dataset import Dataset
from backlight.engine.kernels import codes
from backlight.engine.memory import check_memory
from backlight.engine.outcome import Outcome
from backlight.engine.population import Population
from backlight.engine.problem import Problem
from backlight.engine.threads import Task, one_blas_thread, run_tasks, slices, thread_count
from backlight.errors import SettingsError

MEASURES = (
    "train_loss",
    "train_accuracy",
    "test_accuracy",
    "gradient_is_zero",
    "logits_nonpositive",
    "layer_is_dead",
    "silent_share",
    "saturated_share",
)
LOOKS = 100  # times a training run is looked at
WORTH_SHARING = 50_000  # samples × parameters, some ten microseconds

Report = Callable[[int], None]


def look_schedule(steps: int) -> NDArray[np.int64]:
    """0, then whole numbers evenly spaced in the logarithm, up to `steps`."""
    return np.unique(np.concatenate([[0], np.geomspace(1, steps, LOOKS).round().astype(np.int64)]))


def train_population(
    population: Population,
    data: Sequence[Dataset],
    steps: int,
    looks: Sequence[int] | None = None,
    dtype: DTypeLike = np.float32,
    threads: int | None = None,
    report: Report | None = None,
) -> Outcome:
    """Trains every network for `steps` updates.

    Args:
        population: the networks before training, which stay as they are.
        steps: number of updates, at least 1.
        data: one data set or several of the same shape; `population.draws` says which one each network sees.
        looks: steps after which the networks are looked at; 0 and 100 evenly spaced in the logarithm if not given.
            The last step is always one of them.
        dtype: float32, or float64 for the reference's digits.
        threads: all cores if not given.
        report: called now and then with the number of updates done by all networks together.

    Raises:
        SettingsError, DataError: before anything is trained, for settings and data that do not fit.

    >>> from backlight.data.points import load_points
    >>> population = Population.initialised([2, 6, 2], "tanh", range(20), learning_rate=2.0)
    >>> outcome = train_population(population, [load_points("moons", 200)], steps=500, looks=[0])
    >>> outcome.test_accuracy.shape, bool((outcome.test_accuracy[-1] > 0.8).all())
    ((2, 20), True)
    """
    for name, value in (("steps", steps), ("threads", threads)):
        if value is not None and value < 1:
            raise SettingsError(f"{name} must be at least 1, not {value}")
    times = look_schedule(steps) if looks is None else np.unique([*looks, steps]).astype(np.int64)
    if times[0] < 0 or times[-1] > steps:
        raise SettingsError(f"looks must lie between 0 and {steps} steps, not {times[0]} … {times[-1]}")
    kind = np.dtype(dtype)
    if kind not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise SettingsError(f"dtype must be float32 or float64, not {kind}")
    check_memory(len(population), population.sizes, len(times))
    training = Training(population, data, times, kind)
    shared = len(population) < (threads or thread_count()) and training.worth_sharing
    tasks = training.shared_tasks(threads) if shared else training.tasks(threads)
    with announced(), one_blas_thread(training.problem.rule.by_matrix):
        run_tasks(tasks, threads, training.watch.stop, lambda: report and report(int(training.watch.done.sum())))
    return training.outcome()


class Training:
    """A population in the kernels' memory, cut into tasks for threads."""

    def __init__(
        self,
        population: Population,
        data: Sequence[Dataset],
        looks: NDArray[np.int64],
        kind: np.dtype[Any],
    ):
        self.population = population
        self.looks = looks
        self.problem = Problem(population, data, kind)
        count, parameters = len(population), population.parameters.astype(kind)
        state = np.zeros((count, 2, parameters.shape[1]), kind)
        self.networks = codes.Networks(parameters, state, population.learning_rate, population.l2, population.draws)
        curves = np.full((count, len(looks), codes.MEASURES), np.nan)
        self.watch = codes.Watch(looks, curves, np.zeros(count, np.int64), np.zeros(1, np.int64))

    @property
    def worth_sharing(self) -> bool:
        """Whether a step takes long enough for threads to meet after it."""
        return self.problem.segments > 1 and self.problem.samples * self.problem.room >= WORTH_SHARING

    def tasks(self, threads: int | None) -> list[Task]:
        """A few networks each."""
        return [partial(self.run, part, self.problem.lanes(), 0) for part in slices(len(self.population), threads)]

    def shared_tasks(self, threads: int | None) -> list[Task]:
        """One for each thread, all of which work on one network after the other."""
        count = min(threads or thread_count(), self.problem.segments)
        lanes = self.problem.lanes(count)
        return [partial(self.run, slice(None), lanes, lane) for lane in range(count)]

    def run(self, part: slice, lanes: codes.Lanes, lane: int) -> None:
        """Trains the networks of `part` from the first step to the last."""
        networks = codes.Networks(*(array[part] for array in self.networks))
        watch = self.watch._replace(curves=self.watch.curves[part], done=self.watch.done[part])
        self.problem.descend(networks, self.population.seeds[part], (0, int(self.looks[-1])), watch, lanes, lane)

    def outcome(self) -> Outcome:
        curves = np.moveaxis(self.watch.curves, 2, 0).swapaxes(1, 2)  # (measures, T, S)
        named = dict(zip(MEASURES, curves, strict=True))
        flags = ("gradient_is_zero", "logits_nonpositive", "layer_is_dead")
        named |= {name: named[name] == 1 for name in flags}
        population = self.population
        return Outcome(population.sizes, population.activation, self.networks.parameters, self.looks, **named)
