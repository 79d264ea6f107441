"""Where two runs part: the first record in which they differ, and what else differs between them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from backlight.errors import SettingsError
from backlight.recording.comparison import Comparison, Difference, Pairs, Parting, Ranges, Unshared, earliest
from backlight.recording.histogram import CELLS, Counts, cell_edges, decode, in_order_of_value
from backlight.recording.run import Run, in_order_of_training
from backlight.recording.series import NUMBERS, SummarySeries
from backlight.recording.tensor_summary import Live

COUNTED = ("count", "nan", "positive_infinity", "negative_infinity")  # exact, whatever the tolerance
TO_THE_BIT = ("mean", "variance", "minimum", "maximum", "zeros", "passing")
TOLERANT = ("mean", "deviation", "minimum", "maximum")
ROUNDING = 0.01  # of norms in bfloat16, or of very many values in float32

Numbers: TypeAlias = NDArray[np.number[Any]]
Mask: TypeAlias = NDArray[np.bool_]


def compare(a: Run, b: Run, tolerance: float = 0.0) -> Comparison:
    """What differs between the records of two runs, over tensors and steps that both have.

    Args:
        tolerance: 0 asks for records that are equal to the bit. Above it, x and y are taken for the same if
            |x − y| ≤ tolerance · max(|x|, |y|): mean, deviation, minimum and maximum, norms and scalars. The numbers
            of values, of NaN and of infinities stay exact; the rest is not looked at. NaN equals NaN.

    Raises:
        SettingsError: for a tolerance that is below 0 or not finite.
        RunError: if one of the runs cannot be read.
    """
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise SettingsError(f"tolerance must be a number of at least 0, such as 0.01, not {tolerance}")
    in_a, in_b = a.tensor_order(), b.tensor_order()
    compared, tensors, norms, unshared = 0, [], [], []
    for name in in_order_of_training([name for name in in_a if name in set(in_b)]):
        series_a, series_b = a.series(name), b.series(name)
        unshared.append(unshared_steps(series_a, series_b))
        if name.startswith(("param/", "grad/")):
            norms.append(norm_parting(a, b, series_a, series_b, tolerance))
        series_a, series_b = at_shared_steps(series_a, series_b)
        compared += len(series_a)
        tensors.append(tensor_parting(series_a, series_b, tolerance))
    return Comparison(
        str(a.folder),
        str(b.folder),
        tolerance,
        compared,
        in_order_of_step(tensors),
        earliest(in_order_of_step(norms)),
        in_order_of_step([scalar_parting(a, b, name, tolerance) for name in a.scalar_names()]),
        differing(settings_of(a), settings_of(b)),
        differing(environment_of(a), environment_of(b)),
        tuple(name for name in in_order_of_training(in_a) if name not in in_b),
        tuple(name for name in in_order_of_training(in_b) if name not in in_a),
        tuple(each for each in unshared if each.a or each.b),
    )


def in_order_of_step(found: Sequence[Parting | None]) -> tuple[Parting, ...]:
    """Without None; within a step the order stays."""
    return tuple(sorted((each for each in found if each), key=lambda each: each.step))


# --- records ---------------------------------------------------------------------------------------------------------


def differs(x: Numbers, y: Numbers, tolerance: float) -> Mask:
    x, y = x.astype(np.float64), y.astype(np.float64)
    same: Mask = (x == y) | (np.isnan(x) & np.isnan(y))
    if tolerance:
        with np.errstate(over="ignore", invalid="ignore"):
            near = np.abs(x - y) <= tolerance * np.maximum(np.abs(x), np.abs(y))
        same |= near & np.isfinite(x) & np.isfinite(y)
    return ~same


def first_parting(
    name: str, steps: Counts, masks: Mapping[str, Mask], difference: Callable[[str, int], Difference]
) -> Parting | None:
    """The first step at which one of the masks holds; `difference(field, place)` says what differs there."""
    anywhere = np.flatnonzero(np.logical_or.reduce(list(masks.values())))
    if not len(anywhere):
        return None
    at = int(anywhere[0])
    return Parting(int(steps[at]), name, tuple(difference(field, at) for field, mask in masks.items() if mask[at]))


def at_shared_steps(a: SummarySeries, b: SummarySeries) -> tuple[SummarySeries, SummarySeries]:
    """Both series at the steps that both have."""
    _, at_a, at_b = np.intersect1d(a.steps, b.steps, assume_unique=True, return_indices=True)
    return at_places(a, at_a), at_places(b, at_b)


def at_places(series: SummarySeries, places: Counts) -> SummarySeries:
    return replace(
        series,
        **{field: getattr(series, field)[places] for field in ("steps", *NUMBERS, "live")},
        histograms=[series.histograms[place] for place in places.tolist()],
        stretch=np.arange(len(places)),
    )


def tensor_parting(a: SummarySeries, b: SummarySeries, tolerance: float) -> Parting | None:
    """Of two series with the same steps."""
    masks = {field: differs(getattr(a, field), getattr(b, field), 0.0) for field in COUNTED}
    for field in TOLERANT if tolerance else TO_THE_BIT:
        masks[field] = differs(getattr(a, field), getattr(b, field), tolerance)
    if not tolerance:
        same_units = a.live.shape == b.live.shape
        masks["live"] = (a.live != b.live).any(axis=1) if same_units else np.ones(len(a), np.bool_)
        unequal = (x != y for x, y in zip(a.histograms, b.histograms, strict=True))
        masks["histogram"] = np.fromiter(unequal, np.bool_, len(a))

    def difference(field: str, at: int) -> Difference:
        if field == "histogram":
            return cell_difference(a.histograms[at], b.histograms[at])
        if field == "live":
            return unit_difference(a.live[at], b.live[at])
        return Difference(field, getattr(a, field)[at].item(), getattr(b, field)[at].item())

    return first_parting(a.name, a.steps, masks, difference)


def cell_difference(a: bytes, b: bytes) -> Difference:
    """The cell of the lowest values in which two different histograms differ."""
    counts = np.zeros((2, CELLS), np.int64)
    for row, histogram in zip(counts, (a, b), strict=True):
        cells, numbers = decode(histogram)
        row[cells] = numbers
    unequal = np.flatnonzero(counts[0] != counts[1])
    cell = unequal[np.argmin(in_order_of_value(unequal))]
    left, right = cell_edges(np.array([cell]))
    where = f"values from {left[0]:g} to {right[0]:g}"
    return Difference("histogram", int(counts[0, cell]), int(counts[1, cell]), where)


def unit_difference(a: Live, b: Live) -> Difference:
    """The first unit that passed a gradient in one run only, or how many units either had."""
    if len(a) != len(b):
        return Difference("units", len(a), len(b))
    unit = int(np.flatnonzero(a != b)[0])
    return Difference("live", int(a[unit]), int(b[unit]), f"unit {unit}")


def norm_parting(a: Run, b: Run, series_a: SummarySeries, series_b: SummarySeries, tolerance: float) -> Parting | None:
    """The norm of a recorded step follows from its summary, that of any other from an arithmetic that rounds otherwise.

    So at steps that only one of the runs recorded, they are compared roughly; NaN and infinity tell there as anywhere.
    """
    (steps_a, norms_a), (steps_b, norms_b) = a.norms(series_a.name), b.norms(series_b.name)
    steps, at_a, at_b = np.intersect1d(steps_a, steps_b, assume_unique=True, return_indices=True)
    x, y = norms_a[at_a], norms_b[at_b]
    alike = np.isin(steps, series_a.steps) == np.isin(steps, series_b.steps)
    mask = np.where(alike, differs(x, y, tolerance), differs(x, y, max(tolerance, ROUNDING)))
    return value_parting(series_a.name, "norm", steps, x, y, mask)


def scalar_parting(a: Run, b: Run, name: str, tolerance: float) -> Parting | None:
    (steps_a, values_a), (steps_b, values_b) = a.scalar(name), b.scalar(name)
    steps, at_a, at_b = np.intersect1d(steps_a, steps_b, assume_unique=True, return_indices=True)
    x, y = values_a[at_a], values_b[at_b]
    return value_parting(name, "value", steps, x, y, differs(x, y, tolerance))


def value_parting(name: str, field: str, steps: Counts, x: Numbers, y: Numbers, mask: Mask) -> Parting | None:
    return first_parting(name, steps, {field: mask}, lambda field, at: Difference(field, float(x[at]), float(y[at])))


def unshared_steps(a: SummarySeries, b: SummarySeries) -> Unshared:
    either = np.union1d(a.steps, b.steps)
    only_a, only_b = np.setdiff1d(a.steps, b.steps, True), np.setdiff1d(b.steps, a.steps, True)
    return Unshared(a.name, ranges(only_a, either), ranges(only_b, either))


def ranges(steps: Counts, among: Counts) -> Ranges:
    """(first, last) of stretches of `steps` that follow one another in `among`.

    >>> ranges(np.array([20, 30, 50]), np.array([10, 20, 30, 40, 50]))
    ((20, 30), (50, 50))
    """
    if not len(steps):
        return ()
    gaps = np.flatnonzero(np.diff(np.searchsorted(among, steps)) > 1) + 1
    return tuple((int(part[0]), int(part[-1])) for part in np.split(steps, gaps))


# --- settings and environment ----------------------------------------------------------------------------------------


def settings_of(run: Run) -> dict[str, Any]:
    return {"command": " ".join(run.command), **run.settings}


def environment_of(run: Run) -> dict[str, Any]:
    """Machine and versions in one dictionary."""
    environment = run.environment
    versions: dict[str, Any] = environment.pop("versions", {})
    return versions | environment


def differing(a: Mapping[str, Any], b: Mapping[str, Any]) -> Pairs:
    return {name: (a.get(name), b.get(name)) for name in dict.fromkeys([*a, *b]) if a.get(name) != b.get(name)}
