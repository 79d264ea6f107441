"""Arrays on disk that can be loaded without executing anything: safetensors, written atomically."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backlight.errors import RunError
from backlight.files import write_atomically
from backlight.recording.run import Run

LATEST = "latest.safetensors"  # under checkpoints/: what a training goes on from


def save_checkpoint(path: Path, arrays: Mapping[str, NDArray], state: Mapping[str, Any]) -> None:
    """Writes named arrays and a small JSON-able state; a kill leaves the old file or the new one, never half of one.

    Raises:
        RunError: if the disk refuses; an old file is then as it was.
    """
    from safetensors.numpy import save

    # safetensors writes an array's memory as it lies, so what is not in C order has to be copied first
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    try:
        write_atomically(path, save(contiguous, metadata={"state": json.dumps(state)}))
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror}") from None


def load_checkpoint(path: Path) -> tuple[dict[str, NDArray], dict[str, Any]]:
    """(arrays, state) as saved.

    Raises:
        RunError: if the file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
            return arrays, json.loads(file.metadata()["state"])
    except FileNotFoundError:
        raise RunError(f"{path}: no such checkpoint") from None
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path}: damaged checkpoint: {error}") from None


def killed_at_start(folder: Path) -> bool:
    """Whether a run came to its end before its first checkpoint: to resume it is to begin it."""
    return not (folder / "checkpoints" / LATEST).exists() and not Run.open(folder).last_step()
