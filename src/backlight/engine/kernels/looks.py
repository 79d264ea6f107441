"""What is seen in a network when it is looked at; once in a while, so not in a hurry."""

import numpy as np

from backlight.engine.kernels.codes import (
    ACTIVATION,
    DEAD_LAYER,
    LEAKY_RELU,
    LOSS,
    NO_POSITIVE_LOGIT,
    OUTPUTS,
    RELU,
    ROW,
    SATURATED,
    SIGMOID,
    SILENT,
    TANH,
    TEST_ACCURACY,
    TRAIN_ACCURACY,
    ZERO_GRADIENT,
)
from backlight.engine.kernels.compiler import EXACT, kernel, leaf
from backlight.engine.kernels.passes import accumulate, forward

SATURATED_TANH = 0.98  # |tanh(z/2)| > 0.98 where the sigmoid of z lies outside [0.01, 0.99]


@leaf(EXACT)
def count_correct(values, row, classes, samples, draw, block):
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
def cross_entropy(values, row, classes, samples, draw, block):
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
def watch_units(plan, values, highest, count):
    """Raises `highest` (rows,) to each hidden unit's largest |a| (largest a for leaky_relu); saturated values."""
    saturated = 0
    for layer in range(plan.shape[0] - 1):
        code = plan[layer, ACTIVATION]
        saturates = code in (TANH, SIGMOID)
        low, high = (-SATURATED_TANH, SATURATED_TANH) if code == TANH else (0.01, 0.99)
        for row in range(plan[layer, ROW], plan[layer, ROW] + plan[layer, OUTPUTS]):
            for n in range(count):
                a = values[row, n]
                size = a if code == LEAKY_RELU else abs(a)
                highest[row] = size if size > highest[row] else highest[row]
                saturated += saturates and (a < low or a > high)
    return saturated


@kernel(EXACT)
def measure(rule, p, plan, train, test, draw, work, out):
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
        saturated += watch_units(plan, values, highest, count)
    if not np.isfinite(loss):
        out[:] = np.nan
        return
    for block in range(test.share.shape[0]):
        forward(rule, p, plan, test.X[draw, block], test_values)
        hits, count = count_correct(test_values, row, classes, test, draw, block)
        test_correct += hits
        test_seen += count
    units = silent = 0
    dead_layer = False
    for layer in range(last):
        quiet = all_zero = 0
        rectifies = plan[layer, ACTIVATION] in (RELU, LEAKY_RELU)
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
