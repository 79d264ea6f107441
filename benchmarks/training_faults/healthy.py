"""Programs in which nothing is wrong, the treacherous ones among them: what looks like a fault and is none."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from backlight.data.dataset import Samples

from .bases import BASES, layer_names
from .operators.inputs import scaled
from .operators.labels import with_data
from .operators.start import with_start
from .program import Data, Program, Weights

Part = Literal["dev", "test"]
RUNS = 300
PLAIN_SHARE = 0.4  # of them the bases as they are
SEEDS = {"dev": 10_000, "test": 50_000}


def warm_up(program: Program) -> Program:
    """The rate rises from almost nothing: a plateau, then learning."""
    return replace(program, schedule=lambda progress: min(1.0, (progress / 0.35) ** 3 + 1e-4), steps=more(program, 1.6))


def restarts(program: Program) -> Program:
    """Cosines that begin anew three times: the loss may jump up."""
    return replace(program, schedule=lambda progress: 0.5 * (1 + math.cos(math.pi * (3 * progress % 1))))


def sparse(program: Program) -> Program:
    """Hidden ReLU units that are silent for about 60 % of the samples, and learn."""

    def change(layers: Sequence[Weights], chance: np.random.Generator) -> None:
        layers[-2].biases[...] -= 0.2

    return with_start(replace(program, activation="relu", steps=more(program, 1.3)), change)


def log_softmax_twice(program: Program) -> Program:
    """log_softmax, then cross-entropy: idempotent."""
    return replace(program, loss="log-softmax-first")


def honest_imbalance(program: Program) -> Program:
    """The world is like that: half of the classes are rare, in the test as well; and they are learnt."""

    def change(data: Data, chance: np.random.Generator) -> Data:
        def thinned(part: Samples) -> Samples:
            common = part.y < max(1, program.classes // 2)
            return part.take(np.flatnonzero(common | (chance.random(len(part.y)) < 0.3)))

        train, test = thinned(data.train), thinned(data.test)
        return Data(train, test, test)

    return with_data(replace(program, samples=int(1.6 * program.samples)), change)


def dropout_gap(program: Program) -> Program:
    """Dropout makes the training loss the higher one."""
    return replace(program, dropout=0.5, steps=more(program, 1.5))


def converged(program: Program) -> Program:
    """Trained long after everything was learnt: tiny gradients, tiny updates; the rate ends at almost 0."""
    return replace(program, steps=more(program, 3), schedule=lambda progress: 0.5 * (1 + math.cos(math.pi * progress)),
                   noise=program.noise / 2, record_every=3 * program.record_every)  # fmt: skip


def raw_with_norm(program: Program) -> Program:
    """Pixels from 0 to 255, which batch norm puts right behind the first layer."""
    return scaled(replace(program, batch_norm=True), 40)


def small_noisy_batch(program: Program) -> Program:
    """Batches of 8 with a rate that suits them."""
    rate = program.learning_rate / (2 if program.optimizer == "adam" else 5)
    return replace(program, batch_size=8, learning_rate=rate, steps=more(program, 2))


def short(program: Program) -> Program:
    """Stopped early: the loss still falls."""
    return replace(program, steps=program.steps // 2, record_every=max(1, program.record_every // 2))


def frozen_backbone(program: Program) -> Program:
    """The first layers come trained and are left alone on purpose; the head learns."""
    head = layer_names(program)[-1]

    def change(model: Any) -> None:
        from .torch_trainer import trained_state

        model.load_state_dict(trained_state(program.base, program.part))
        for name, parameter in model.named_parameters():
            if not name.startswith(head):
                parameter.requires_grad_(False)
            elif name.endswith("weight"):
                parameter.data.mul_(0.1)  # a new head

    return replace(program, on_model=(change,), in_optimizer=lambda name: name.startswith(head))


def hard_data(program: Program) -> Program:
    """Classes that overlap: no loss near 0 is to be had, samples are enough."""
    return replace(program, noise=1.5 * program.noise, samples=3 * program.samples)


def more(program: Program, factor: float) -> int:
    return round(program.steps * factor / program.record_every) * program.record_every


def is_torch(program: Program) -> bool:
    return program.model != "mlp"


def is_points(program: Program) -> bool:
    return program.data != "digits"


def any_program(program: Program) -> bool:
    return True


TREACHEROUS: dict[str, tuple[Callable[[Program], Program], Callable[[Program], bool]]] = {
    "warm-up": (warm_up, any_program),
    "restarts": (restarts, any_program),
    "sparse": (sparse, any_program),
    "log-softmax-twice": (log_softmax_twice, any_program),
    "honest-imbalance": (honest_imbalance, any_program),
    "dropout-gap": (dropout_gap, is_torch),
    "converged": (converged, is_points),
    "raw-with-norm": (raw_with_norm, lambda program: program.model == "cnn"),
    "small-noisy-batch": (small_noisy_batch, any_program),
    "short": (short, any_program),
    "frozen-backbone": (frozen_backbone, is_torch),
    "hard-data": (hard_data, is_points),
}


def healthy_programs(part: Part) -> Iterator[tuple[str, Program]]:
    """(kind, program) of RUNS healthy runs: bases and kinds take turns, each run has a seed of its own."""
    plain = round(RUNS * PLAIN_SHARE)
    for number in range(RUNS):
        kinds = list(TREACHEROUS)
        kind = "plain" if number < plain else kinds[number % len(kinds)]
        turn = number if number < plain else number // len(kinds)
        make, fits = (lambda program: program, any_program) if kind == "plain" else TREACHEROUS[kind]
        fitting = [base for base in BASES[part] if fits(base)]
        base = replace(fitting[turn % len(fitting)], seed=SEEDS[part] + number)
        yield kind, make(base)
