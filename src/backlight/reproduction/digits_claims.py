"""C8 and C9: ReLU with Adam against tanh with momentum, the convolutional network, over seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from backlight.intervals import mean_interval
from backlight.recording.run import Run
from backlight.reproduction.verdicts import Claim, Measurement
from backlight.smoothing import running_mean
from backlight.training.settings import CNNSettings

EARLY = slice(40, 60)  # steps: "the first iterations"
LEARNT = 0.25  # nats: a running mean of the training loss below it counts as learnt
SPIKE = 3.0  # a batch whose loss is this many times the running mean around it is a spike
LATE = 0.5  # share of a run after which spikes and roughness are counted


def digits_settings(
    data: Literal["digits", "mnist"], data_dir: Path | None, epochs: int, seed: int
) -> list[CNNSettings]:
    """ReLU-ReLU-Adam and tanh-tanh-momentum with the optimisers' customary constant rates.

    One thread each, so that two runs share two cores and the numbers do not depend on how many there are.
    """
    shared = CNNSettings(
        data=data,
        data_dir=data_dir,
        epochs=epochs,
        seed=seed,
        schedule="constant",
        test_each_epoch=True,
        record_every=25,
        threads=1,
        device="cpu",
    )
    tanh = replace(shared, conv_activation="tanh", fc_activation="tanh")
    return [
        replace(shared, optimizer="adam", learning_rate=1e-3),
        replace(tanh, optimizer="momentum", learning_rate=1e-2),
    ]


@dataclass(frozen=True)
class RunFacts:
    """What the claims ask of one run.

    Attributes:
        first_loss, early_loss: of the batch at step 0, and the mean over steps 40–60, in nats.
        steps_to_learn: until the running mean of the loss first falls below 0.25; all steps if never.
        roughness: standard deviation of the change of log loss from step to step, in the later half.
        spikes: per 100 steps of the later half, batches with three times the loss of the running mean.
        last_accuracy: mean training accuracy over the last epoch; test_accuracy: of the best weights.
    """

    first_loss: float
    early_loss: float
    steps_to_learn: int
    roughness: float
    spikes: float
    last_accuracy: float
    test_accuracy: float

    @classmethod
    def of(cls, run: Run) -> "RunFacts":
        _, loss = run.scalar("train/loss")
        _, accuracy = run.scalar("train/acc")
        smooth = running_mean(loss)
        learnt = np.flatnonzero(smooth < LEARNT)
        late = slice(int(len(loss) * LATE), None)
        return cls(
            first_loss=float(loss[0]),
            early_loss=float(loss[EARLY].mean()),
            steps_to_learn=int(learnt[0]) if len(learnt) else len(loss),
            roughness=float(np.diff(np.log(loss[late] + np.finfo(float).tiny)).std()),
            spikes=float(100 * (loss[late] > SPIKE * smooth[late]).mean()),
            last_accuracy=float(accuracy[-len(accuracy) // run.settings["epochs"] :].mean()),
            test_accuracy=float(run.scalar("test/final_accuracy")[1][-1]),
        )


def digits_claims(relu_adam: Sequence[Run], tanh_momentum: Sequence[Run], where: str) -> list[Claim]:
    """The claims, from runs of the two configurations in the same order of seeds; `where` says on which data."""
    relu, tanh = [RunFacts.of(run) for run in relu_adam], [RunFacts.of(run) for run in tanh_momentum]
    return [sharp_relu_adam(relu, where), smooth_tanh_momentum(relu, tanh, where)]


def sharp_relu_adam(relu: Sequence[RunFacts], where: str) -> Claim:
    return Claim(
        "C8",
        f"ReLU + Adam: loss drops sharply in the first iterations, training accuracy near 100 %{where}",
        [
            Measurement(
                "training loss in steps 40–60 over that at step 0",
                mean_interval([facts.early_loss / facts.first_loss for facts in relu]),
                below=0.25,
            ),
            Measurement(
                "training accuracy in the last epoch (with dropout)",
                mean_interval([facts.last_accuracy for facts in relu]),
                above=0.99,
            ),
        ],
    )


def smooth_tanh_momentum(relu: Sequence[RunFacts], tanh: Sequence[RunFacts], where: str) -> Claim:
    return Claim(
        "C9",
        f"tanh + momentum: slower, smoother, fewer spikes, close to 99 %{where}",
        [
            Measurement(
                f"steps to a training loss of {LEARNT}, tanh + momentum − ReLU + Adam",
                mean_interval([b.steps_to_learn - a.steps_to_learn for a, b in zip(relu, tanh, strict=True)]),
                above=0.0,
            ),
            Measurement(
                "roughness of the loss, tanh + momentum − ReLU + Adam",
                mean_interval([b.roughness - a.roughness for a, b in zip(relu, tanh, strict=True)]),
                below=0.0,
            ),
            Measurement(
                "spikes per 100 steps, tanh + momentum − ReLU + Adam",
                mean_interval([b.spikes - a.spikes for a, b in zip(relu, tanh, strict=True)]),
                below=0.0,
            ),
            Measurement(
                "test accuracy, tanh + momentum",
                mean_interval([facts.test_accuracy for facts in tanh]),
                above=0.985,
                below=0.995,
            ),
        ],
    )
