"""Training a run's settings anew with other seeds, as many as its command can afford."""

import io
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backlight.diagnosis.cures import CNN_CURES, MLP_CURES, Cures
from backlight.errors import DivergedError
from backlight.training.condition import TrainingCondition
from backlight.training.settings import CNNSettings, MLPSettings

Accuracies = NDArray[np.float64]  # (S,) on held-out samples at the end; 0 where the training diverged


@dataclass(frozen=True)
class Retraining:
    """How runs of one command are trained anew.

    Attributes:
        settings: their type.
        cures: what may be changed, by cause.
        accuracies: of networks with these settings, one a seed.
        choosing, confirming: seeds with which the best of the cures is chosen, and others with which it is confirmed.
        measured: the scalar that says how good the run is.
    """

    settings: type
    cures: Cures
    accuracies: Callable[[Any, Sequence[int]], Accuracies]
    choosing: int
    confirming: int
    measured: tuple[str, ...]


def population(settings: MLPSettings, seeds: Sequence[int]) -> Accuracies:
    """All seeds at once, on the engine; generated data are drawn anew for each."""
    s = settings
    condition = TrainingCondition(
        s.data, s.samples, s.noise, s.layers, s.activation, s.optimizer, s.learning_rate, s.l2, s.init_scale,
        s.batch_size, s.steps, data_dir=s.data_dir, output_derivative=s.output_derivative,
    )  # fmt: skip
    outcome = condition.train(seeds)
    return np.where(outcome.diverged, 0.0, np.nan_to_num(outcome.test_accuracy[-1]))


def short_runs(settings: CNNSettings, seeds: Sequence[int]) -> Accuracies:
    """One after the other, one epoch each.

    Raises:
        KeyboardInterrupt: if one was stopped with Ctrl-C.
    """
    short = replace(settings, epochs=1, record_every=1000, checkpoint_seconds=3600.0, test_each_epoch=False)
    return np.array([short_run(replace(short, seed=seed)) for seed in seeds])


def short_run(settings: CNNSettings) -> float:
    from backlight.training.train_cnn import train_cnn

    with tempfile.TemporaryDirectory() as folder:
        try:
            run = train_cnn(settings, Path(folder) / "run", stream=io.StringIO())
        except DivergedError:
            return 0.0
        if run.events()[-1].kind != "finished":
            raise KeyboardInterrupt
        return float(run.scalar("test/final_accuracy")[1][-1])


RETRAINING: dict[tuple[str, ...], Retraining] = {
    ("train", "mlp"): Retraining(MLPSettings, MLP_CURES, population, 20, 100, ("test/accuracy",)),
    ("train", "cnn"): Retraining(
        CNNSettings, CNN_CURES, short_runs, 2, 5, ("test/final_accuracy", "validation/accuracy")
    ),
}
