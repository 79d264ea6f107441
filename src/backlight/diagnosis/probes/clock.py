"""How long probes may take."""

import time
from dataclasses import dataclass

from backlight.diagnosis.record import MissingError


@dataclass(frozen=True)
class Clock:
    """Started when made; `seconds` later there is no time left."""

    seconds: float
    started: float

    @classmethod
    def of(cls, seconds: float) -> "Clock":
        return cls(seconds, time.monotonic())

    def check(self) -> None:
        """Raises MissingError if the time is over: a probe that was under way counts as one that could not look."""
        if time.monotonic() - self.started > self.seconds:
            raise MissingError(f"more time than seconds={self.seconds:g}")
