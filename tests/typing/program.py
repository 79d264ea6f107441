"""A user's program that uses every public name. Type checkers read it, under their strictest rules; it is never run.

`make check` holds it against the sources, `make test-install` against the installed wheel.
"""

from pathlib import Path
from typing import Any, assert_type

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

import backlight as bl
from backlight.data.dataset import Dataset
from backlight.diagnosis.finding import Diagnosis, Finding
from backlight.diagnosis.treatment import Treatment
from backlight.errors import BacklightError
from backlight.intervals import Interval
from backlight.reports.check_result import CheckResult
from backlight.training.condition import TrainingCondition


def data(folder: Path) -> Dataset:
    assert_type(bl.__version__, str)
    assert_type(bl.load_points("moons", 200, noise=0.2, seed=0), Dataset)
    assert_type(bl.load_csv(folder / "mine.csv", seed=1), Dataset)
    assert_type(bl.load_digits(), Dataset)
    return bl.load_mnist(folder)


def network(X: NDArray[np.float64], y: NDArray[np.int64]) -> bl.DeepNeuralNetwork:
    made = bl.DeepNeuralNetwork([2, 4, 2], activation="tanh", seed=0)
    made.objective(X, y, 1e-4)
    for name, gradient in zip(made.parameter_names, made.gradients(X, y), strict=True):
        summary = assert_type(bl.summarise(gradient), bl.TensorSummary)
        assert_type(bl.merge([summary, summary]).deviation, float)
        assert_type(name, str)
    bl.assert_gradients_correct(made, X, y, tolerance=1e-6)
    classifier = bl.NetworkClassifier(hidden=(4, 3), activation="tanh", random_state=0)
    assert_type(classifier.fit(X, y), bl.NetworkClassifier)
    return made


def population() -> bl.Outcome:
    points = [bl.load_points("moons", 200, seed=seed) for seed in range(3)]
    drawn = bl.Population.initialised([2, 6, 2], "relu", range(3), learning_rate=np.geomspace(0.01, 10, 3))
    assert_type(drawn, bl.Population)
    outcome = bl.train_population(drawn, points, steps=100)
    assert_type(outcome, bl.Outcome)
    assert_type(outcome.diverged, NDArray[np.bool_])
    return outcome


def trained(folder: Path) -> tuple[bl.Run, bl.Run]:
    points = bl.train_mlp(bl.MLPSettings(steps=100, learning_rate=0.5), folder / "mlp")
    digits = bl.train_cnn(bl.CNNSettings(epochs=1), folder / "cnn")
    assert_type(points.scalar("train/loss")[1], NDArray[np.float64])
    assert_type(digits.series("act/conv1"), bl.SummarySeries)
    return points, digits


def studied() -> list[tuple[TrainingCondition, Interval]]:
    study = bl.study(layers=[[2, 3, 2], [2, 6, 2]], activation=["relu", "tanh"], seeds=100)
    assert_type(study, bl.Study)
    assert_type(study.settings, bl.StudySettings)
    assert_type(bl.Study.open(study.folder).total, int)
    return study.rates()


def watched(folder: Path, batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    model: nn.Module = bl.ConvNetwork(seed=0)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    loss_fn = nn.CrossEntropyLoss()
    with bl.watch(model, optimizer, folder, every=5, exclude="*.bias") as watching:
        assert_type(watching, bl.Watch)
        rules = bl.LiveRules(folder, show)
        loss: torch.Tensor = loss_fn(model(batch[0]), batch[1])
        optimizer.step()
        watching.scalars(**{"train/loss": loss.detach()})
        rules.step()
    assert_type(bl.diagnose(model=model, loss_fn=loss_fn, batch=batch, optimizer=optimizer), Diagnosis)


def show(finding: Finding) -> None:
    assert_type(finding.name, str)


def judged(folder: Path) -> str:
    try:
        run = bl.Run.open(folder)
    except BacklightError as error:
        return str(error)
    assert_type(bl.diagnose(run, mute=["BL104"]).healthy, bool)
    assert_type(bl.treat(run, seeds=5), Treatment)
    assert_type(bl.report(run, folder / "other", out="page.html"), Path)
    verdict = bl.check("my_network.py", seconds=30.0)
    assert_type(verdict, CheckResult)
    assert_type(verdict.json(), dict[str, Any])
    return verdict.status
