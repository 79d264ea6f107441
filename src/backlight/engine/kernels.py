"""The mathematics of `networks`, compiled: one network at a time, from its first step to its last.

A unit's values are a contiguous row over the samples, so every inner loop runs over samples and becomes vector
instructions; the rows of one block of samples stay in the processor's first caches. The last row of each layer's
input is 1: a bias is the weight of that row, and (W, b) lie in memory as one matrix of d_in + 1 rows.

With two classes only the difference of the logits matters: its gradient at one logit is minus that at the other.
A network of two classes is therefore trained through a single output, the contrast w_1 − w_0, exactly.

Division follows IEEE (a check for zero would keep a loop from becoming vector instructions), and the compiler may
reorder sums but not assume that there is no NaN: a network that diverges has to show it.

All compiled code is in this one file, because the cache on disk looks at the file of the function it holds.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

TANH, SIGMOID, RELU, LEAKY_RELU, IDENTITY = range(5)
GRADIENT_DESCENT, MOMENTUM, ADAM = range(3)
INPUTS, OUTPUTS, WEIGHTS, ROW = range(4)  # columns of a plan, which has a row per layer
LOSS, TRAIN_ACCURACY, TEST_ACCURACY, ZERO_GRADIENT, NO_POSITIVE_LOGIT, DEAD_LAYER, SILENT, SATURATED = range(8)
MEASURES = 8
SLOPE = 0.1  # of leaky_relu below 0; networks.activations.LEAKY_SLOPE
SATURATED_TANH = 0.98  # |tanh(z/2)| > 0.98 where the sigmoid of z lies outside [0.01, 0.99]
BETA1, BETA2, EPSILON, FRICTION = 0.9, 0.999, 1e-8, 0.9  # training.optimizers

Kernel = Callable[..., Any]
EXACT = {"contract", "arcp", "nsz"}
REORDERED = EXACT | {"reassoc"}


class Rule(NamedTuple):
    """How networks are trained: codes of activation, output gate and optimiser; the batch, 0 for all samples.

    Layers are computed row by row, or by products of matrices.

    The gate is IDENTITY. Any other activation multiplies δ_L by its derivative: a mistake that is worth studying.
    """

    activation: int
    gate: int
    optimizer: int
    batch: int
    by_matrix: bool


class Blocks(NamedTuple):
    """Samples in blocks: X (draws, blocks, d + 1, B), y (draws, blocks, B) int32, share (blocks, B).

    The last row of X is 1. A sample's share in the mean is 1/N; what only fills up the last block has share 0.
    """

    X: np.ndarray
    y: np.ndarray
    share: np.ndarray


class Networks(NamedTuple):
    """S networks of one architecture: parameters (S, P), optimiser state (S, 2, P), and what differs between them."""

    parameters: np.ndarray
    state: np.ndarray
    learning_rate: np.ndarray
    l2: np.ndarray
    draw: np.ndarray


class Watch(NamedTuple):
    """Looks (T,) at which curves (S, T, MEASURES) are written, steps done (S,), and a flag (1,) that stops all."""

    looks: np.ndarray
    curves: np.ndarray
    done: np.ndarray
    stop: np.ndarray


class Lanes(NamedTuple):
    """Threads that share a network: partial gradients (2, segments, P′) by parity of the step, arrivals (lanes,)."""

    partial: np.ndarray
    arrived: np.ndarray


OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}
UNCOUNTED: dict[str, Any] = {**OPTIONS, "_nrt": False}


def kernel(fastmath: set[str]) -> Callable[[Kernel], Kernel]:
    return njit(fastmath=fastmath, **OPTIONS)


def leaf(fastmath: set[str]) -> Callable[[Kernel], Kernel]:
    """A kernel that makes no array and no product of BLAS; it does without counting references to its arguments.

    Each count is an atomic instruction. In a pass of [2,3,2] they cost as much as a third of the arithmetic.
    """
    return njit(fastmath=fastmath, **UNCOUNTED)


def entry(function: Kernel) -> Kernel:
    """What Python calls; the compiled code is kept on disk if there is a place to write to."""
    try:
        return njit(fastmath=EXACT, cache=True, **OPTIONS)(function)
    except RuntimeError:
        return njit(fastmath=EXACT, **OPTIONS)(function)


# --- what NumPy has and the vectoriser lacks ------------------------------------------------------------------------


@intrinsic
def float_from_bits(typing_context, bits):  # type: ignore[no-untyped-def]
    number = types.float32 if bits == types.int32 else types.float64

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.bitcast(arguments[0], context.get_value_type(number))

    return number(bits), generate


@intrinsic
def atomic_load(typing_context, array, index):  # type: ignore[no-untyped-def]
    """array[index] of int64, seen by this thread as soon as another has written it."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.load_atomic(item_pointer(context, builder, signature, arguments), "acquire", 8)

    return array.dtype(array, types.intp), generate


