"""Curves over the steps as documents: recorded scalars, and what is derived from tensors; of one run or of several."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backlight.diagnosis.record import Record
from backlight.page.viewer.thinning import thinned
from backlight.page.viewer.window import Version, Window
from backlight.reports.html.axes import Kind
from backlight.reports.html.curves import MOST_PICTURES, TOGETHER
from backlight.reports.html.inside import norms, ratios
from backlight.reports.html.lines import Line, said

Known = dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]


@dataclass(frozen=True)
class Topic:
    """Curves that share a picture.

    Attributes:
        limits: of the values, where they are known beforehand.
    """

    title: str
    kind: Kind = "linear"
    limits: tuple[float, float] | None = None
    curves: Known = field(default_factory=dict)


@lru_cache(maxsize=4)
def scalars(version: Version) -> tuple[Topic, ...]:
    run = version.run
    topics: dict[tuple[str, Kind], Topic] = {}
    for name in run.scalar_names():
        word = next((word for word in TOGETHER if word in name.lower()), "")
        key = TOGETHER.get(word, (name, "linear"))
        topics.setdefault(key, Topic(*key)).curves[name] = run.scalar(name)
    first = [topics[key] for key in TOGETHER.values() if key in topics]
    return tuple(first + [topic for topic in topics.values() if topic not in first])


@lru_cache(maxsize=4)
def health(version: Version) -> tuple[Topic, ...]:
    """Dead and saturated units, how far updates go, how large gradients are."""
    record = Record(version.run)
    series = {name: record.series(name) for name in record.run.tensors_with_units() if name.startswith("act/")}
    gated = {name: each for name, each in series.items() if each.live.shape[1]}
    topics = (
        Topic("share of dead units", "linear", (0, 1), {n: (each.steps, each.dead_share) for n, each in gated.items()}),
        Topic(
            "share of saturated values", "linear", (0, 1),
            {n: (each.steps, each.saturated_share) for n, each in gated.items()},
        ),
        Topic("‖update‖ / ‖weights‖ (0.001 is usual)", "log", None, ratios(record)),
        Topic("‖gradient‖", "log", None, norms(record)),
    )  # fmt: skip
    return tuple(topic for topic in topics if topic.curves)


def pictures(found: Mapping[str, tuple[Topic, ...]], window: Window) -> list[dict[str, Any]]:
    """A picture a topic, with the curves of every run; `found` by the runs' labels."""
    titles: dict[str, Topic] = {}
    lines: dict[str, list[dict[str, Any]]] = {}
    for number, (label, topics) in enumerate(found.items()):
        for topic in topics:
            titles.setdefault(topic.title, topic)
            for name, (steps, values) in topic.curves.items():
                shown = f"{label} {name}" if len(found) > 1 else name
                lines.setdefault(topic.title, []).append(line(shown, number, steps, values, window))
    shown_first = list(titles.values())[:MOST_PICTURES]
    return [
        {"title": topic.title, "kind": topic.kind, "limits": topic.limits, "lines": lines[topic.title]}
        for topic in shown_first
    ]


def line(label: str, run: int, steps: NDArray[np.int64], values: NDArray[np.float64], window: Window) -> dict[str, Any]:
    """`run` is the number of the run among those shown."""
    places = window.places(steps)
    steps, values = steps[places], values[places]
    words = said(Line(label, steps, values)) if len(steps) else f"{label}: nothing recorded at these steps"
    return {"label": label, "run": run, "count": len(steps), "words": words,
            **asdict(thinned(steps, values, window.points))}  # fmt: skip
