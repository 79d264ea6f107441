"""How often `treat` cures runs that one bad setting spoils, beside a random cure; and that it leaves healthy runs be.

    python -m benchmarks.training_faults.treatments --part dev|test [--runs 1] [--healthy 25] [--cnn]

A fault is one setting of a healthy program, changed. It counts if it hurts: networks trained with it and without it,
of 60 seeds each, differ in held-out accuracy by Cohen's d ≥ 0.5 with p < 0.05. Of each such fault the first runs that
did badly are recorded by `train_mlp` and given to `treat`, which sees the run folder and nothing else. Whether a change
cures is judged here, with other seeds: it has to bring back at least half of the accuracy that the fault took away.
Cures were written with the development part in sight; the test part has other data sets, architectures and optimisers.

--cnn adds faults of the convolutional network: minutes each, judged by the treatment's own arms.
"""

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from io import StringIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from backlight.diagnosis.cures import Change, changes
from backlight.diagnosis.retraining import RETRAINING, population
from backlight.diagnosis.treatment import Treatment, treat
from backlight.errors import DivergedError
from backlight.intervals import rate_interval
from backlight.recording.environment import describe_environment
from backlight.training.settings import CNNSettings, MLPSettings

from .admission import EFFECT, SIGNIFICANCE, compared

RECORD = Path(__file__).resolve().parents[1] / "records" / "treatments.json"
SEEDS, JUDGING, FIRST_JUDGING = 60, 100, 500_000
RECOVERED = 0.5

MLP = {
    "dev": (
        MLPSettings("moons", (2, 8, 2), "tanh", learning_rate=1.0, steps=600),
        MLPSettings("blobs", (2, 16, 3), "relu", "adam", 0.02, steps=400, batch_size=50, noise=0.35, classes=3),
        MLPSettings("moons", (2, 12, 12, 2), "relu", "momentum", 0.1, steps=400, batch_size=50, noise=0.15),
        MLPSettings("spirals", (2, 16, 16, 3), "tanh", "adam", 0.02, steps=600, samples=300, classes=3),
    ),
    "test": (
        MLPSettings("circles", (2, 10, 2), "tanh", "adam", 0.03, steps=400, batch_size=40, noise=0.1),
        MLPSettings("spirals", (2, 24, 24, 2), "tanh", "momentum", 0.1, steps=800, samples=300),
        MLPSettings("xor", (2, 20, 2), "relu", "sgd", 0.5, steps=600, noise=0.05),
        MLPSettings("blobs", (2, 12, 8, 4), "leaky_relu", "adam", 0.01, steps=400, batch_size=25, noise=0.3, classes=4),
    ),
}
CNN = {
    "dev": CNNSettings(epochs=1),
    "test": CNNSettings(epochs=1, conv_activation="tanh", fc_activation="tanh", optimizer="momentum"),
}
FIRST_SEED = {"dev": 0, "test": 3_000}


@dataclass(frozen=True)
class Fault:
    """A healthy program, and the same with one thing changed for the worse."""

    name: str
    healthy: Any  # MLPSettings or CNNSettings, as `faulty`
    faulty: Any


def faults(part: str) -> Iterator[Fault]:
    for base in MLP[part]:
        for name, faulty in spoiled(base):
            yield Fault(f"{base.data}-{base.activation}-{len(base.layers)}: {name}", base, faulty)


def spoiled(s: MLPSettings) -> Iterator[tuple[str, MLPSettings]]:
    """Every fault on every rung."""
    for factor in (10, 30, 100, 300, 0.1, 0.03, 0.01, 0.003):
        yield f"rate × {factor}", replace(s, learning_rate=s.learning_rate * factor)
    for scale in (0.01, 5, 20):
        yield f"weights × {scale}", replace(s, init_scale=scale)
    for width in (1, 2):
        yield f"width {width}", replace(s, layers=(s.layers[0], *[width] * (len(s.layers) - 2), s.layers[-1]))
    for depth in (4, 8):
        deep = (s.layers[0], *[s.layers[1]] * depth, s.layers[-1])
        yield f"{depth} layers of sigmoid", replace(s, layers=deep, activation="sigmoid")
    for size in (1, 3):
        yield f"batches of {size}", replace(s, batch_size=size)
    for samples in (12, 24):
        yield f"{samples} samples", replace(s, samples=samples, batch_size=None)
    for penalty in (0.03, 0.3):
        yield f"penalty {penalty}", replace(s, l2=penalty)
    if s.activation in ("relu", "leaky_relu"):
        yield "output derivative", replace(s, output_derivative=True)


def cnn_faults(part: str) -> Iterator[Fault]:
    base = CNN[part]
    for factor in (100, 0.01):
        faulty = replace(base, learning_rate=base.peak_rate * factor)
        yield Fault(f"cnn-{base.config}: rate × {factor}", base, faulty)
    dull = replace(base, conv_activation="sigmoid", fc_activation="sigmoid")
    yield Fault(f"cnn-{base.config}: sigmoid", base, dull)


@dataclass(frozen=True)
class Row:
    """One treated run: what was said, and how much of the lost accuracy the change, or a random one, brings back."""

    fault: str
    seed: int
    outcome: str
    finding: str
    causes: tuple[str, ...]
    change: str
    recovered: float
    random: str
    randomly: float


def examined(fault: Fault, first: int, runs: int) -> list[Row]:
    """Rows of a fault's first runs that did badly; none if it does not hurt."""
    seeds = range(first, first + SEEDS)
    well, badly = population(fault.healthy, seeds), population(fault.faulty, seeds)
    effect = compared(list(1 - well), list(1 - badly))
    if effect["p"] >= SIGNIFICANCE or effect["d"] < EFFECT:
        return []
    bad = [seed for seed, reached in zip(seeds, badly, strict=True) if reached < np.quantile(well, 0.05)]
    return [judged(fault, seed) for seed in bad[:runs]]