@intrinsic
def atomic_store(typing_context, array, index, value):  # type: ignore[no-untyped-def]
    """array[index] = value of int64, after everything this thread has written before."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        pointer = item_pointer(context, builder, signature, arguments)
        builder.store_atomic(arguments[2], pointer, "release", 8)
        return ir.Constant(ir.IntType(8).as_pointer(), None)

    return types.void(array, types.intp, types.int64), generate


def item_pointer(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return cgutils.get_item_pointer(context, builder, signature.args[0], array, [arguments[1]])


def exponential(x: Any) -> Any:
    """e^x without a branch or a call, for float32 and float64; NaN stays NaN.

    x = n ln 2 + r with |r| ≤ (ln 2)/2, e^r by a polynomial, 2^n by writing n into the exponent (Cody & Waite 1980).
    Beyond the range in which 2^n is a normal number x is cut off.
    """
    raise NotImplementedError("only in compiled code")


@overload(exponential, jit_options={"fastmath": EXACT, "error_model": "numpy"})
def exponential_of(x):  # type: ignore[no-untyped-def]
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

        def compute(x):  # type: ignore[no-untyped-def]
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

        def compute(x):  # type: ignore[no-untyped-def]
            x = low if x < low else x
            x = high if x > high else x
            exponent = whole(x * log2_e + half_up)
            n = real(exponent) - offset
            r = (x - n * ln2_high) - n * ln2_low
            p = (((((c13 * r + c12) * r + c11) * r + c10) * r + c9) * r + c8) * r + c7
            p = ((((p * r + c6) * r + c5) * r + c4) * r + c3) * r + c2
            return (p * r * r + r + one) * float_from_bits(whole(exponent << places))

    return compute


# --- activations, in place over rows; rows are named by number, for a view of an array would be counted -------------


@leaf(EXACT)
def activate(code, values, first, last):  # type: ignore[no-untyped-def]
    """z ↦ f(z) in the rows first … last − 1."""
    zero, one, slope = values.dtype.type(0), values.dtype.type(1), values.dtype.type(SLOPE)
    width = values.shape[1]
    for row in range(first, last):
        if code == TANH:
            for n in range(width):
                values[row, n] = one - (one + one) / (one + exponential(values[row, n] + values[row, n]))
        elif code == SIGMOID:
            for n in range(width):
                values[row, n] = one / (one + exponential(-values[row, n]))
        elif code == RELU:
            for n in range(width):  # in this order NaN stays NaN
                values[row, n] = zero if values[row, n] < zero else values[row, n]
        elif code == LEAKY_RELU:
            for n in range(width):
                values[row, n] *= slope if values[row, n] < zero else one


@leaf(EXACT)
def times_derivative(code, deltas, delta_row, values, first, last):  # type: ignore[no-untyped-def]
    """δ ↦ δ f′(z), from a = f(z) in the rows first … last − 1 of `values`."""
    zero, one, slope = values.dtype.type(0), values.dtype.type(1), values.dtype.type(SLOPE)
    width = values.shape[1]
    for row in range(first, last):
        d = delta_row + row - first
        if code == TANH:
            for n in range(width):
                deltas[d, n] *= one - values[row, n] * values[row, n]
        elif code == SIGMOID:
            for n in range(width):
                deltas[d, n] *= values[row, n] * (one - values[row, n])
        elif code == RELU:
            for n in range(width):
                deltas[d, n] = deltas[d, n] if values[row, n] > zero else zero
        elif code == LEAKY_RELU:
            for n in range(width):
                deltas[d, n] *= one if values[row, n] > zero else slope


# --- products of a small matrix with rows ---------------------------------------------------------------------------


@leaf(EXACT)
def weighted_sum(w, at, stride, rows, row, count, out, target):  # type: ignore[no-untyped-def]
    """out[target] = Σ_i w[at + i·stride] rows[row + i], i < count; four rows at a time spare loads and stores."""
    width = out.shape[1]
    head = (count - 1) % 4 + 1
    w0 = w[at]
    if head == 1:
        for n in range(width):
            out[target, n] = w0 * rows[row, n]
    elif head == 2:
        w1 = w[at + stride]
        for n in range(width):
            out[target, n] = w0 * rows[row, n] + w1 * rows[row + 1, n]
    elif head == 3:
        w1, w2 = w[at + stride], w[at + 2 * stride]
        for n in range(width):
            out[target, n] = w0 * rows[row, n] + w1 * rows[row + 1, n] + w2 * rows[row + 2, n]
    else:
        w1, w2, w3 = w[at + stride], w[at + 2 * stride], w[at + 3 * stride]
        for n in range(width):
            pair = w0 * rows[row, n] + w1 * rows[row + 1, n]
            out[target, n] = pair + w2 * rows[row + 2, n] + w3 * rows[row + 3, n]
    for i in range(head, count, 4):
        a, r = at + i * stride, row + i
        w0, w1, w2, w3 = w[a], w[a + stride], w[a + 2 * stride], w[a + 3 * stride]
        for n in range(width):
            pair = out[target, n] + w0 * rows[r, n] + w1 * rows[r + 1, n]
            out[target, n] = pair + w2 * rows[r + 2, n] + w3 * rows[r + 3, n]


@leaf(REORDERED)
def add_correlations(rows, row, count, deltas, delta, g, at, stride):  # type: ignore[no-untyped-def]
    """g[at + i·stride] += Σ_n rows[row + i, n] deltas[delta, n], i < count."""
    zero = deltas.dtype.type(0)
    width = deltas.shape[1]
    for i in range(0, count, 4):
        left, r, a = count - i, row + i, at + i * stride
        s0 = s1 = s2 = s3 = zero
        if left >= 4:
            for n in range(width):
                s0 += rows[r, n] * deltas[delta, n]
                s1 += rows[r + 1, n] * deltas[delta, n]
                s2 += rows[r + 2, n] * deltas[delta, n]
                s3 += rows[r + 3, n] * deltas[delta, n]
            g[a + 3 * stride] += s3
        elif left == 3:
            for n in range(width):
                s0 += rows[r, n] * deltas[delta, n]
                s1 += rows[r + 1, n] * deltas[delta, n]
                s2 += rows[r + 2, n] * deltas[delta, n]
        elif left == 2:
            for n in range(width):
                s0 += rows[r, n] * deltas[delta, n]
                s1 += rows[r + 1, n] * deltas[delta, n]
        else:
            for n in range(width):
                s0 += rows[r, n] * deltas[delta, n]
        g[a] += s0
        if left >= 2:
            g[a + stride] += s1
        if left >= 3:
            g[a + 2 * stride] += s2


# --- a pass through the network, forward and backward, for one block of samples -------------------------------------


@leaf(EXACT)
def forward_by_rows(p, plan, code, X, values):  # type: ignore[no-untyped-def]
    """Fills `values` (rows, B): activations of the hidden layers, each with its row of ones, then the logits."""
    for layer in range(plan.shape[0]):
        d_in, d_out, at, row = plan[layer, INPUTS], plan[layer, OUTPUTS], plan[layer, WEIGHTS], plan[layer, ROW]
        for j in range(d_out):
            if layer == 0:
                weighted_sum(p, at + j, d_out, X, 0, d_in + 1, values, row + j)
            else:
                weighted_sum(p, at + j, d_out, values, plan[layer - 1, ROW], d_in + 1, values, row + j)
        if layer < plan.shape[0] - 1:
            activate(code, values, row, row + d_out)


@leaf(EXACT)
def backward_by_rows(p, plan, code, X, values, deltas, g):  # type: ignore[no-untyped-def]
    """Adds the gradient to g, from δ of the logits in `deltas`: δ_l = (W_{l+1} δ_{l+1}) ⊙ f′(z_l)."""
    for layer in range(plan.shape[0] - 1, -1, -1):
        d_in, d_out, at, row = plan[layer, INPUTS], plan[layer, OUTPUTS], plan[layer, WEIGHTS], plan[layer, ROW]
        below = plan[layer - 1, ROW] if layer else 0
        for j in range(d_out):
            if layer == 0:
                add_correlations(X, 0, d_in + 1, deltas, row + j, g, at + j, d_out)
            else:
                add_correlations(values, below, d_in + 1, deltas, row + j, g, at + j, d_out)
        if layer:
            for i in range(d_in):
                weighted_sum(p, at + i * d_out, 1, deltas, row, d_out, deltas, below + i)
            times_derivative(code, deltas, below, values, below, below + d_in)


@kernel(EXACT)
def forward_by_matrices(p, plan, code, X, values):  # type: ignore[no-untyped-def]
    """What `forward_by_rows` does, each layer as one product of BLAS."""
    inputs = X
    for layer in range(plan.shape[0]):
        d_in, d_out, at, row = plan[layer, INPUTS], plan[layer, OUTPUTS], plan[layer, WEIGHTS], plan[layer, ROW]
        W = p[at : at + (d_in + 1) * d_out].reshape(d_in + 1, d_out)
        np.dot(W.T, inputs, values[row : row + d_out])
        if layer < plan.shape[0] - 1:
            activate(code, values, row, row + d_out)
        inputs = values[row : row + d_out + 1]


@kernel(EXACT)
def backward_by_matrices(p, plan, code, X, values, deltas, g, product):  # type: ignore[no-untyped-def]
    """What `backward_by_rows` does, each layer as two products of BLAS."""
    for layer in range(plan.shape[0] - 1, -1, -1):
        d_in, d_out, at, row = plan[layer, INPUTS], plan[layer, OUTPUTS], plan[layer, WEIGHTS], plan[layer, ROW]
        below = plan[layer - 1, ROW] if layer else 0
        inputs = values[below : below + d_in + 1] if layer else X
        delta = deltas[row : row + d_out]
        size = (d_in + 1) * d_out
        np.dot(inputs, delta.T, product[:size].reshape(d_in + 1, d_out))
        for k in range(size):
            g[at + k] += product[k]
        if layer:
            np.dot(p[at : at + d_in * d_out].reshape(d_in, d_out), delta, deltas[below : below + d_in])
            times_derivative(code, deltas, below, values, below, below + d_in)


@kernel(EXACT)
def forward(rule, p, plan, X, values):  # type: ignore[no-untyped-def]
    if rule.by_matrix:
        forward_by_matrices(p, plan, rule.activation, X, values)
    else:
        forward_by_rows(p, plan, rule.activation, X, values)


@leaf(EXACT)
def contrast_residuals(values, row, samples, draw, block, deltas):  # type: ignore[no-untyped-def]
    """δ = (σ(z_1 − z_0) − y) · share."""
    one, y, share = deltas.dtype.type(1), samples.y, samples.share
    for n in range(deltas.shape[1]):
        p = one / (one + exponential(-values[row, n]))
        deltas[row, n] = (p - (one if y[draw, block, n] == 1 else one - one)) * share[block, n]


@leaf(EXACT)
def softmax_residuals(values, row, classes, samples, draw, block, deltas):  # type: ignore[no-untyped-def]
    """δ_k = (softmax(z)_k − [y = k]) · share; the two rows of `deltas` after the last class are scratch."""
    zero, one = deltas.dtype.type(0), deltas.dtype.type(1)
    y, share = samples.y, samples.share
    width, largest, total = deltas.shape[1], row + classes, row + classes + 1
    for n in range(width):
        deltas[largest, n] = values[row, n]
        deltas[total, n] = zero
    for k in range(row + 1, row + classes):
        for n in range(width):
            deltas[largest, n] = values[k, n] if values[k, n] > deltas[largest, n] else deltas[largest, n]
    for k in range(row, row + classes):
        for n in range(width):
            deltas[k, n] = exponential(values[k, n] - deltas[largest, n])
        for n in range(width):
            deltas[total, n] += deltas[k, n]
    for k in range(row, row + classes):
        for n in range(width):
            p = deltas[k, n] / deltas[total, n]
            deltas[k, n] = (p - (one if y[draw, block, n] == k - row else zero)) * share[block, n]


@leaf(EXACT)
def output_residuals(rule, values, row, classes, samples, draw, block, deltas):  # type: ignore[no-untyped-def]
    """∂L/∂z_L of the mean cross-entropy; times f′(z_L) where the rule has that mistake."""
    if classes == 1:
        contrast_residuals(values, row, samples, draw, block, deltas)
        return
    softmax_residuals(values, row, classes, samples, draw, block, deltas)
    if rule.gate != IDENTITY:
        activate(rule.gate, values, row, row + classes)  # the logits themselves are no longer needed
        times_derivative(rule.gate, deltas, row, values, row, row + classes)


# --- updates --------------------------------------------------------------------------------------------------------


@leaf(EXACT)
def add_penalty(p, g, plan, l2):  # type: ignore[no-untyped-def]
    """g += λ W; biases are free."""
    for layer in range(plan.shape[0]):
        at = plan[layer, WEIGHTS]
        for k in range(at, at + plan[layer, INPUTS] * plan[layer, OUTPUTS]):
            g[k] += l2 * p[k]


@leaf(EXACT)
def update(optimizer, p, g, state, size, rate, step):  # type: ignore[no-untyped-def]
    """The formulas of `training.optimizers`; `step` counts from 1."""
    kind = p.dtype.type
    if optimizer == GRADIENT_DESCENT:
        for k in range(size):
            p[k] -= rate * g[k]
    elif optimizer == MOMENTUM:
        friction = kind(FRICTION)
        for k in range(size):
            state[0, k] = friction * state[0, k] + g[k]
            p[k] -= rate * state[0, k]
    else:
        rest1, rest2, epsilon = kind(1 - BETA1), kind(1 - BETA2), kind(EPSILON)
        corrected = kind(rate / (1 - BETA1**step))
        scale = kind(1 / np.sqrt(1 - BETA2**step))
        for k in range(size):
            state[0, k] += rest1 * (g[k] - state[0, k])
            state[1, k] += rest2 * (g[k] * g[k] - state[1, k])
            p[k] -= corrected * state[0, k] / (np.sqrt(state[1, k]) * scale + epsilon)


# --- looking at a network -------------------------------------------------------------------------------------------


@leaf(EXACT)
def count_correct(values, row, classes, samples, draw, block):  # type: ignore[no-untyped-def]
    """(samples of this block that get their own class, samples of this block); of tied classes the lowest wins."""
    correct = seen = 0
    for n in range(values.shape[1]):
        y = row + samples.y[draw, block, n]
        wins = samples.share[block, n] > 0
        seen += wins
        for k in range(row, row + classes):
            wins &= values[y, n] > values[k, n] or (values[y, n] == values[k, n] and y <= k)
        correct += wins
    return correct, seen


@leaf(EXACT)
def cross_entropy(values, row, classes, samples, draw, block):  # type: ignore[no-untyped-def]
    """This block's part of the mean −log softmax(z)_y, summed in float64."""
    loss = 0.0
    for n in range(values.shape[1]):
        largest = values[row, n]
        for k in range(row + 1, row + classes):
            largest = max(largest, values[k, n])
        total = 0.0
        for k in range(row, row + classes):
            total += np.exp(np.float64(values[k, n]) - largest)
        z = np.float64(values[row + samples.y[draw, block, n], n])
        loss += samples.share[block, n] * (np.log(total) - (z - largest))
    return loss


