"""What rules read of a run: its curves and its tensors, each fetched once and only if a rule asks for it."""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from backlight.recording.run import Run
from backlight.recording.series import SummarySeries


class MissingError(Exception):
    """The run does not hold what a rule needs; the message says what."""


@dataclass(frozen=True)
class Record:
    """A run as rules see it. Raises MissingError where it does not hold what is asked for."""

    run: Run

    @cached_property
    def names(self) -> list[str]:
        """Of tensors, in the order in which they were first recorded."""
        return self.run.tensor_order()

    def tensors(self, kind: str) -> list[str]:
        """Names of one kind ("act", "param", "grad", "update"), in that order."""
        found = [name for name in self.names if name.startswith(f"{kind}/")]
        if not found:
            raise MissingError(f"tensors {kind}/…")
        return found

    def series(self, name: str) -> SummarySeries:
        return series_of(self.run, name)

    def curve(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """(steps, values) of a scalar."""
        steps, values = self.run.scalar(name)
        if not len(steps):
            raise MissingError(f"the scalar {name}")
        return steps, values


@cache
def series_of(run: Run, name: str) -> SummarySeries:
    return run.series(name)
