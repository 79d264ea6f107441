"""Curves over the steps as documents: recorded scalars, and what is derived from tensors; of one run or of several."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backlight.diagnosis.record import Record
from backlight.page.viewer.thinning import thinned
from backlight.page.viewer.window import Version, Window
from backlight.reports.html.curves import MOST_PICTURES
from backlight.reports.html.lines import Line, said
from backlight.reports.html.topics import Topic, health_topics, scalar_topics


@lru_cache(maxsize=4)
def scalars(version: Version) -> tuple[Topic, ...]:
    return tuple(scalar_topics(version.run))


@lru_cache(maxsize=4)
def health(version: Version) -> tuple[Topic, ...]:
    return tuple(health_topics(Record(version.run)))


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
