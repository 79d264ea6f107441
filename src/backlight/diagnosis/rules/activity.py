"""Units that pass no gradient."""

from collections.abc import Iterator

import numpy as np

from backlight.diagnosis.finding import Evidence, Finding
from backlight.diagnosis.record import MissingError, Record

DEAD_SHARE = 0.5  # of a layer's units


def dead_units(record: Record) -> Iterator[Finding]:
    """Layers in which most units fire for no sample at the end, and some of them did at the start."""
    gated = [name for name in record.tensors("act") if record.series(name).live.shape[1]]
    if not gated:
        raise MissingError("layers of units that a gradient passes or not")
    for name in gated:
        series = record.series(name)
        died = series.live[0] & ~series.live[-1]
        share = float((~series.live[-1]).mean())
        if died.any() and share > DEAD_SHARE:
            last_fired = int(series.steps[np.flatnonzero(series.live[:, died].any(axis=1))[-1]])
            units = tuple(int(unit) for unit in np.flatnonzero(died))
            text = "share of units that fire for no sample, since this step"
            evidence = Evidence(text, share, DEAD_SHARE, "above", last_fired, name, units)
            yield Finding("dead-units", "prevents" if share == 1 else "slows", (evidence,), name.removeprefix("act/"))