@leaf(EXACT)
def watch_units(plan, code, values, highest, count):  # type: ignore[no-untyped-def]
    """Raises `highest` (rows,) to each hidden unit's largest |a| (largest a for leaky_relu); saturated values."""
    saturated = 0
    low, high = 0.01, 0.99
    if code == TANH:
        low, high = -SATURATED_TANH, SATURATED_TANH
    for layer in range(plan.shape[0] - 1):
        for row in range(plan[layer, ROW], plan[layer, ROW] + plan[layer, OUTPUTS]):
            for n in range(count):
                a = values[row, n]
                size = a if code == LEAKY_RELU else abs(a)
                highest[row] = size if size > highest[row] else highest[row]
                saturated += a < low or a > high
    return saturated if code in (TANH, SIGMOID) else 0


@kernel(EXACT)
def measure(rule, p, plan, train, test, draw, work, out):  # type: ignore[no-untyped-def]
    """Fills `out` (MEASURES,) for the parameters p; all NaN if the loss is not finite."""
    values, deltas, test_values, g, product, highest = work
    last = plan.shape[0] - 1
    row, classes = plan[last, ROW], plan[last, OUTPUTS]
    loss, positive = 0.0, False
    correct = seen = test_correct = test_seen = saturated = 0
    highest[:] = -1.0
    accumulate(rule, p, plan, train, draw, 0, train.share.shape[0], values, deltas, g, product)
    for block in range(train.share.shape[0]):
        forward(rule, p, plan, train.X[draw, block], values)
        loss += cross_entropy(values, row, classes, train, draw, block)
        hits, count = count_correct(values, row, classes, train, draw, block)
        correct += hits
        seen += count
        for k in range(classes):
            positive |= np.any(values[row + k] > 0)
        saturated += watch_units(plan, rule.activation, values, highest, count)
    if not np.isfinite(loss):
        out[:] = np.nan
        return
    for block in range(test.share.shape[0]):
        forward(rule, p, plan, test.X[draw, block], test_values)
        hits, count = count_correct(test_values, row, classes, test, draw, block)
        test_correct += hits
        test_seen += count
    units = silent = 0
    dead_layer, rectifies = False, rule.activation in (RELU, LEAKY_RELU)
    for layer in range(last):
        quiet = all_zero = 0
        for unit in range(plan[layer, ROW], plan[layer, ROW] + plan[layer, OUTPUTS]):
            quiet += rectifies and highest[unit] <= 0
            all_zero += highest[unit] == 0
        units += plan[layer, OUTPUTS]
        silent += quiet
        dead_layer |= all_zero == plan[layer, OUTPUTS]
    out[LOSS], out[TRAIN_ACCURACY], out[TEST_ACCURACY] = loss, correct / seen, test_correct / test_seen
    out[ZERO_GRADIENT], out[NO_POSITIVE_LOGIT], out[DEAD_LAYER] = not np.any(g), not positive, dead_layer
    out[SILENT] = silent / max(units, 1)
    out[SATURATED] = saturated / max(units * seen, 1)


