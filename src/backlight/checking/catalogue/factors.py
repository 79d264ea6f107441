"""A number that is missing or does not belong there: 1/N, 2, −1."""

from collections.abc import Iterator

from backlight.checking.catalogue.change import Hypothesis, times, times_output, whole
from backlight.checking.reference import Pass


def scale_mistakes(run: Pass) -> Iterator[Hypothesis]:
    """1/N missing or twice: everywhere, in the data's part, in one kind of tensor, in one tensor, below a layer."""
    N = float(run.samples)
    if N == 1:
        return
    summed, twice = "summed-gradients", "averaged-twice"
    for name, c, shown in ((summed, N, "× N"), (twice, 1 / N, "÷ N")):
        yield Hypothesis(name, "every gradient", shown, whole(c))
        yield Hypothesis(name, "data part", shown, times_output(lambda r, c=c: c))
    yield Hypothesis("mean-only-in-weights", "biases", "× N", times("biases", N))
    yield Hypothesis("mean-only-in-biases", "weights", "× N", times("weights", N))
    yield Hypothesis("mean-only-in-weights", "weights", "÷ N", times("weights", 1 / N))
    yield Hypothesis("mean-only-in-biases", "biases", "÷ N", times("biases", 1 / N))
    for l in range(run.depth):
        for name, c, shown in ((summed, N, "× N"), (twice, 1 / N, "÷ N")):
            yield Hypothesis(name, f"dW{l + 1}", shown, times("weights", c, l))
            yield Hypothesis(name, f"db{l + 1}", shown, times("biases", c, l))
            yield Hypothesis(
                name, f"layer {l + 1}", shown, lambda t, c=c, l=l: times("biases", c, l)(times("weights", c, l)(t))
            )
            if l:
                yield Hypothesis(name, f"δ of layer {l}", shown, times("through", c, l))
    if run.depth > 2:
        for name, c, shown in ((summed, N, "× N"), (twice, 1 / N, "÷ N")):
            yield Hypothesis(name, "δ of every hidden layer", shown, times("through", c))


def factor_mistakes(run: Pass) -> Iterator[Hypothesis]:
    """A constant that does not belong there; others than these are found among the `open_numbers`."""
    K = float(run.outputs.shape[-1])
    factors = [
        (2.0, "× 2"),
        (0.5, "× ½"),
        *([(K, "× K"), (1 / K, "÷ K")] if K > 2 else []),
        (-1.0, "× −1"),
    ]
    for c, shown in factors:
        name = "wrong-sign" if c < 0 else "constant-factor"
        yield Hypothesis("output-sign" if c < 0 else name, "every gradient", shown, whole(c))
        if c > 0:
            yield Hypothesis(name, "data part", shown, times_output(lambda r, c=c: c))
        yield Hypothesis(name, "all dW", shown, times("weights", c))
        yield Hypothesis(name, "all db", shown, times("biases", c))
        for l in range(run.depth):
            yield Hypothesis(name, f"dW{l + 1}", shown, times("weights", c, l))
            yield Hypothesis(name, f"db{l + 1}", shown, times("biases", c, l))
            if l:
                yield Hypothesis(name, f"δ of layer {l}", shown, times("through", c, l))
        if run.depth > 2:
            yield Hypothesis(name, "δ of every hidden layer", shown, times("through", c))
