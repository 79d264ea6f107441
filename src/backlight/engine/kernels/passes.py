"""Forward and backward through a network for one block of samples, by rows or by products of matrices.

The last row of each layer's input is 1: a bias is the weight of that row, and (W, b) lie in memory as one matrix of
d_in + 1 rows.
"""

import numpy as np

from backlight.engine.kernels.arithmetic import exponential, reciprocal
from backlight.engine.kernels.codes import ACTIVATION, IDENTITY, INPUTS, OUTPUTS, ROW, WEIGHTS
from backlight.engine.kernels.compiler import EXACT, kernel, leaf
from backlight.engine.kernels.rows import activate, add_correlations, times_derivative, weighted_sum


@leaf(EXACT)
def forward_by_rows(p, plan, X, values):
    """Fills `values` (rows, B): activations of the hidden layers, each with its row of ones, then the logits."""
    for layer in range(plan.shape[0]):
        d_in, d_out, at, row = plan[layer, INPUTS], plan[layer, OUTPUTS], plan[layer, WEIGHTS], plan[layer, ROW]
        for j in range(d_out):
            if layer == 0:
                weighted_sum(p, at + j, d_out, X, 0, d_in + 1, values, row + j)
            else:
                weighted_sum(p, at + j, d_out, values, plan[layer - 1, ROW], d_in + 1, values, row + j)
        if layer < plan.shape[0] - 1:
            activate(plan[layer, ACTIVATION], values, row, row + d_out)


@leaf(EXACT)
def backward_by_rows(p, plan, X, values, deltas, g):
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
            times_derivative(plan[layer - 1, ACTIVATION], deltas, below, values, below, below + d_in)


@kernel(EXACT)
def forward_by_matrices(p, plan, X, values):
    """What `forward_by_rows` does, each layer as one product of BLAS."""
    inputs = X
    for layer in range(plan.shape[0]):
        d_in, d_out, at, row = plan[layer, INPUTS], plan[layer, OUTPUTS], plan[layer, WEIGHTS], plan[layer, ROW]
        W = p[at : at + (d_in + 1) * d_out].reshape(d_in + 1, d_out)
        np.dot(W.T, inputs, values[row : row + d_out])
        if layer < plan.shape[0] - 1:
            activate(plan[layer, ACTIVATION], values, row, row + d_out)
        inputs = values[row : row + d_out + 1]


@kernel(EXACT)
def backward_by_matrices(p, plan, X, values, deltas, g, product):
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
            times_derivative(plan[layer - 1, ACTIVATION], deltas, below, values, below, below + d_in)


@kernel(EXACT)
def forward(rule, p, plan, X, values):
    if rule.by_matrix:
        forward_by_matrices(p, plan, X, values)
    else:
        forward_by_rows(p, plan, X, values)


@leaf(EXACT)
def contrast_residuals(values, row, samples, draw, block, deltas):
    """δ = (σ(z_1 − z_0) − y) · share."""
    one, y, share = deltas.dtype.type(1), samples.y, samples.share
    for n in range(deltas.shape[1]):
        p = reciprocal(one + exponential(-values[row, n]))
        deltas[row, n] = (p - (one if y[draw, block, n] == 1 else one - one)) * share[block, n]


@leaf(EXACT)
def softmax_residuals(values, row, classes, samples, draw, block, deltas):
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
            p = deltas[k, n] * reciprocal(deltas[total, n])
            deltas[k, n] = (p - (one if y[draw, block, n] == k - row else zero)) * share[block, n]


@leaf(EXACT)
def output_residuals(rule, values, row, classes, samples, draw, block, deltas):
    """∂L/∂z_L of the mean cross-entropy; times f′(z_L) where the rule has that mistake."""
    if classes == 1:
        contrast_residuals(values, row, samples, draw, block, deltas)
        return
    softmax_residuals(values, row, classes, samples, draw, block, deltas)
    if rule.gate != IDENTITY:
        activate(rule.gate, values, row, row + classes)  # the logits themselves are no longer needed
        times_derivative(rule.gate, deltas, row, values, row, row + classes)


@leaf(EXACT)
def accumulate_by_rows(rule, p, plan, samples, draw, first, last, values, deltas, g):
    """Adds the data gradient over the blocks first … last − 1 to g."""
    row, outputs = plan[plan.shape[0] - 1, ROW], plan[plan.shape[0] - 1, OUTPUTS]
    for block in range(first, last):
        X = samples.X[draw, block]
        forward_by_rows(p, plan, X, values)
        output_residuals(rule, values, row, outputs, samples, draw, block, deltas)
        backward_by_rows(p, plan, X, values, deltas, g)


@kernel(EXACT)
def accumulate(rule, p, plan, samples, draw, first, last, values, deltas, g, product):
    """The data gradient over the blocks first … last − 1, into g."""
    for k in range(g.size):
        g[k] = 0.0
    if not rule.by_matrix:
        accumulate_by_rows(rule, p, plan, samples, draw, first, last, values, deltas, g)
        return
    row, outputs = plan[plan.shape[0] - 1, ROW], plan[plan.shape[0] - 1, OUTPUTS]
    for block in range(first, last):
        X = samples.X[draw, block]
        forward_by_matrices(p, plan, X, values)
        output_residuals(rule, values, row, outputs, samples, draw, block, deltas)
        backward_by_matrices(p, plan, X, values, deltas, g, product)
