"""One combination of a study's settings: how its networks are made, on what they are trained, and what they learn."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from backlight.data.dataset import Dataset
from backlight.data.named import is_csv, load_named
from backlight.data.points import SHAPES
from backlight.engine.outcome import Outcome
from backlight.engine.population import Population
from backlight.engine.train import train_population
from backlight.errors import DataError
from backlight.files import file_stamp
from backlight.training.blocks import Report, work_of

NOT_GENERATED = 20_000  # samples


@dataclass(frozen=True)
class TrainingCondition:
    """Everything but the seed, which decides weights, generated points (or the split of a CSV) and mini-batches."""

    data: str
    samples: int
    noise: float
    layers: tuple[int, ...]
    activation: str
    optimizer: str
    learning_rate: float
    l2: float
    init_scale: float
    batch_size: int | None
    steps: int
    dtype: str = "float32"
    data_dir: Path | None = None
    output_derivative: bool = False

    def describe(self) -> dict[str, Any]:
        """What the numbers depend on, which the place of the data is not."""
        described = {**asdict(self), "layers": list(self.layers)}
        del described["data_dir"]
        return described

    def population(self, seeds: Sequence[int]) -> Population:
        """The networks before training; data set number i is that of seed i, where each seed has its own."""
        own_data = self.data_differ
        return Population.initialised(
            self.layers,
            self.activation,
            seeds,
            self.learning_rate,
            self.l2,
            self.init_scale,
            draws=range(len(seeds)) if own_data else 0,
            optimizer=self.optimizer,
            batch_size=self.batch_size,
            output_gate=self.activation if self.output_derivative else "identity",
        )

    @property
    def data_differ(self) -> bool:
        """Whether each seed has data of its own; images are the same for all."""
        return self.data in SHAPES or is_csv(self.data)

    def draws(self, seeds: Sequence[int]) -> list[Dataset]:
        """The data sets that the networks of these seeds are trained on; a single one where it is the same for all."""
        chosen = tuple(seeds) if self.data_differ else (0,)
        stamp = file_stamp(Path(self.data)) if is_csv(self.data) else None
        return list(load_draws(self.data, self.samples, self.noise, self.layers[-1], chosen, self.data_dir, stamp))

    @property
    def work(self) -> float:
        """What one network costs; of data that are not generated the number of samples is a guess."""
        return work_of(self.steps, self.samples if self.data in SHAPES else NOT_GENERATED, self.layers)

    def train(self, seeds: Sequence[int], threads: int | None = None, report: Report | None = None) -> Outcome:
        """What becomes of the networks of these seeds."""
        return train_population(
            self.population(seeds), self.draws(seeds), self.steps, dtype=self.dtype, threads=threads, report=report
        )


@lru_cache(maxsize=2)
def load_draws(
    name: str,
    samples: int,
    noise: float,
    classes: int,
    seeds: tuple[int, ...],
    data_dir: Path | None = None,
    stamp: tuple[int, int] | None = None,
) -> tuple[Dataset, ...]:
    """Kept for the next condition, which is often trained on the same data; `stamp` is that of the file.

    Raises:
        DataError: that names the seed whose data cannot be used.
    """
    draws = []
    for seed in seeds:
        try:
            draws.append(load_named(name, samples, noise, classes, seed, data_dir))
        except DataError as error:
            raise DataError(f"{error} (with seed {seed}; more samples may help)") from None
    return tuple(draws)
