"""Small numbers that lie on a device: they wait there to be fetched together, and none is lost at the end."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from backlight.recording.run_writer import RunWriter
from backlight.watching.parameters import as_float32

AT_ONCE = 64  # steps whose norms are fetched together at the latest


class Waiting:
    """Norms and scalars on their way to the writer; without one, on all ranks but the first, they go nowhere."""

    def __init__(self, writer: RunWriter | None):
        self._writer = writer
        self._norms: list[tuple[int, list[str], Tensor]] = []
        self._scalars: list[tuple[int, Mapping[str, float | Tensor]]] = []

    def norms(self, step: int, names: list[str], values: Tensor) -> None:
        self._norms.append((step, names, values))
        if values.device.type == "cpu" or len(self._norms) >= AT_ONCE:
            self.write()

    def scalars(self, step: int, values: Mapping[str, float | Tensor]) -> None:
        """Numbers, or tensors of one value each."""
        kept = {name: value.detach() if isinstance(value, Tensor) else value for name, value in values.items()}
        self._scalars.append((step, kept))
        if all(not isinstance(value, Tensor) or value.device.type == "cpu" for value in kept.values()):
            self.write()

    def write(self) -> None:
        """Fetches and hands over all that waits."""
        norms, self._norms = self._norms, []
        scalars, self._scalars = self._scalars, []
        if self._writer is None:
            return
        if norms:
            together = as_float32(torch.cat([values for _, _, values in norms]))
            parts = np.split(together, np.cumsum([len(names) for _, names, _ in norms])[:-1])
            for (step, names, _), values in zip(norms, parts, strict=True):
                self._writer.norms(step, names, values)
        for step, named in scalars:
            self._writer.scalars(step, {name: float(value) for name, value in named.items()})
