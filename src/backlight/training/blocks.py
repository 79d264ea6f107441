"""Work on populations, a block of seeds at a time: what is done already is found in its file and not done again."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from backlight.engine.memory import parameter_count
from backlight.engine.outcome import Outcome
from backlight.errors import RunError
from backlight.recording.checkpoint import load_checkpoint, save_checkpoint

WORK_OF_A_BLOCK = 2e10  # steps × samples × parameters: a few seconds, which is what a kill costs
MOST_SEEDS, FEWEST_STEPS = 1000, 1000
CURVES = tuple(field.name for field in fields(Outcome))[2:]

Report = Callable[[int], None]


class Condition(Protocol):
    """One way to make and train networks; equal conditions and seeds give equal networks."""

    def describe(self) -> dict[str, Any]: ...

    def train(self, seeds: Sequence[int], threads: int | None = None, report: Report | None = None) -> Outcome: ...


@dataclass(frozen=True)
class Block:
    """The seeds first … first + count − 1 of one condition; the outcome is kept in a file under `folder`."""

    condition: Any
    first: int
    count: int
    folder: Path

    @property
    def seeds(self) -> range:
        return range(self.first, self.first + self.count)

    @property
    def description(self) -> dict[str, Any]:
        """What the file must say of itself to count as this block's."""
        described = {**self.condition.describe(), "seeds": [self.first, self.count]}
        as_read: dict[str, Any] = json.loads(json.dumps(described))
        return as_read

    @property
    def path(self) -> Path:
        text = json.dumps(self.description, sort_keys=True)
        return self.folder / f"{sha256(text.encode()).hexdigest()[:20]}.safetensors"

    def run(self, threads: int | None = None, report: Report | None = None) -> None:
        """Trains what is not in the file yet."""
        if self.outcome() is None:
            self.save(self.condition.train(self.seeds, threads, report))

    def save(self, outcome: Outcome) -> None:
        arrays = {name: np.asarray(getattr(outcome, name)) for name in CURVES}
        kind = {"sizes": outcome.sizes, "activation": outcome.activation}
        save_checkpoint(self.path, arrays, {"block": self.description, **kind})

    def outcome(self) -> Outcome | None:
        """What an earlier run left, if it is of just this block."""
        try:
            arrays, state = load_checkpoint(self.path)
            own = state["block"] == self.description
            return Outcome(tuple(state["sizes"]), state["activation"], **arrays) if own else None
        except (RunError, KeyError, TypeError):
            return None


def work_of(steps: int, samples: int, layers: Sequence[int]) -> float:
    """What one network costs; data that are hardly trained on still have to be held."""
    return float(max(steps, FEWEST_STEPS)) * samples * parameter_count(layers)


def blocks_of_seeds(condition: Any, first: int, count: int, work: float, folder: Path) -> list[Block]:
    """All seeds in blocks of about equal work; `work` is that of one network."""
    size = int(np.clip(WORK_OF_A_BLOCK / work, 1, MOST_SEEDS))
    return [
        Block(condition, start, min(size, first + count - start), folder) for start in range(first, first + count, size)
    ]


def joined(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcomes of one condition on several blocks of seeds as one."""
    first = outcomes[0]

    def join(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(each, name) for each in outcomes], axis=0 if name == "parameters" else 1)

    curves: dict[str, Any] = {name: join(name) for name in CURVES if name != "looks"}
    return Outcome(first.sizes, first.activation, looks=first.looks, **curves)
