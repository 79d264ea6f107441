"""What a program's functions have in their variables while they run, seen from outside."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from backlight.checking.program import FOLDER

Look = Callable[[str, dict[str, Any]], None]  # (function, its variables and what it returns) at its end
RETURNED = "return"  # stands for a variable
MOST = 400  # ends of functions that are looked at in one call


@contextmanager
def ends_of_functions(look: Look) -> Iterator[None]:
    """While this lasts, `look` is shown the variables of each function of the user's when it ends, also by an error."""
    before, seen = sys.getprofile(), 0

    def profile(frame: FrameType, event: str, returned: Any) -> None:
        nonlocal seen
        if event == "return" and seen < MOST and frame.f_code.co_filename.startswith(FOLDER):
            seen += 1
            with suppress(Exception):
                look(frame.f_code.co_name, {**frame.f_locals, RETURNED: returned})

    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(before)
