"""Values that are no numbers, and where they come from."""

from collections.abc import Iterator

import numpy as np

from backlight.diagnosis.finding import Evidence, Finding, Severity
from backlight.diagnosis.record import MissingError, Record

GROWN = 1e3  # times the largest value at first: an overflow is then the end of a growth, not an accident
FLUNG = 1.0  # update by parameter: a step as long as the weights themselves


def nonfinite_values(record: Record) -> Iterator[Finding]:
    """The first tensor with NaN or infinity in the order in which a step computes them, and its range just before.

    Where the activations of that step were not recorded, no layer is named. A note where the values had grown
    beforehand: the growth is then what has to be explained.
    """
    found = record.run.first_nonfinite()
    severity: Severity = "note" if growth(record) else "prevents"
    if found:
        first = found[0]
        text = "values that are NaN or infinite, of " + str(first.count)
        evidence = [Evidence(text, first.nan + first.infinite, 0, "above", first.step, first.name)]
        series = record.series(first.name)
        before = np.flatnonzero(series.steps < first.step)
        if len(before):
            last = before[-1]
            largest = max(abs(series.minimum[last]), abs(series.maximum[last]))
            start = max(abs(series.minimum[0]), abs(series.maximum[0]))
            words = "its largest |value| when last recorded before, beside that at the start"
            evidence.append(Evidence(words, float(largest), float(start), "above", int(series.steps[last]), first.name))
        seen = any(first.step in record.series(name).steps for name in record.names if name.startswith("act/"))
        yield Finding("nonfinite-values", severity, tuple(evidence), layer_of(first.name) if seen else "")
        return
    for name in record.run.scalar_names():
        steps, values = record.curve(name)
        bad = np.flatnonzero(~np.isfinite(values))
        if "loss" in name and len(bad):
            text = f"values of {name} that are not finite"
            evidence = [Evidence(text, len(bad), 0, "above", int(steps[bad[0]]))]
            yield Finding("nonfinite-values", severity, tuple(evidence))
            return


def growth(record: Record) -> Evidence | None:
    """What speaks for values that grew until they overflowed, or a loss until it did; None if nothing does."""
    end = overflow_step(record)
    if end is None:
        return None
    try:
        curves = record.update_ratios()
        outputs = [record.output, *(f"param/{name}" for name in record.weights)]
    except MissingError:
        return None
    for name, (steps, ratios) in curves.items():
        large = np.flatnonzero((steps <= end) & (ratios > FLUNG))
        if len(large):
            text = "‖update‖ / ‖weights‖ in a step"
            return Evidence(text, float(ratios[large[0]]), FLUNG, "above", int(steps[large[0]]), f"update/{name}")
    for name in outputs:
        series = record.series(name)
        largest = np.fmax(np.abs(series.minimum), np.abs(series.maximum))[series.steps <= end]
        largest = largest[np.isfinite(largest)]
        if len(largest) and largest.max() > GROWN * largest[0] > 0:
            text = "largest |value| before the overflow, by that at the start"
            return Evidence(text, float(largest.max() / largest[0]), GROWN, "above", int(end), name)
    return None


def overflow_step(record: Record) -> int | None:
    """The step of the first tensor or loss that is not finite, or at which the training gave up for that."""
    found, ending = record.run.first_nonfinite(), record.run.ending()
    if found:
        return found[0].step
    if ending is not None and ending.kind == "diverged":
        return ending.step
    try:
        steps, loss = record.loss
    except MissingError:
        return None
    return int(steps[~np.isfinite(loss)][0]) if not np.isfinite(loss).all() else None


def layer_of(tensor: str) -> str:
    """The layer's part of a tensor's name.

    >>> layer_of("grad/conv1.weight"), layer_of("act/relu(fc1)"), layer_of("act/z3"), layer_of("grad/cell.bias_hh_l0")
    ('conv1', 'fc1', '3', 'cell')
    """
    name = tensor.partition("/")[2]
    inner = name.partition("(")[2].rstrip(")") or name
    if inner[:1] in "Wbzap" and inner[1:].isdigit():
        return inner[1:]
    module, _, own = inner.rpartition(".")
    return module if own.startswith(("weight", "bias")) and module else inner
