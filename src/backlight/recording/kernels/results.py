"""From sums to what is stored: moments, the histogram's bytes, and what follows for max(x, 0)."""

import numpy as np
from numba import njit

from backlight.recording.histogram import CELLS, SIGN_CELL
from backlight.recording.kernels.blocks import pool
from backlight.recording.kernels.layout import (
    FINITE,
    MAXIMUM,
    MEAN,
    MINIMUM,
    NEGATIVE_INFINITY,
    PASSING,
    RELU_MEAN,
    RELU_SQUARES,
    SQUARES,
    ZEROS,
)
from backlight.recording.kernels.primitives import PART


@njit(**PART)
def put_number(out, at, number):
    """LEB128 at out[at]; the place after it."""
    while number > 127:
        out[at] = np.uint8(number & 127 | 128)
        number >>= 7
        at += 1
    out[at] = np.uint8(number)
    return at + 1


@njit(**PART)
def put_histogram(out, at, cells):
    """`recording.histogram.encode` at out[at]; the place after it."""
    following = 0
    for cell in range(CELLS):
        if cells[cell]:
            if cell > following:
                out[at] = 0
                at = put_number(out, at + 1, cell - following)
            at = put_number(out, at, cells[cell])
            following = cell + 1
    return at


@njit(**PART)
def rectify(whole, real, cells):
    """Makes the results for x those for max(x, 0); passing values are the finite ones above 0."""
    negative_infinities, finite = whole[NEGATIVE_INFINITY], whole[FINITE]
    positive = whole[PASSING]
    real[MEAN], real[SQUARES] = real[RELU_MEAN], real[RELU_SQUARES]
    pool(real, MEAN, SQUARES, finite, 0.0, 0.0, negative_infinities)
    if finite:
        real[MINIMUM], real[MAXIMUM] = max(real[MINIMUM], 0.0), max(real[MAXIMUM], 0.0)
    if negative_infinities:
        real[MINIMUM], real[MAXIMUM] = 0.0, max(real[MAXIMUM], 0.0)
    whole[NEGATIVE_INFINITY] = 0
    whole[FINITE] = finite + negative_infinities
    whole[ZEROS] = whole[FINITE] - positive
    cells[0] += negative_infinities
    for cell in range(SIGN_CELL, CELLS):
        cells[0] += cells[cell]
        cells[cell] = 0


@njit(**PART)
def complete(whole, real):
    """Σ(x − mean)² to the variance, and NaN where there is no finite value."""
    if whole[FINITE]:
        real[SQUARES] /= whole[FINITE]
        real[MINIMUM] += 0.0  # never −0
        real[MAXIMUM] += 0.0
    else:
        real[:] = np.nan
