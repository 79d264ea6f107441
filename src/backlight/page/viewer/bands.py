"""How a tensor's values are distributed, over as many stretches of steps as a picture is wide; nothing is cut off."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from backlight.page.viewer.window import Version, Window
from backlight.reports.html.bands import SHARES, Limits, said

COLUMNS = ("steps", "count", "nan", "zeros", "minimum", "maximum", "mean", "deviation")


@dataclass(frozen=True)
class Stretches:
    """A tensor's summaries merged into few.

    Attributes:
        recorded: how many there were.
        last_step: the last step recorded.
        columns: by name, a list over the stretches; `quantiles` has one for each of SHARES, `infinite` counts ±∞.
        middle: of each stretch the largest |value| of the middle 90 %.
        words: what the picture shows.
    """

    recorded: int
    last_step: int
    columns: dict[str, Any]
    middle: tuple[float, ...]
    words: str


@lru_cache(maxsize=1000)
def stretches(version: Version, tensor: str, window: Window) -> Stretches:
    series = version.run.series(tensor, window.first, window.last)
    if not len(series):
        return Stretches(0, -1, {}, (), "nothing recorded at these steps")
    merged = series.merged(window.points)
    quantiles = merged.quantiles(SHARES)
    columns = {name: getattr(merged, name).tolist() for name in COLUMNS}
    columns["infinite"] = (merged.count - merged.finite - merged.nan).tolist()
    columns["quantiles"] = quantiles.T.tolist()
    middle = np.abs(quantiles[:, [0, -1]]).max(axis=1)
    words = said(series, Limits(np.nan, np.nan)) or "no finite value"
    return Stretches(len(series), series.last_step, columns, tuple(middle.tolist()), words)


def band_picture(versions: Mapping[str, Version], tensor: str, window: Window) -> dict[str, Any]:
    """The tensor in each run that has it, all to one scale."""
    found = {label: stretches(version, tensor, window) for label, version in versions.items()}
    limits = limits_of(found.values())
    shown = {label: each for label, each in found.items() if each.recorded}
    return {
        "tensor": tensor,
        "limits": {"low": limits.low, "high": limits.high, "unit": limits.unit},
        "runs": [
            {
                "label": label,
                "recorded": each.recorded,
                "last_step": each.last_step,
                "words": each.words,
                **each.columns,
            }
            for label, each in shown.items()
        ],
    }


def limits_of(found: Any) -> Limits:
    """As the report's."""
    low = [value for each in found for value in each.columns.get("minimum", ()) if value == value]
    high = [value for each in found for value in each.columns.get("maximum", ()) if value == value]
    if not low:
        return Limits(np.nan, np.nan)
    return Limits.of(min(low), max(high), float(np.nanmedian([value for each in found for value in each.middle])))
