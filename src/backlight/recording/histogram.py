"""Histogram cells that never move, and their bytes.

The cell of a value is the top 11 bits of its float32 form: sign, 8 bits of exponent, 2 of mantissa. So histograms of
any two steps, layers or runs can be compared and added, and nothing is clipped or sampled. Cell widths are a quarter
of a power of two: a value is known to within a quarter of itself.

As bytes a histogram is the counts of cells 0, 1, 2 … as LEB128 numbers (seven bits a byte, least significant first);
a 0 stands for a stretch of empty cells and is followed by its length; empty cells at the end are left out.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Counts: TypeAlias = NDArray[np.int64]
Edges: TypeAlias = NDArray[np.float64]

CELLS = 2048  # 2^11
SHIFT = 21  # 32 − 11
SIGN_CELL = 1024  # cells from here on hold negative values
INFINITE_CELL = 1020  # this one and the three after it would hold infinity and NaN, which are counted apart


def cell_edges(cells: Counts) -> tuple[Edges, Edges]:
    """Left and right edges (float64) of histogram cells of finite values."""
    magnitude = np.minimum(cells % SIGN_CELL, INFINITE_CELL - 1)
    edges = (np.arange(INFINITE_CELL, dtype=np.uint32) << np.uint32(SHIFT)).view(np.float32).astype(np.float64)
    edges = np.append(edges, 2.0**128)  # where the next cell would begin
    inner, outer = edges[magnitude], edges[magnitude + 1]
    negative = cells >= SIGN_CELL
    return np.where(negative, -outer, inner), np.where(negative, -inner, outer)


def in_order_of_value(cells: Counts) -> Counts:
    """Places of finite cells in ascending order of the values they hold: the most negative cell is 0."""
    return np.where(cells >= SIGN_CELL, CELLS - 1 - cells, cells + SIGN_CELL)


def encode(cells: Counts, counts: Counts) -> bytes:
    """Bytes of a histogram; `cells` ascend. The readable twin of what the kernels write."""
    out = bytearray()
    following = 0
    for cell, count in zip(cells.tolist(), counts.tolist(), strict=True):
        if cell > following:
            out.append(0)
            out += leb128(cell - following)
        out += leb128(count)
        following = cell + 1
    return bytes(out)


def decode(packed: bytes) -> tuple[Counts, Counts]:
    """(cells, counts) of the non-empty cells.

    Raises:
        ValueError: if these are not the bytes of a histogram.

    >>> decode(encode(np.array([3, 4, 2000]), np.array([7, 1, 300])))
    (array([   3,    4, 2000]), array([  7,   1, 300]))
    """
    cells, counts = [], []
    numbers = iter(numbers_of(packed))
    cell = 0
    for number in numbers:
        if number == 0:
            cell += next(numbers, CELLS)
        else:
            cells.append(cell)
            counts.append(number)
            cell += 1
    if cell > CELLS:
        raise ValueError("damaged histogram")
    return np.array(cells, np.int64), np.array(counts, np.int64)


def leb128(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def numbers_of(packed: bytes) -> list[int]:
    numbers, number, shift = [], 0, 0
    for byte in packed:
        number |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            numbers.append(number)
            number = shift = 0
    if shift or any(number >= 2**63 for number in numbers):
        raise ValueError("damaged histogram")
    return numbers
