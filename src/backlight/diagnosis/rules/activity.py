"""Units that pass no gradient."""

from collections.abc import Iterator

import numpy as np

from backlight.diagnosis.course import course_of
from backlight.diagnosis.finding import Evidence, Finding
from backlight.diagnosis.record import NO_SLOPE, SATURATING, Record
from backlight.diagnosis.rules.numbers import layer_of

DEAD_SHARE = 0.5  # of a layer's units
MOSTLY = 0.9  # of them: whatever the loss says
LATE = 4  # the last quarter of the record is the end
SATURATED = 0.5  # share of units × samples


def dead_units(record: Record) -> Iterator[Finding]:
    """Layers in which most units fire for no sample at the end, and some of them did at the start.

    Units that fire seldom are not dead: all samples of the last quarter of the record are looked at together.
    """
    for name in record.gates(NO_SLOPE):
        if name == record.output:
            continue
        series = record.series(name)
        late = series.live[-max(1, len(series) // LATE) :].any(axis=0)
        died = series.live[: max(1, len(series) // LATE)].any(axis=0) & ~late
        share = float((~late).mean())
        if len(series) > 1 and died.any() and (share > MOSTLY or (share > DEAD_SHARE and course_of(record).poor)):
            last_fired = int(series.steps[np.flatnonzero(series.live[:, died].any(axis=1))[-1]])
            units = tuple(int(unit) for unit in np.flatnonzero(died))
            text = "share of units that fire for no sample, since this step"
            evidence = [Evidence(text, share, DEAD_SHARE, "above", last_fired, name, units)]
            yield Finding("dead-units", "prevents" if share == 1 else "slows", tuple(evidence), layer_of(name))


def saturated_units(record: Record) -> Iterator[Finding]:
    """Layers most of whose values lie where the activation function is flat, in a training that learnt too little."""
    for name in record.gates(SATURATING):
        if name == record.output:
            continue
        series = record.series(name)
        share = float(np.median(series.saturated_share))
        early = float(np.median(series.saturated_share[: max(1, len(series) // LATE)]))
        if share > SATURATED and early > SATURATED / 2 and course_of(record).poor:
            text = "share of units × samples at which the slope has fallen below 4 % of its largest, median over steps"
            evidence = Evidence(text, share, SATURATED, "above", int(series.steps[-1]), name)
            yield Finding("saturated-units", "prevents" if share > 0.9 else "slows", (evidence,), layer_of(name))


def saturated_later(record: Record) -> Iterator[Finding]:
    """Those that were not at the start."""
    for found in saturated_units(record):
        if float(record.series(found.evidence[0].tensor).saturated_share[0]) < SATURATED:
            yield found
