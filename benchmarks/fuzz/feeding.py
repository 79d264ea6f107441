"""Feeding a target what Hypothesis draws, and counting what comes of it."""

import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from backlight.errors import BacklightError

from .page import LONGEST
from .targets import Target

Call = Callable[[Callable[[Any], object], Any], object]


class HangError(Exception):
    """It took longer than LONGEST."""


def in_time(call: Callable[[Any], object], drawn: Any) -> None:
    """Calls it; raises HangError where it does not end."""

    def too_long(*_: Any) -> None:
        raise HangError(f"longer than {LONGEST:g} s")

    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        call(drawn)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def fed(target: Target, cases: int, number: int, calling: Call = in_time) -> dict[str, Any]:
    """Counts, and of each place where an exception came from, the first thing that brought it about."""
    counts: Counter[str] = Counter()
    failures: dict[str, dict[str, str]] = {}

    @seed(number)
    @settings(
        max_examples=cases,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(target.drawn)
    def feed(drawn: Any) -> None:
        counts["cases"] += 1
        try:
            calling(target.call, drawn)
            counts["answered"] += 1
        except BacklightError:
            counts["refused"] += 1
        except Exception as error:
            counts["failed"] += 1
            place = "".join(traceback.format_tb(error.__traceback__)[-1:]).strip()
            found = {"drawn": repr(drawn)[:400], "error": str(error)[:400]}
            failures.setdefault(f"{type(error).__name__} {place}", found)

    began = time.monotonic()
    feed()
    listed = [{"at": at, **each} for at, each in failures.items()]
    return {**counts, "seconds": round(time.monotonic() - began), "failures": listed}