# --- training -------------------------------------------------------------------------------------------------------


@kernel(EXACT)
def workspace(plan, samples, kind):  # type: ignore[no-untyped-def]
    """Values, whose rows of ones stay ones, and deltas of a block of `samples`."""
    rows = plan[plan.shape[0] - 1, ROW] + plan[plan.shape[0] - 1, OUTPUTS] + 2
    return np.ones((rows, samples.X.shape[3]), kind), np.empty((rows, samples.X.shape[3]), kind)


@leaf(EXACT)
def stretch(segment, segments, blocks):  # type: ignore[no-untyped-def]
    return segment * blocks // segments, (segment + 1) * blocks // segments


@leaf(EXACT)
def gather(samples, draw, indices, batch, first, last):  # type: ignore[no-untyped-def]
    """Copies the samples `indices` into the blocks first … last − 1 of `batch`, filled up by the first of them."""
    width, size = batch.X.shape[3], samples.X.shape[3]
    for block in range(first, last):
        for n in range(width):
            place = block * width + n
            index = indices[place] if place < indices.size else indices[0]
            source, column = index // size, index % size
            for i in range(batch.X.shape[2]):
                batch.X[0, block, i, n] = samples.X[draw, source, i, column]
            batch.y[0, block, n] = samples.y[draw, source, column]
            batch.share[block, n] = 1.0 / indices.size if place < indices.size else 0.0


