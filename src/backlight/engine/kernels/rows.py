"""The loops in which the time is spent: over a row, which holds one unit's values for all samples of a block.

Rows are named by their number, for a view of an array would be counted.
"""

from backlight.engine.kernels.arithmetic import exponential, reciprocal
from backlight.engine.kernels.codes import IDENTITY, LEAKY_RELU, SIGMOID, TANH
from backlight.engine.kernels.compiler import EXACT, REORDERED, leaf

SLOPE = 0.1  # of leaky_relu below 0; networks.activations.LEAKY_SLOPE


@leaf(EXACT)
def curve_of(code, one):
    """(smooth, c, m, q, d, e, slope) of an activation, in the type of `one`.

    Smooth: f(z) = c + m / (1 + e^{qz}) with f′ = d + e a − a². Else f(z) = z where z ≥ 0 and slope · z below.
    """
    zero = one - one
    if code == TANH:
        return True, one, -(one + one), one + one, one, zero, zero
    if code == SIGMOID:
        return True, zero, one, -one, zero, one, zero
    slope = one if code == IDENTITY else zero
    return False, zero, zero, zero, zero, zero, type(one)(SLOPE) if code == LEAKY_RELU else slope


@leaf(EXACT)
def activate(code, values, first, last):
    """z ↦ f(z) in place, in the rows first … last − 1."""
    zero, one = values.dtype.type(0), values.dtype.type(1)
    smooth, c, m, q, _, _, slope = curve_of(code, one)
    for row in range(first, last):
        if smooth:
            for n in range(values.shape[1]):
                values[row, n] = c + m * reciprocal(one + exponential(q * values[row, n]))
        else:
            for n in range(values.shape[1]):
                values[row, n] *= slope if values[row, n] < zero else one


@leaf(EXACT)
def times_derivative(code, deltas, delta_row, values, first, last):
    """δ ↦ δ f′(z), from a = f(z) in the rows first … last − 1 of `values`."""
    zero, one = values.dtype.type(0), values.dtype.type(1)
    smooth, _, _, _, d, e, slope = curve_of(code, one)
    for row in range(first, last):
        target = delta_row + row - first
        if smooth:
            for n in range(values.shape[1]):
                deltas[target, n] *= d + (e - values[row, n]) * values[row, n]
        else:
            for n in range(values.shape[1]):
                deltas[target, n] *= one if values[row, n] > zero else slope


@leaf(EXACT)
def weighted_sum(w, at, stride, rows, row, count, out, target):
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
def add_correlations(rows, row, count, deltas, delta, g, at, stride):
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
