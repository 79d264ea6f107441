"""What the user's functions return while something runs: the arrays that no variable keeps."""

import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backlight.checking.program import FOLDER
from backlight.checking.store import is_number_array
from backlight.networks.activations import Array

Order = NDArray[np.int64]

MOST = 200  # arrays that are kept


@dataclass(frozen=True)
class Call:
    """What a function returned: its name, which of its calls, which element of a tuple or list."""

    function: str
    number: int
    element: int


class ReturnedError(BaseException):
    """The call that was waited for has returned; no `except Exception` of the user's catches it."""


def returned_arrays(run: Callable[[], Any], samples: Array) -> tuple[dict[Call, Array], Order | None]:
    """Arrays of numbers that functions of the checked files return during a call, in the order of their returning.

    Also the order in which the samples (N, d) were handed to the first function that was given them, as indices:
    many a script shuffles them.
    """
    found: dict[Call, Array] = {}
    calls: Counter[str] = Counter()
    order: list[Order] = []

    def watch(frame: FrameType, event: str, value: Any) -> None:
        if event not in ("call", "return") or not frame.f_code.co_filename.startswith(FOLDER) or len(found) >= MOST:
            return
        if event == "call":
            if not order and frame.f_code.co_name != "<module>":
                order.extend(o for v in frame.f_locals.values() if (o := order_of(samples, v)) is not None)
            return
        name = frame.f_code.co_name
        calls[name] += 1
        for place, part in enumerate(value if isinstance(value, tuple | list) else [value]):
            if is_number_array(part):
                found[Call(name, calls[name], place)] = np.array(part, dtype=float)

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        run()
    finally:
        sys.setprofile(before)
    return found, order[0] if order else None


def until_returned(run: Callable[[], Any], call: Call) -> None:
    """Runs no further than to the end of that call."""
    number = 0

    def watch(frame: FrameType, event: str, value: Any) -> None:
        nonlocal number
        code = frame.f_code
        if event == "return" and code.co_name == call.function and code.co_filename.startswith(FOLDER):
            number += 1
            if number == call.number:
                raise ReturnedError

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        with suppress(ReturnedError):
            run()
    finally:
        sys.setprofile(before)


def order_of(samples: Array, given: Any) -> Order | None:
    """i such that given = samples[i], whichever way round it is stored; None where it is no permutation of them."""
    if not is_number_array(given) or given.shape not in (samples.shape, samples.T.shape):
        return None
    for one in (given, given.T):
        if one.shape == samples.shape:
            same = (one[:, None, :] == samples[None, :, :]).all(axis=-1)  # (N, N)
            if (same.sum(axis=1) == 1).all() and (same.sum(axis=0) == 1).all():
                order: Order = same.argmax(axis=1)
                return order
    return None