@leaf(EXACT)
def add_up(partial, parity, g):  # type: ignore[no-untyped-def]
    """g = Σ of the segments' gradients, in their order whoever computed them."""
    for k in range(g.size):
        g[k] = partial[parity, 0, k]
    for segment in range(1, partial.shape[1]):
        for k in range(g.size):
            g[k] += partial[parity, segment, k]


@leaf(EXACT)
def accumulate_by_rows(rule, p, plan, samples, draw, first, last, values, deltas, g):  # type: ignore[no-untyped-def]
    """Adds the data gradient over the blocks first … last − 1 to g."""
    row, outputs = plan[plan.shape[0] - 1, ROW], plan[plan.shape[0] - 1, OUTPUTS]
    for block in range(first, last):
        X = samples.X[draw, block]
        forward_by_rows(p, plan, rule.activation, X, values)
        output_residuals(rule, values, row, outputs, samples, draw, block, deltas)
        backward_by_rows(p, plan, rule.activation, X, values, deltas, g)


@kernel(EXACT)
def accumulate(rule, p, plan, samples, draw, first, last, values, deltas, g, product):  # type: ignore[no-untyped-def]
    """The data gradient over the blocks first … last − 1, into g."""
    for k in range(g.size):
        g[k] = 0.0
    if not rule.by_matrix:
        accumulate_by_rows(rule, p, plan, samples, draw, first, last, values, deltas, g)
        return
    row, outputs = plan[plan.shape[0] - 1, ROW], plan[plan.shape[0] - 1, OUTPUTS]
    for block in range(first, last):
        X = samples.X[draw, block]
        forward_by_matrices(p, plan, rule.activation, X, values)
        output_residuals(rule, values, row, outputs, samples, draw, block, deltas)
        backward_by_matrices(p, plan, rule.activation, X, values, deltas, g, product)


