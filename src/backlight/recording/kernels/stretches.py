"""Reading many histograms at once, compiled; the bytes are those of `recording.histogram`."""

from typing import Any

import numpy as np
from numba import njit

from backlight.recording.histogram import CELLS

OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True, "cache": True}


@njit(**OPTIONS)
def read_number(data, at, end):
    """The LEB128 number at data[at], and the place after it."""
    number = shift = 0
    while at < end:
        byte = np.int64(data[at])
        at += 1
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    return number, at


@njit(**OPTIONS)
def add_histogram(data, at, end, places, counts):
    """Adds the histogram data[at:end] to counts[places[cell]]."""
    cell = 0
    while at < end:
        number, at = read_number(data, at, end)
        if number:
            if cell < CELLS:
                counts[places[cell]] += number
            cell += 1
        else:
            gap, at = read_number(data, at, end)
            cell += gap


@njit(**OPTIONS)
def cell_counts(data, ends, stretch, size):
    """(size, CELLS) counts by cell number."""
    counts = np.zeros((size, CELLS), np.int64)
    places = np.arange(CELLS)
    start = 0
    for row in range(ends.size):
        add_histogram(data, start, ends[row], places, counts[stretch[row]])
        start = ends[row]
    return counts


@njit(**OPTIONS)
def quantiles(data, ends, stretch, size, places, left, right, shares, minimum, maximum):
    """(size, Q) by linear interpolation in the cell that holds the rank; `left` and `right` in order of value."""
    found = np.full((size, shares.size), np.nan)
    counts = np.zeros(CELLS, np.int64)
    start = row = 0
    for part in range(size):
        counts[:] = 0
        while row < ends.size and stretch[row] == part:
            add_histogram(data, start, ends[row], places, counts)
            start = ends[row]
            row += 1
        finite = counts.sum()
        if finite == 0:
            continue
        cell, reached = -1, 0
        for number in range(shares.size):
            rank = shares[number] * finite
            while cell < 0 or (reached < rank and cell < CELLS - 1) or counts[cell] == 0:
                cell += 1
                reached += counts[cell]
            within = 1 - (reached - rank) / counts[cell]
            value = left[cell] + within * (right[cell] - left[cell])
            found[part, number] = min(max(value, minimum[part]), maximum[part])
    return found
