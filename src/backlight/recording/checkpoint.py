"""Arrays on disk that can be loaded without executing anything: safetensors, written atomically."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from backlight.errors import RunError
from backlight.files import write_atomically
from backlight.recording.run import Run
from backlight.recording.seals import KEY, WHAT_TO_DO

LATEST = "latest.safetensors"  # under checkpoints/: what a training goes on from


def save_checkpoint(path: Path, arrays: Mapping[str, NDArray[Any]], state: Mapping[str, Any]) -> None:
    """Writes named arrays and a small JSON-able state; a kill leaves the old file or the new one, never half of one.

    Raises:
        RunError: if the disk refuses; an old file is then as it was.
    """
    from safetensors.numpy import save

    # safetensors writes an array's memory as it lies, so what is not in C order has to be copied first
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    text = json.dumps(state)
    try:
        write_atomically(path, save(contiguous, metadata={"state": text, KEY: checksum(contiguous, text)}))
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror}") from None


def checksum(arrays: Mapping[str, NDArray[Any]], state: str) -> str:
    """Of all that is in the file."""
    total = crc32(state.encode())
    for name in sorted(arrays):
        array = arrays[name]
        total = crc32(array.data, crc32(f"{name} {array.dtype.str} {array.shape}".encode(), total))
    return f"{total:08x}"


@contextmanager
def fitting(path: Path) -> Iterator[None]:
    """Around what takes arrays and state out of a checkpoint for a network; those of another one are a RunError."""
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, RunError):
            raise
        raise RunError(f"{path}: holds what another network was trained to: {error}; {WHAT_TO_DO}") from None


def load_checkpoint(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """(arrays, state) as saved.

    Raises:
        RunError: if the file is missing or damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
            metadata = file.metadata()
        state = json.loads(metadata["state"])
    except FileNotFoundError:
        raise RunError(f"{path}: no such checkpoint") from None
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise RunError(f"{path}: damaged checkpoint: {error}; {WHAT_TO_DO}") from None
    if metadata.get(KEY, "") not in ("", checksum(arrays, metadata["state"])):
        raise RunError(f"{path}: damaged checkpoint: it is not what was saved (its checksum differs); {WHAT_TO_DO}")
    return arrays, state


def killed_at_start(folder: Path) -> bool:
    """Whether a run came to its end before its first checkpoint: to resume it is to begin it."""
    return not (folder / "checkpoints" / LATEST).exists() and not Run.open(folder).last_step()
