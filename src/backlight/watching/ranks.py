"""Several processes that train one model write one record: the summaries of all ranks are merged on the first."""

from collections.abc import Mapping
from typing import Any

import torch.distributed as dist

from backlight.recording.tensor_summary import PackedSummary, merge_packed

Rows = dict[str, PackedSummary]


class Ranks:
    """The processes of a training; every one of them makes the same calls in the same order."""

    def __init__(self) -> None:
        self.together: bool = dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
        self.first: bool = not self.together or dist.get_rank() == 0
        # a group of its own, on the CPU, so as not to mix with what the training sends
        self._group: Any = dist.new_group(backend="gloo") if self.together else None

    def merge(self, rows: Mapping[str, PackedSummary], own: Mapping[str, PackedSummary]) -> Rows:
        """On the first rank: `rows` of all ranks merged, and its `own`, which are the same everywhere."""
        if not self.together:
            return {**rows, **own}
        everyone: list[Any] | None = [None] * dist.get_world_size() if self.first else None
        dist.gather_object(dict(rows), everyone, dst=0, group=self._group)
        if everyone is None:
            return {}
        names = dict.fromkeys(name for each in everyone for name in each)
        merged = {name: merge_packed([each[name] for each in everyone if name in each]) for name in names}
        return {**merged, **own}

    def agree(self, step: int) -> int:
        """The step that the first rank names."""
        if not self.together:
            return step
        said = [step]
        dist.broadcast_object_list(said, src=0, group=self._group)
        return said[0]