@leaf(EXACT)
def contrast(p, plan, size):  # type: ignore[no-untyped-def]
    """Writes w_1 − w_0 of the output layer behind the `size` parameters proper, where a plan of one output has it."""
    if plan[plan.shape[0] - 1, OUTPUTS] == 1:
        real = size - 2 * (plan[plan.shape[0] - 1, INPUTS] + 1)
        for i in range(plan[plan.shape[0] - 1, INPUTS] + 1):
            p[size + i] = p[real + 2 * i + 1] - p[real + 2 * i]


@leaf(EXACT)
def spread(g, plan, size):  # type: ignore[no-untyped-def]
    """The gradient of the contrast as that of the two columns: −g and g."""
    if plan[plan.shape[0] - 1, OUTPUTS] == 1:
        real = size - 2 * (plan[plan.shape[0] - 1, INPUTS] + 1)
        for i in range(plan[plan.shape[0] - 1, INPUTS] + 1):
            g[real + 2 * i] = -g[size + i]
            g[real + 2 * i + 1] = g[size + i]


@leaf(EXACT)
def meet(arrived, stop, lane, step):  # type: ignore[no-untyped-def]
    """Waits until every lane has done `step`; False if all are to stop."""
    atomic_store(arrived, lane, step)
    for other in range(arrived.size):
        while atomic_load(arrived, other) < step:
            if atomic_load(stop, 0):
                return False
    return True


