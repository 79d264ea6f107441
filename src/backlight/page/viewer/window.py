"""What a picture of runs is asked for: which runs, which steps, how many points there is room for."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from starlette.datastructures import QueryParams

from backlight.errors import SettingsError
from backlight.page.viewer.folder import RunsFolder, stamp
from backlight.recording.run import LARGEST_STEP, Run
from backlight.reports.html.several import labels

MOST_RUNS, FEWEST_POINTS, MOST_POINTS = 8, 16, 2000


@dataclass(frozen=True)
class Window:
    """Steps first … last, both included, and the points that a picture has room for."""

    first: int = 0
    last: int = LARGEST_STEP
    points: int = 400

    @classmethod
    def of(cls, query: QueryParams) -> "Window":
        """
        Raises:
            SettingsError: for what is no number, or points that are too few or too many.
        """
        first, last = whole(query, "first", 0), whole(query, "last", LARGEST_STEP)
        points = whole(query, "points", 400)
        if not FEWEST_POINTS <= points <= MOST_POINTS:
            raise SettingsError(f"points must be {FEWEST_POINTS} to {MOST_POINTS}, not {points}")
        return cls(min(first, LARGEST_STEP), min(last, LARGEST_STEP), points)

    def places(self, steps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the steps within it, and one beyond on either side, so that lines reach the picture's border."""
        low, high = np.searchsorted(steps, [self.first, self.last], "left"), len(steps)
        after = int(np.searchsorted(steps, self.last, "right"))
        return np.arange(max(int(low[0]) - 1, 0), min(after + 1, high))


def whole(query: QueryParams, name: str, otherwise: int) -> int:
    text = query.get(name, "")
    if not text:
        return otherwise
    if not (text.isdecimal() and len(text) < 20):
        raise SettingsError(f"{name} must be a whole number of at least 0, not {text!r}")
    return int(text)


@dataclass(frozen=True)
class Version:
    """A run as far as it is written now: what was made of it can be kept until the stamp is another one."""

    folder: Path
    stamp: str

    @property
    def run(self) -> Run:
        return Run.open(self.folder)


def chosen(runs: RunsFolder, query: QueryParams) -> dict[str, Version]:
    """The runs that are asked for, by the labels that tell them apart.

    Raises:
        SettingsError: for none, or too many.
        RunError: if one of them is no run in the folder.
    """
    names = list(dict.fromkeys(query.getlist("run")))
    if not 1 <= len(names) <= MOST_RUNS:
        raise SettingsError(f"choose 1 to {MOST_RUNS} runs, not {len(names)}")
    opened = [runs.open(name) for name in names]
    return {label: Version(run.folder, stamp(run.folder)) for label, run in labels(opened).items()}
