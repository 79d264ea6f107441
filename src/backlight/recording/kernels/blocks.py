"""The statistics of a block of values that lies in the first cache: several simple loops, each of which vectorises."""

import numpy as np
from numba import njit

from backlight.recording.histogram import SHIFT, SIGN_CELL
from backlight.recording.kernels.layout import (
    FINITE,
    FLOAT32_MAX,
    MAXIMUM,
    MEAN,
    MINIMUM,
    NAN,
    NEGATIVE_INFINITY,
    POSITIVE_INFINITY,
    RELU_MEAN,
    RELU_SQUARES,
    SQUARES,
    TABLES,
    ZEROS,
)
from backlight.recording.kernels.primitives import PART, REORDERED, prefetch


@njit(**PART)
def ordered(bits):
    """Bits of a float as an integer in the order of the floats; the inverse of itself. NaN lies beyond ±∞."""
    return bits ^ ((bits >> type(bits)(31)) & type(bits)(0x7FFFFFFF))


@njit(**PART)
def extremes32(bits, n):
    """Smallest and largest of n float32, given as int32, in the order of `ordered`."""
    low, high = np.int32(0x7FFFFFFF), np.int32(-0x7FFFFFFF)
    for i in range(n):
        key = ordered(bits[i])
        low = key if key < low else low
        high = key if key > high else high
    return low, high


@njit(**PART)
def count_zeros32(bits, n):
    """Zeros of either sign, and those that are −0."""
    zeros, negative = np.int32(0), np.int32(0)
    for i in range(n):
        zeros += np.int32(1) if (bits[i] & np.int32(0x7FFFFFFF)) == np.int32(0) else np.int32(0)
        negative += np.int32(1) if bits[i] == np.int32(-0x80000000) else np.int32(0)
    return zeros, negative


@njit(fastmath=REORDERED, **PART)
def deviations(x, n, pivot):
    """Σ(x − pivot) and Σ(x − pivot)² in float64.

    With one of the values as pivot, (mean − pivot)² is at most n times the variance: nothing is lost to cancellation.
    """
    total, squares = 0.0, 0.0
    for i in range(n):
        deviation = np.float64(x[i]) - pivot
        total += deviation
        squares += deviation * deviation
    return total, squares


@njit(fastmath=REORDERED, **PART)
def both_deviations(x, n, pivot, rectified_pivot):
    """The same of x, and of max(x, 0)."""
    total, squares, rectified_total, rectified_squares = 0.0, 0.0, 0.0, 0.0
    for i in range(n):
        value = np.float64(x[i])
        deviation = value - pivot
        rectified = (value if value > 0.0 else 0.0) - rectified_pivot
        total += deviation
        squares += deviation * deviation
        rectified_total += rectified
        rectified_squares += rectified * rectified
    return total, squares, rectified_total, rectified_squares


@njit(**PART)
def add_cells(bits, n, tables, ahead, other_ahead, item):
    """Histogram of n finite float32, given as uint32; the number of zeros, which all go to cell 0, −0 as well.

    While this loop keeps the processor busy, the memory that is read next is fetched: n items at `ahead`, and at
    `other_ahead` where that is an address.
    """
    near_zero = tables[:, 0].sum() + tables[:, SIGN_CELL].sum()
    whole = n // 16 * 16
    for start in range(0, whole, 16):
        prefetch(ahead + item * start)
        if other_ahead:
            prefetch(other_ahead + item * start)
        for i in range(start, start + 16, TABLES):
            tables[0, bits[i] >> np.uint32(SHIFT)] += 1
            tables[1, bits[i + 1] >> np.uint32(SHIFT)] += 1
            tables[2, bits[i + 2] >> np.uint32(SHIFT)] += 1
            tables[3, bits[i + 3] >> np.uint32(SHIFT)] += 1
            tables[4, bits[i + 4] >> np.uint32(SHIFT)] += 1
            tables[5, bits[i + 5] >> np.uint32(SHIFT)] += 1
            tables[6, bits[i + 6] >> np.uint32(SHIFT)] += 1
            tables[7, bits[i + 7] >> np.uint32(SHIFT)] += 1
    for i in range(whole, n):
        tables[0, bits[i] >> np.uint32(SHIFT)] += 1
    if tables[:, 0].sum() + tables[:, SIGN_CELL].sum() == near_zero:
        return np.int32(0)
    zeros, negative = count_zeros32(bits.view(np.int32), n)
    tables[0, SIGN_CELL] -= negative
    tables[0, 0] += negative
    return zeros


@njit(**PART)
def pool(real, mean_at, squares_at, count, mean, squares, added):
    """Adds `added` values of this mean and Σ(x − mean)² to `count` ones (Chan, Golub & LeVeque 1979)."""
    both = count + added
    if added == 0:
        return
    if count == 0:
        real[mean_at], real[squares_at] = mean, squares
        return
    between = mean - real[mean_at]
    real[squares_at] += squares + between * between * (count / both) * added
    real[mean_at] = real[mean_at] * (count / both) + mean * (added / both)


@njit(**PART)
def finite_only(x, n, whole, kept):
    """Counts NaN and infinities and copies the rest to `kept`; how many those are."""
    finite = 0
    for i in range(n):
        value = x[i]
        if value != value:
            whole[NAN] += 1
        elif value == np.inf:
            whole[POSITIVE_INFINITY] += 1
        elif value == -np.inf:
            whole[NEGATIVE_INFINITY] += 1
        else:
            kept[finite] = value
            finite += 1
    return finite


