"""A batch as probes see it: inputs and labels, on the model's device, and parts of it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from backlight.errors import SettingsError

SHAPE = "batch must be (inputs, labels), or a DataLoader or other iterable of such pairs"


@dataclass(frozen=True)
class Batch:
    """`inputs` as the model takes them (a tensor, or tensors in tuples, lists and mappings), labels (N, …)."""

    inputs: Any
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Tensor) -> "Batch":
        """The samples `rows`; what has no row for each sample is left as it is."""
        return Batch(self._rows_of_inputs(rows), self.labels[rows])

    def with_inputs_of(self, rows: Tensor) -> "Batch":
        """The same labels with the inputs of other samples."""
        return Batch(self._rows_of_inputs(rows), self.labels)

    def fresh_inputs(self) -> Any:
        """A copy, since a model may change its input in place."""
        return each_tensor(self.inputs, Tensor.clone)

    def _rows_of_inputs(self, rows: Tensor) -> Any:
        count = len(self)
        return each_tensor(self.inputs, lambda value: value[rows] if value.ndim and len(value) == count else value)


def each_tensor(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same structure with every tensor changed."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, Mapping):
        return {key: each_tensor(one, change) for key, one in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(each_tensor(one, change) for one in value))
    if isinstance(value, list | tuple):
        return type(value)(each_tensor(one, change) for one in value)
    return value


def first_batch(batch: Any, device: torch.device) -> Batch:
    """The batch itself, or the first of an iterable, on `device`.

    Raises:
        SettingsError: if it is no pair, has no samples, or not as many labels as inputs.
    """
    if not is_pair(batch):
        if not isinstance(batch, Iterable):
            raise SettingsError(f"{SHAPE}, not {type(batch).__name__}")
        batch = next(iter(batch), None)
        if not is_pair(batch):
            raise SettingsError(f"{SHAPE}; the first thing it gave is {type(batch).__name__}")
    inputs, labels = (each_tensor(as_tensors(part), lambda value: value.detach().to(device)) for part in batch)
    if labels.ndim == 0 or not len(labels):
        raise SettingsError("batch holds no samples: its labels have no first axis, or it is empty")
    if isinstance(inputs, Tensor) and (inputs.ndim == 0 or len(inputs) != len(labels)):
        given = tuple(inputs.shape), tuple(labels.shape)
        raise SettingsError(f"batch has inputs of shape {given[0]} and labels of shape {given[1]}: samples come first")
    return Batch(inputs, labels)


def is_pair(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and isinstance(value[1], Tensor | np.ndarray)


def as_tensors(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return torch.as_tensor(value)
    if isinstance(value, Mapping):
        return {key: as_tensors(one) for key, one in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(as_tensors(one) for one in value)
    return value
