"""How large a reproduction is."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Scale:
    """How much is done: passes and seeds of the networks on points, data, epochs and seeds of the convolutional one."""

    passes: int
    seeds: int
    data: Literal["digits", "mnist"]
    epochs: int
    digits_seeds: int


QUICK = Scale(passes=20_000, seeds=50, data="digits", epochs=3, digits_seeds=3)
FULL = Scale(passes=20_000, seeds=1000, data="mnist", epochs=5, digits_seeds=3)
