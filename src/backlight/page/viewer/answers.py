"""What the saved network says: the plane of points divided into classes, and of digits the right and wrong answers."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backlight.errors import BacklightError
from backlight.page.viewer.window import Version
from backlight.recording.lock import is_written
from backlight.reports.html.boundary import (
    COLOURS,
    MOST_POINTS,
    SECONDS,
    Moment,
    checked,
    frame_of,
    moment,
    plain,
    shades,
    steps_shown,
    words,
)
from backlight.reports.html.png import data_uri
from backlight.reports.html.predictions import MOST_IMAGES, answers_of, confusion_words, stored_confusion
from backlight.training.replay import replay, saved_step
from backlight.training.train_mlp import load_network

UNREADABLE = (BacklightError, OSError, ValueError, KeyError)  # a run folder may come from anybody
AGAIN = "The steps before the last are trained once more from the settings, to the same weights in the end."
ALONE = "Only the last saved weights are known: training once more took too long or ended elsewhere."


def boundary(version: Version) -> dict[str, Any]:
    """Pictures of the plane at several steps, the last of the saved weights; of a run being trained only that one."""
    return boundary_of(weights(version), bool(is_written(version.folder)))


def answers(version: Version) -> dict[str, Any]:
    """The confusion matrix and the images that the network is most wrong about; what cannot be shown is said."""
    return answers_of_weights(weights(version))


def weights(version: Version) -> Version:
    """The run as far as its weights are saved, which happens less often than something is recorded."""
    files = sorted((version.folder / "checkpoints").glob("*.safetensors"))
    return Version(version.folder, " ".join(f"{file.name}.{file.stat().st_mtime_ns:x}" for file in files))


@lru_cache(maxsize=8)
def boundary_of(version: Version, written: bool) -> dict[str, Any]:
    run = version.run
    try:
        points = checked(run.snapshot("train_points"))
        step, network = saved_step(run), load_network(run)[0]
    except UNREADABLE as error:
        return {"error": f"It cannot be drawn, since weights or points cannot be read: {error}"}
    frame = frame_of(points)
    moments = [] if written else replay(run, steps_shown(step), SECONDS)
    remark = "The last saved weights, a few seconds old." if written else AGAIN if moments else ALONE
    drawn = [moment(at, each, frame, points) for at, each in moments or [(step, network)]]
    labels = points[:, 2].astype(int)
    few = np.unique(np.linspace(0, len(points) - 1, MOST_POINTS).astype(int))
    return {
        "x": [float(frame.x.low), float(frame.x.high)],
        "y": [float(frame.y.low), float(frame.y.high)],
        "colours": COLOURS.astype(int).tolist(),
        "points": points[few].tolist(),
        "probabilities": drawn[-1].points[few].tolist(),
        "shown": "" if len(few) == len(points) else f"{len(few)} of {len(points):,} training points are drawn.",
        "moments": [at_step(each, labels) for each in drawn],
        "remark": remark,
    }


def at_step(each: Moment, labels: NDArray[np.int64]) -> dict[str, Any]:
    return {
        "step": each.step,
        "image": data_uri(shades(each.plane)),
        "words": f"{words(each, labels)}. {plain(each)}",
    }


@lru_cache(maxsize=8)
def answers_of_weights(version: Version) -> dict[str, Any]:
    run = version.run
    try:
        found = answers_of(run)
    except UNREADABLE as error:
        counts = stored_confusion(run)
        shown = {} if counts is None else confusion(counts)
        return {**shown, "error": f"The most wrong images cannot be shown: {error}"}
    broken = not np.isfinite(found.probabilities).all()
    wrong = [
        {"image": data_uri(found.images[at]), "words": found.words(at)} for at in found.wrong[:MOST_IMAGES].tolist()
    ]
    return {**confusion(found.confusion), "wrong": wrong, "broken": broken}


def confusion(counts: NDArray[np.int64]) -> dict[str, Any]:
    return {"confusion": counts.tolist(), "words": confusion_words(counts)}
