"""Which of the arrays that a forward pass leaves or returns are the network's outputs."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from backlight.checking.feed import Feed
from backlight.checking.store import is_number_array
from backlight.networks.activations import Array

BEFORE_ACTIVATION = re.compile(r"_*(z|net|logit|pre|score)s?\w*", re.IGNORECASE)


def outputs_in(value: Any, feed: Feed, names: Sequence[str] = ()) -> Any:
    """The last array of the shape that outputs have, at most one list or tuple deep; a bare value if it fits.

    In a tuple the first element goes before the last; what is called z before what is not goes last of all.
    """
    parts = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list | tuple) else [value]
    called = list(value) if isinstance(value, dict) else list(names) if len(names) == len(parts) else [""] * len(parts)
    shown = [(str(name), part) for name, part in zip(called, parts, strict=True)]
    likely = [part for name, part in shown if not BEFORE_ACTIVATION.fullmatch(name)]
    for some in (likely, [part for _, part in shown]):
        first = [part for part in some[:1] if isinstance(value, tuple) and fits(part, feed)]
        fitting = first or [part for part in some if fits(part, feed)]
        if fitting:
            return fitting[-1]
        for part in reversed(some):
            if isinstance(part, list | tuple | dict):
                inner = list(part.values()) if isinstance(part, dict) else list(part)
                found = [item for item in inner if fits(item, feed)]
                if found:
                    return found[-1]
    return None


def fits(value: Any, feed: Feed) -> bool:
    return is_number_array(value) and value.dtype.kind == "f" and rows(value, feed) is not None


def rows(value: Any, feed: Feed) -> Array | None:
    """(N, K), or (1, K) of a single sample, from whatever layout the feed has; None for another shape."""
    if value is None:
        return None
    n = 1 if feed.single else len(feed.X)
    array = np.asarray(value, dtype=float)
    if array.shape == (n, feed.classes):
        return array
    if array.shape == (feed.classes, n):
        return array.T
    if (feed.single or feed.classes == 1) and array.size == n * feed.classes and array.ndim <= 2:
        return array.reshape(n, feed.classes)
    return None
