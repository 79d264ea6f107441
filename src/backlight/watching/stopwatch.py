"""How long watching itself takes."""

import time
from types import TracebackType


class Stopwatch:
    """Adds up the seconds spent inside it; entering it again from inside does not count twice."""

    def __init__(self) -> None:
        self._seconds, self._since, self._depth = 0.0, 0.0, 0

    def __enter__(self) -> None:
        self._depth += 1
        if self._depth == 1:
            self._since = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._seconds += time.perf_counter() - self._since

    def take(self) -> float:
        """The seconds since the last call."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds
