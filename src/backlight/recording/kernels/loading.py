"""Values of any type as float32, where that holds them exactly, or as float64."""

import numpy as np
from numba import carray, njit

from backlight.recording.kernels.layout import (
    BFLOAT16,
    BOOL,
    FLOAT16,
    FLOAT32,
    FLOAT64,
    INT8,
    INT16,
    INT32,
    INT64,
    UINT8,
    UINT32,
)
from backlight.recording.kernels.primitives import PART, pointer_to


@njit(**PART)
def widen_halves(halves, n, out):
    """float16, given as uint16, to float32, exactly; by way of bits and of whole numbers, for no mode to interfere."""
    bits = out.view(np.uint32)
    for i in range(n):
        half = np.uint32(halves[i])
        sign, magnitude = (half & np.uint32(0x8000)) << np.uint32(16), half & np.uint32(0x7FFF)
        if magnitude < np.uint32(0x0400):  # zero or subnormal: a multiple of 2^−24
            out[i] = np.float32(magnitude) * np.float32(2.0**-24)
            bits[i] |= sign
        elif magnitude >= np.uint32(0x7C00):
            bits[i] = sign | np.uint32(0x7F800000) | (magnitude << np.uint32(13))
        else:
            bits[i] = sign | ((magnitude << np.uint32(13)) + np.uint32((127 - 15) << 23))


@njit(**PART)
def widen(address, kind, n, out):
    """n values of the type of `kind`, as that of `out`."""
    source = carray(pointer_to(kind, address), n)
    for i in range(n):
        out[i] = source[i]


@njit(**PART)
def load32(address, dtype, n, out):
    """n values of a type that float32 holds exactly."""
    if dtype == FLOAT32:
        widen(address, np.float32(0), n, out)
    elif dtype == FLOAT16:
        widen_halves(carray(pointer_to(np.uint16(0), address), n), n, out)
    elif dtype == BFLOAT16:
        bits, brains = out.view(np.uint32), carray(pointer_to(np.uint16(0), address), n)
        for i in range(n):
            bits[i] = np.uint32(brains[i]) << np.uint32(16)
    elif dtype in (BOOL, UINT8):
        widen(address, np.uint8(0), n, out)
    elif dtype == INT8:
        widen(address, np.int8(0), n, out)
    elif dtype == INT16:
        widen(address, np.int16(0), n, out)
    else:
        widen(address, np.uint16(0), n, out)


@njit(**PART)
def load64(address, dtype, n, out):
    """n values of a type that float32 does not hold exactly."""
    if dtype == FLOAT64:
        widen(address, np.float64(0), n, out)
    elif dtype == INT32:
        widen(address, np.int32(0), n, out)
    elif dtype == UINT32:
        widen(address, np.uint32(0), n, out)
    elif dtype == INT64:
        widen(address, np.int64(0), n, out)
    else:
        widen(address, np.uint64(0), n, out)


@njit(**PART)
def fits_float32(dtype):
    return dtype != FLOAT64 and dtype < INT32


@njit(**PART)
def copy_bytes(source, target, n):
    read, written = carray(pointer_to(np.uint8(0), source), n), carray(pointer_to(np.uint8(0), target), n)
    for i in range(n):
        written[i] = read[i]
