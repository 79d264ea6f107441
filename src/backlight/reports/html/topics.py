"""Curves that share a picture: recorded scalars by what they measure, and what tells of the network's health."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from backlight.diagnosis.record import MissingError, Record
from backlight.recording.run import Run
from backlight.recording.series import SummarySeries
from backlight.reports.html.axes import Kind, Values

Curves = dict[str, tuple[NDArray[np.int64], Values]]
TOGETHER: dict[str, tuple[str, Kind]] = {  # scalars whose names have the word share a picture
    "loss": ("loss", "log"),
    "acc": ("accuracy", "linear"),
    "error": ("error", "linear"),
}
DEAD, SATURATED = "share of dead units", "share of saturated values"


@dataclass(frozen=True)
class Topic:
    """Curves, by their names, that share a picture.

    Attributes:
        limits: of the values, where they are known beforehand.
    """

    title: str
    kind: Kind = "linear"
    limits: tuple[float, float] | None = None
    curves: Curves = field(default_factory=dict)


def scalar_topics(run: Run) -> list[Topic]:
    """All recorded scalars, those first that every training has."""
    found: dict[str, Topic] = {}
    for name in run.scalar_names():
        word = next((word for word in TOGETHER if word in name.lower()), "")
        title, kind = TOGETHER.get(word, (name, "linear"))
        found.setdefault(title, Topic(title, kind)).curves[name] = run.scalar(name)
    return [found[title] for title in usual_first(found)]


def usual_first(titles: Iterable[str]) -> list[str]:
    """Each once, those that every training has before the others."""
    kept = dict.fromkeys(titles)
    usual = [title for title, _ in TOGETHER.values() if title in kept]
    return [*usual, *(title for title in kept if title not in usual)]


def health_topics(record: Record) -> list[Topic]:
    """Dead and saturated units, how far updates go, how large gradients are; what is not recorded is left out."""
    series = {name: record.series(name) for name in record.run.tensors_with_units() if name.startswith("act/")}
    gated = {name: each for name, each in series.items() if each.live.shape[1]}
    dead: Curves = {name: (each.steps, each.dead_share) for name, each in gated.items()}
    saturated: Curves = {name: (each.steps, each.saturated_share) for name, each in gated.items()}
    topics = (
        Topic(DEAD, "linear", (0, 1), dead),
        Topic(SATURATED, "linear", (0, 1), saturated),
        Topic("‖update‖ / ‖weights‖ (0.001 is usual)", "log", None, ratios(record)),
        Topic("‖gradient‖", "log", None, norms(record)),
    )
    return [topic for topic in topics if topic.curves]


def ratios(record: Record) -> Curves:
    try:
        return dict(record.update_ratios())
    except MissingError:
        return {}


def norms(record: Record) -> Curves:
    """Of every step where they are known, or else of the recorded ones."""
    found: Curves = {}
    for name in record.names:
        if name.startswith("grad/"):
            steps, values = record.run.norms(name)
            series = record.series(name)
            found[name] = (steps, values.astype(np.float64)) if len(steps) else (series.steps, unhidden(series))
    return found


def unhidden(series: SummarySeries) -> Values:
    """Norms, NaN where a value is not finite: of the others alone they would look healthy."""
    return np.where(series.finite < series.count, np.nan, series.norm)