@njit(**PART)
def pool_block(x, n, real, count, relu):
    """Adds the moments of n finite values, and those of max(x, 0) if asked for."""
    pivot = np.float64(x[0])
    if not relu:
        total, squares = deviations(x, n, pivot)
        pool(real, MEAN, SQUARES, count, pivot + total / n, max(squares - total * (total / n), 0.0), n)
        return
    above = max(pivot, 0.0)
    total, squares, rectified_total, rectified_squares = both_deviations(x, n, pivot, above)
    pool(real, MEAN, SQUARES, count, pivot + total / n, max(squares - total * (total / n), 0.0), n)
    rectified_squares = max(rectified_squares - rectified_total * (rectified_total / n), 0.0)
    pool(real, RELU_MEAN, RELU_SQUARES, count, above + rectified_total / n, rectified_squares, n)


@njit(**PART)
def add_block32(x, n, whole, real, tables, relu, kept, ahead, other_ahead, item):
    """Adds n float32 to the statistics of a chunk."""
    low, high = extremes32(x.view(np.int32), n)
    if high >= np.int32(0x7F800000) or low <= ordered(np.int32(-0x800000)):  # a NaN or an infinity among them
        n = finite_only(x, n, whole, kept)
        x = kept
        if n == 0:
            return
        low, high = extremes32(x.view(np.int32), n)
    ends = np.empty(2, np.int32)
    ends[0], ends[1] = ordered(low), ordered(high)
    floats = ends.view(np.float32)
    real[MINIMUM], real[MAXIMUM] = min(real[MINIMUM], floats[0]), max(real[MAXIMUM], floats[1])
    if low == high:  # all the same: rows of zeros, most of all
        value = np.float64(floats[0])
        pool(real, MEAN, SQUARES, whole[FINITE], value, 0.0, n)
        pool(real, RELU_MEAN, RELU_SQUARES, whole[FINITE], max(value, 0.0), 0.0, n)
        if value == 0.0:
            whole[ZEROS] += n
            tables[0, 0] += n
        else:
            tables[0, x.view(np.uint32)[0] >> np.uint32(SHIFT)] += n
        whole[FINITE] += n
        return
    pool_block(x, n, real, whole[FINITE], relu)
    whole[ZEROS] += add_cells(x.view(np.uint32), n, tables, ahead, other_ahead, item)
    whole[FINITE] += n


@njit(**PART)
def add_block64(x, n, whole, real, tables, relu, kept, narrow, ahead, other_ahead, item):
    """Adds n float64; one beyond the range of float32 counts in the outermost cell of its sign."""
    n = finite_only(x, n, whole, kept)
    if n == 0:
        return
    largest, zeros = 0.0, 0
    for i in range(n):
        value = kept[i]
        real[MINIMUM], real[MAXIMUM] = min(real[MINIMUM], value), max(real[MAXIMUM], value)
        largest = max(largest, abs(value))
        zeros += value == 0.0
        narrow[i] = min(max(value, -FLOAT32_MAX), FLOAT32_MAX)
    if largest < 1e150:
        pool_block(kept, n, real, whole[FINITE], relu)
    else:  # sums would overflow: the mean of parts, and no finite variance
        mean, rectified = 0.0, 0.0
        for i in range(n):
            mean += kept[i] / n
            rectified += max(kept[i], 0.0) / n
        pool(real, MEAN, SQUARES, whole[FINITE], mean, np.inf, n)
        pool(real, RELU_MEAN, RELU_SQUARES, whole[FINITE], rectified, np.inf, n)
    add_cells(narrow.view(np.uint32), n, tables, ahead, other_ahead, item)
    whole[ZEROS] += zeros
    whole[FINITE] += n


@njit(**PART)
def count_inside(values, n, low, high):
    inside = np.int32(0)
    for i in range(n):
        inside += np.int32(np.uint8(values[i] > low) & np.uint8(values[i] < high))
    return inside


@njit(**PART)
def mark_inside(values, marks, n, low, high):
    """Marks of neighbouring units, a value each; how many values lie inside."""
    inside = np.int32(0)
    for i in range(n):
        one = np.uint8(values[i] > low) & np.uint8(values[i] < high)
        marks[i] |= one
        inside += np.int32(one)
    return inside


@njit(**PART)
def add_units(x, start, n, units, inner, low, high, live):
    """Marks the units of which a value lies between `low` and `high`; the number of values that do.

    The n values begin at place `start` of a tensor (outer, units, inner). Between 0 and ∞ values need not be counted,
    the histogram says how many there are; so nothing is read of a unit that is known to be live.
    """
    counting = low != 0.0 or high != np.inf
    passing = place = 0
    while place < n:
        run = (start + place) // inner
        unit = run % units
        if inner == 1:  # neighbours are of neighbouring units
            length = min(n - place, units - unit)
            passing += mark_inside(x[place : place + length], live[unit : unit + length], length, low, high)
        else:
            length = min(n - place, (run + 1) * inner - start - place)
            if counting or not live[unit]:
                inside = count_inside(x[place : place + length], length, low, high)
                passing += inside
                if inside > 0:
                    live[unit] = 1
        place += length
    return passing
