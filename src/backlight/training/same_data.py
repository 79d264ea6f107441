"""data.json: checksums of the data that a run began with, where they come from files: a resumed run keeps its data."""

import os
from collections.abc import Mapping
from pathlib import Path
from zlib import crc32

import numpy as np

from backlight.data.dataset import Dataset
from backlight.data.points import SHAPES
from backlight.errors import RunError
from backlight.recording.seals import read_json, write_json

FILE = "data.json"


def check_same_data(folder: Path, checksums: Mapping[str, str]) -> None:
    """Writes them beside a run that begins, and holds them against what is there of one that goes on.

    Raises:
        RunError: if the data are no longer those that the run began with, or the file is damaged.
    """
    path = folder / FILE
    if not os.path.lexists(path):
        write_json(path, "data", checksums)
        return
    changed = [name for name, checksum in checksums.items() if read_json(path, "data", False).get(name) != checksum]
    if changed:
        raise RunError(f"{folder}: {', '.join(changed)} changed since this run began; begin it anew")


def checksums_of(data: Dataset) -> dict[str, str]:
    """By the name of the data set; none for generated points."""
    if data.name in SHAPES:
        return {}
    total = 0
    for samples in (data.train, data.test):
        for array in (samples.X, samples.y):
            total = crc32(np.ascontiguousarray(array).data, total)
    return {data.name: f"{total:08x}"}