def judged(fault: Fault, seed: int) -> Row:
    treated = treated_run(replace(fault.faulty, seed=seed))
    change, other = treated.change, drawn(treated, fault, seed)
    reached = partial(regained, fault)
    return Row(fault.name, seed, treated.outcome, treated.finding, treated.diagnosis.causes, str(change or ""),
               reached(change), str(other or ""), reached(other))  # fmt: skip


def drawn(treated: Treatment, fault: Fault, seed: int) -> Change:
    """The random cure: any of all there are, but the chosen one."""
    cures = RETRAINING["train", "mlp"].cures
    chosen = treated.change and str(treated.change)
    found = [each for each in changes(cures, list(cures), fault.faulty) if str(each) != chosen]
    return found[int(np.random.default_rng([seed, 1]).integers(len(found)))]


def treated_run(settings: MLPSettings | CNNSettings) -> Treatment:
    with tempfile.TemporaryDirectory() as folder:
        return treat(trained(settings, Path(folder) / "run"))


def trained(settings: MLPSettings | CNNSettings, folder: Path) -> Path:
    """A recorded run; of one that diverges what was recorded until then."""
    try:
        if isinstance(settings, MLPSettings):
            from backlight.training.train_mlp import train_mlp

            train_mlp(replace(settings, record_every=max(1, settings.steps // 30)), folder)
        else:
            from backlight.training.train_cnn import train_cnn

            train_cnn(settings, folder, stream=StringIO())
    except DivergedError:
        pass
    return folder


def regained(fault: Fault, change: Change | None) -> float:
    """The share of the accuracy that the fault takes away which comes back with the change; 0 without one."""
    if change is None:
        return 0.0
    return share(typical(change.applied(fault.faulty)), typical(fault.faulty), typical(fault.healthy))


@cache
def typical(settings: MLPSettings) -> float:
    """Mean accuracy with seeds that neither the run nor its treatment has."""
    return float(population(settings, range(FIRST_JUDGING, FIRST_JUDGING + JUDGING)).mean())


def cnn_row(fault: Fault) -> Row:
    """Judged by the treatment's own arms, beside what the healthy settings reach with the same seeds."""
    treated = treated_run(fault.faulty)
    well = float(RETRAINING["train", "cnn"].accuracies(fault.healthy, range(10_002, 10_007)).mean())
    back = [share(arm.accuracy, treated.unchanged.accuracy, well) if arm and treated.unchanged else 0.0
            for arm in (treated.changed, treated.random)]  # fmt: skip
    random = treated.random.label if treated.random else ""
    return Row(fault.name, fault.faulty.seed, treated.outcome, treated.finding, treated.diagnosis.causes,
               str(treated.change or ""), back[0], random, back[1])  # fmt: skip


def share(reached: float, badly: float, well: float) -> float:
    return (reached - badly) / (well - badly)


def left_alone(settings: MLPSettings) -> str:
    return treated_run(settings).outcome


def of(yes: Sequence[bool]) -> dict[str, Any]:
    return {"yes": sum(yes), **asdict(rate_interval(np.array(yes, np.bool_)))}


def summary(rows: Sequence[Row], healthy: Sequence[str]) -> dict[str, Any]:
    cured = [row.outcome == "cured" for row in rows]
    back = [row.recovered >= RECOVERED for row in rows]
    return {
        "called cured, and cured": of([a and b for a, b in zip(cured, back, strict=True)]),
        "of those called cured, cured": of([row.recovered >= RECOVERED for row in rows if row.outcome == "cured"]),
        "cured by a random cure": of([row.randomly >= RECOVERED for row in rows]),
        "outcomes": dict(Counter(row.outcome for row in rows)),
        "healthy runs called cured": of([outcome == "cured" for outcome in healthy]),
        "outcomes of healthy runs": dict(Counter(healthy)),
    }


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    part, first = arguments.part, FIRST_SEED[arguments.part]
    found = list(faults(part))
    runs = [replace(base, seed=first + 500 + n) for base in MLP[part] for n in range(arguments.healthy)]
    with ProcessPoolExecutor(arguments.jobs, get_context("spawn")) as pool:
        rows = list(pool.map(partial(examined, first=first, runs=arguments.runs), found))
        healthy = list(pool.map(left_alone, runs, chunksize=8))
        cnn = list(pool.map(cnn_row, cnn_faults(part))) if arguments.cnn else []
    flat = [row for of_fault in rows for row in of_fault]
    hurting = sum(bool(of_fault) for of_fault in rows)
    measured = {"faults": len(found), "that hurt": hurting, "runs": len(flat), **summary(flat, healthy)}
    if cnn:
        measured["convolutional network"] = summary(cnn, [])
    return {"part": part, "measured": measured, "environment": describe_environment(),
            "rows": [asdict(row) for row in [*flat, *cnn]]}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("dev", "test"), default="test")
    parser.add_argument("--runs", type=int, default=1, help="of each fault")
    parser.add_argument("--healthy", type=int, default=25, help="healthy runs of each program")
    parser.add_argument("--cnn", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RECORD)
    arguments = parser.parse_args()
    answer = measure(arguments)
    for name, value in answer["measured"].items():
        print(f"{name}: {json.dumps(value)}")
    arguments.out.write_text(json.dumps(answer, indent=1) + "\n")


if __name__ == "__main__":
    main()