@entry
def train_networks(rule, plan, whole, networks, train, test, batch, orders, watch, lanes, lane, span):  # type: ignore[no-untyped-def]
    """Takes each network from step span[0] to span[1], in place; what a look sees goes into watch.curves.

    Args:
        plan: of the network as it is trained (two classes as one contrast); `whole`: of the network as it is.
        batch: Blocks of one draw that a mini-batch is gathered into; orders: (S, epochs, N) from the epoch of span[0].
        lanes, lane: threads that share the work on each network, and which of them this one is.
    """
    size, room = networks.parameters.shape[1], lanes.partial.shape[2]
    kind = networks.parameters.dtype
    g, product, p, state = np.zeros(room, kind), np.empty(room, kind), np.zeros(room, kind), np.zeros((2, size), kind)
    values, deltas = workspace(whole, train, kind)
    batch_values, batch_deltas = workspace(whole, batch, kind)
    test_values, highest = workspace(whole, test, kind)[0], np.empty(values.shape[0], kind)
    segments, count = lanes.partial.shape[1], lanes.arrived.size
    per_epoch = -(-orders.shape[2] // rule.batch) if rule.batch else 1
    first_epoch = span[0] // per_epoch
    for s in range(networks.parameters.shape[0]):
        p[:size] = networks.parameters[s]
        state[:] = networks.state[s]
        rate, l2, draw = kind.type(networks.learning_rate[s]), kind.type(networks.l2[s]), networks.draw[s]
        look = np.searchsorted(watch.looks, span[0] if span[0] == 0 else span[0] + 1)
        for step in range(span[0], span[1] + 1):
            if look < watch.looks.size and watch.looks[look] == step:
                if lane == 0:
                    work = (values, deltas, test_values, g, product, highest)
                    measure(rule, p, whole, train, test, draw, work, watch.curves[s, look])
                look += 1
            if step == span[1] or atomic_load(watch.stop, 0):
                break
            contrast(p, plan, size)
            for segment in range(lane, segments, count):
                if rule.batch:
                    start = step % per_epoch * rule.batch
                    first, last = stretch(segment, segments, batch.share.shape[0])
                    indices = orders[s, step // per_epoch - first_epoch, start : start + rule.batch]
                    gather(train, draw, indices, batch, first, last)
                    accumulate(rule, p, plan, batch, 0, first, last, batch_values, batch_deltas, g, product)
                else:
                    first, last = stretch(segment, segments, train.share.shape[0])
                    accumulate(rule, p, plan, train, draw, first, last, values, deltas, g, product)
                if segments > 1:
                    lanes.partial[step % 2, segment] = g
            if segments > 1:
                if not meet(lanes.arrived, watch.stop, lane, s * span[1] + step + 1):
                    break
                add_up(lanes.partial, step % 2, g)
            spread(g, plan, size)
            if l2 > 0:
                add_penalty(p, g, whole, l2)
            update(rule.optimizer, p, g, state, size, rate, step + 1)
            if lane == 0:
                atomic_store(watch.done, s, step + 1)
        if lane == 0:
            networks.parameters[s] = p[:size]
            networks.state[s] = state


@entry
def network_logits(rule, whole, parameters, draw, samples, out):  # type: ignore[no-untyped-def]
    """Logits of every network on its draw of `samples`, into out (S, K, blocks · B)."""
    row, classes = whole[-1, ROW], whole[-1, OUTPUTS]
    width = samples.X.shape[3]
    values = np.ones((row + classes + 2, width), parameters.dtype)
    for s in range(parameters.shape[0]):
        for block in range(samples.X.shape[1]):
            forward(rule, parameters[s], whole, samples.X[draw[s], block], values)
            out[s, :, block * width : (block + 1) * width] = values[row : row + classes]
