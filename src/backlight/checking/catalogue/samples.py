"""Gradients of some of the samples."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from backlight.checking.catalogue.change import Change, Hypothesis
from backlight.checking.reference import Pass, Terms
from backlight.networks.activations import Array


def of_sample(index: int, factor: float, layer: int | None = None) -> Change:
    """Every dW, or that of one layer, from one sample alone."""

    def weights(terms: Terms, run: Pass, l: int, delta: Array) -> Array:
        if layer is not None and l != layer:
            return terms.weights(run, l, delta)
        one = slice(index, index + 1 or None)
        return factor * (run.a[l][..., one, :].swapaxes(-1, -2) @ delta[..., one, :])

    return lambda terms: replace(terms, weights=lambda run, l, delta: weights(terms, run, l, delta))


def sample_mistakes(run: Pass) -> Iterator[Hypothesis]:
    if run.samples == 1:
        return
    for index, shown in ((-1, "the last sample"), (0, "the first sample")):
        for factor, times_n in ((1.0, ""), (float(run.samples), " × N")):
            yield Hypothesis("one-sample", "all dW", shown + times_n, of_sample(index, factor))
            for l in range(run.depth):
                yield Hypothesis("one-sample", f"dW{l + 1}", shown + times_n, of_sample(index, factor, l))
    for index, shown in ((-1, "the last sample"), (0, "the first sample")):
        for factor, times_n in ((1.0, ""), (float(run.samples), " × N")):
            yield Hypothesis("one-sample", "every gradient", shown + times_n, only(index, factor))
    yield Hypothesis("one-sample", "every gradient", "all but the last sample", all_but(-1))
    yield Hypothesis("one-sample", "every gradient", "all but the first sample", all_but(0))


def only(index: int, factor: float) -> Change:
    def output(run: Pass, terms: Terms, before: Callable[[Pass, Terms], Array]) -> Array:
        mask = np.zeros((run.samples, 1))
        mask[index] = factor
        return before(run, terms) * mask

    return lambda terms: replace(terms, output=lambda run, inner: output(run, inner, terms.output))


def all_but(index: int) -> Change:
    def output(run: Pass, terms: Terms, before: Callable[[Pass, Terms], Array]) -> Array:
        mask = np.ones((run.samples, 1))
        mask[index] = 0.0
        return before(run, terms) * mask

    return lambda terms: replace(terms, output=lambda run, inner: output(run, inner, terms.output))
