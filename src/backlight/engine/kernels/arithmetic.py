"""What NumPy has and the vectoriser lacks: an exponential without a call; and what threads need to meet."""

import sys
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from backlight.engine.kernels.compiler import EXACT, FINITE, leaf


@intrinsic
def float_from_bits(typing_context, bits):
    number = types.float32 if bits == types.int32 else types.float64

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(number))

    return number(bits), generate


@intrinsic
def atomic_load(typing_context, array, index):
    """array[index] of int64, seen by this thread as soon as another has written it."""

    def generate(context, builder, signature, arguments):
        return builder.load_atomic(item_pointer(context, builder, signature, arguments), "acquire", 8)

    return array.dtype(array, types.intp), generate


@intrinsic
def atomic_store(typing_context, array, index, value):
    """array[index] = value of int64, after everything this thread has written before."""

    def generate(context, builder, signature, arguments):
        pointer = item_pointer(context, builder, signature, arguments)
        builder.store_atomic(arguments[2], pointer, "release", 8)
        return ir.Constant(ir.IntType(8).as_pointer(), None)

    return types.void(array, types.intp, types.int64), generate


# by name, so that compiled code which calls it can be kept on disk
let_others_run = types.ExternalFunction("SwitchToThread" if sys.platform == "win32" else "sched_yield", types.int32())


def item_pointer(context, builder, signature, arguments):
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return cgutils.get_item_pointer(context, builder, signature.args[0], array, [arguments[1]])


@leaf(FINITE)
def reciprocal(x):
    """1/x of a number that is not infinite: in float32 an estimate and a step of Newton's, faster than a division."""
    return type(x)(1) / x


def exponential(x: Any) -> Any:
    """e^x without a branch or a call, for float32 and float64; NaN stays NaN.

    x = n ln 2 + r with |r| ≤ (ln 2)/2, e^r by a polynomial, 2^n by writing n into the exponent (Cody & Waite 1980).
    Beyond the range in which 2^n is a normal number x is cut off.
    """
    raise NotImplementedError("only in compiled code")


@overload(exponential, jit_options={"fastmath": EXACT, "error_model": "numpy"})
def exponential_of(x):
    single = x == types.float32
    real, whole = (np.float32, np.int32) if single else (np.float64, np.int64)
    low, high, bias, shift = (-87.0, 88.0, 127, 23) if single else (-708.0, 709.0, 1023, 52)
    low, high, offset, half_up = real(low), real(high), real(bias), real(bias + 0.5)
    log2_e, one, places = real(1.4426950408889634), real(1), whole(shift)
    # ln 2 in two parts; the first has few enough digits for n ln 2 to be exact
    ln2_high, ln2_low = (
        (real(0.693359375), real(-2.12194440e-4))
        if single
        else (real(6.93145751953125e-1), real(1.42860682030941723212e-6))
    )
    if single:  # Cephes, expf
        c2, c3, c4 = real(5.0000001201e-1), real(1.6666665459e-1), real(4.1665795894e-2)
        c5, c6, c7 = real(8.3334519073e-3), real(1.3981999507e-3), real(1.9875691500e-4)

        def compute(x):
            x = low if x < low else x
            x = high if x > high else x
            exponent = whole(x * log2_e + half_up)
            n = real(exponent) - offset
            r = (x - n * ln2_high) - n * ln2_low
            p = ((((c7 * r + c6) * r + c5) * r + c4) * r + c3) * r + c2
            return (p * r * r + r + one) * float_from_bits(whole(exponent << places))
    else:  # Taylor's series to r¹³: the rest is below 5e-18
        c2, c3, c4, c5, c6, c7 = 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040
        c8, c9, c10, c11 = 1 / 40320, 1 / 362880, 1 / 3628800, 1 / 39916800
        c12, c13 = 1 / 479001600, 1 / 6227020800

        def compute(x):
            x = low if x < low else x
            x = high if x > high else x
            exponent = whole(x * log2_e + half_up)
            n = real(exponent) - offset
            r = (x - n * ln2_high) - n * ln2_low
            p = (((((c13 * r + c12) * r + c11) * r + c10) * r + c9) * r + c8) * r + c7
            p = ((((p * r + c6) * r + c5) * r + c4) * r + c3) * r + c2
            return (p * r * r + r + one) * float_from_bits(whole(exponent << places))

    return compute
