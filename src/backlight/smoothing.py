"""Smoothing a series of measurements."""

import numpy as np
from numpy.typing import NDArray


def running_mean(
    values: NDArray[np.float64], share: float = 0.03, places: NDArray[np.int64] | None = None
) -> NDArray[np.float64]:
    """Mean over a centred window of a share of all values, narrower at the ends; a NaN stays within its windows.

    At every value, or at `places` alone.

    >>> running_mean(np.array([1.0, 2.0, 9.0, 4.0, 5.0]), share=0.6)
    array([1.5, 4. , 5. , 6. , 4.5])
    """
    where = range(len(values)) if places is None else places.tolist()
    half = int(len(values) * share / 2)
    return np.array([values[max(at - half, 0) : at + half + 1].mean() for at in where])
