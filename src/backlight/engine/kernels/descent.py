"""The mathematics of `networks`, compiled: a network from its first step to its last, then the next one.

A unit's values are a contiguous row over the samples, so every inner loop runs over samples and becomes vector
instructions; the rows of one block of samples stay in the processor's first caches.

With two classes only the difference of the logits matters: its gradient at one logit is minus that at the other.
A network of two classes is therefore trained through a single output, the contrast w_1 − w_0, exactly.

Only `train_networks` and `network_logits` are called from Python, and kept on disk with all that they call. Numba
takes them as outdated when *this* file changes; REVISION makes it change with its neighbours, and a test says so.
"""

import numpy as np

from backlight.engine.kernels.arithmetic import atomic_load, atomic_store, let_others_run
from backlight.engine.kernels.codes import GRADIENT_DESCENT, INPUTS, MOMENTUM, OUTPUTS, ROW, WEIGHTS
from backlight.engine.kernels.compiler import EXACT, entry, kernel, leaf
from backlight.engine.kernels.looks import measure
from backlight.engine.kernels.passes import accumulate, forward

REVISION = "7527b78f2d9d"
BETA1, BETA2, EPSILON, FRICTION = 0.9, 0.999, 1e-8, 0.9  # training.optimizers
PATIENCE = 5000  # looks at another lane, some microseconds, before the thread is given away


@leaf(EXACT)
def add_penalty(p, g, plan, l2):
    """g += λ W; biases are free."""
    for layer in range(plan.shape[0]):
        at = plan[layer, WEIGHTS]
        for k in range(at, at + plan[layer, INPUTS] * plan[layer, OUTPUTS]):
            g[k] += l2 * p[k]


@leaf(EXACT)
def update(optimizer, p, g, state, size, rate, step):
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


@kernel(EXACT)
def workspace(plan, samples, kind):
    """Values, whose rows of ones stay ones, and deltas of a block of `samples`."""
    rows = plan[plan.shape[0] - 1, ROW] + plan[plan.shape[0] - 1, OUTPUTS] + 2
    return np.ones((rows, samples.X.shape[3]), kind), np.empty((rows, samples.X.shape[3]), kind)


@leaf(EXACT)
def stretch(segment, segments, blocks):
    return segment * blocks // segments, (segment + 1) * blocks // segments


@leaf(EXACT)
def gather(samples, draw, indices, batch, first, last):
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
def add_up(partial, parity, g):
    """g = Σ of the segments' gradients, in their order whoever computed them."""
    for k in range(g.size):
        g[k] = partial[parity, 0, k]
    for segment in range(1, partial.shape[1]):
        for k in range(g.size):
            g[k] += partial[parity, segment, k]


@leaf(EXACT)
def contrast(p, plan, size):
    """Writes w_1 − w_0 of the output layer behind the `size` parameters proper, where a plan of one output has it."""
    if plan[plan.shape[0] - 1, OUTPUTS] == 1:
        real = size - 2 * (plan[plan.shape[0] - 1, INPUTS] + 1)
        for i in range(plan[plan.shape[0] - 1, INPUTS] + 1):
            p[size + i] = p[real + 2 * i + 1] - p[real + 2 * i]


@leaf(EXACT)
def spread(g, plan, size):
    """The gradient of the contrast as that of the two columns: −g and g."""
    if plan[plan.shape[0] - 1, OUTPUTS] == 1:
        real = size - 2 * (plan[plan.shape[0] - 1, INPUTS] + 1)
        for i in range(plan[plan.shape[0] - 1, INPUTS] + 1):
            g[real + 2 * i] = -g[size + i]
            g[real + 2 * i + 1] = g[size + i]


@leaf(EXACT)
def meet(lanes, stop, lane, tick):
    """Waits until every lane has come to `tick`; False if all are to stop.

    Ticks only ever grow. Who has waited long lets other threads run: there may be fewer cores than lanes.
    """
    atomic_store(lanes.arrived, lane, tick)
    for other in range(lanes.arrived.size):
        spins = 0
        while atomic_load(lanes.arrived, other) < tick:
            if atomic_load(stop, 0):
                return False
            spins += 1
            if spins > PATIENCE:
                let_others_run()
    return True


@entry
def train_networks(rule, plan, whole, networks, train, test, batch, orders, watch, lanes, lane, span):
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
    first_epoch, tick = span[0] // per_epoch, atomic_load(lanes.arrived, lane)
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
                    lanes.partial[tick % 2, segment] = g
            if segments > 1:
                tick += 1
                if not meet(lanes, watch.stop, lane, tick):
                    break
                add_up(lanes.partial, (tick - 1) % 2, g)
            spread(g, plan, size)
            if l2 > 0:
                add_penalty(p, g, whole, l2)
            update(rule.optimizer, p, g, state, size, rate, step + 1)
            if lane == 0:
                atomic_store(watch.done, s, step + 1)
        if lane == 0:
            networks.parameters[s] = p[:size]
            networks.state[s] = state
        tick += 1  # nobody reads them before they are written
        if not meet(lanes, watch.stop, lane, tick):
            break


@entry
def network_logits(rule, whole, parameters, draw, samples, out):
    """Logits of every network on its draw of `samples`, into out (S, K, blocks · B)."""
    row, classes = whole[-1, ROW], whole[-1, OUTPUTS]
    width = samples.X.shape[3]
    values = np.ones((row + classes + 2, width), parameters.dtype)
    for s in range(parameters.shape[0]):
        for block in range(samples.X.shape[1]):
            forward(rule, parameters[s], whole, samples.X[draw[s], block], values)
            out[s, :, block * width : (block + 1) * width] = values[row : row + classes]
