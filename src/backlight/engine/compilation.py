"""Compiled code is kept on disk; when there is none yet, the first call says why it takes a while."""

import sys
from typing import Any

import numpy as np
from numba.core import event

from backlight.data.dataset import Samples
from backlight.engine.kernels import codes, descent
from backlight.engine.memory import blocks_of, empty_blocks, plan_of

_ready: set[np.dtype] = set()


class Announcement(event.Listener):
    """Prints one line when a compilation starts; loading from disk is no compilation."""

    said = False

    def on_start(self, event: Any) -> None:
        if not self.said:
            self.said = True
            sys.stderr.write("backlight: compiling the engine for this machine, once; it takes up to a minute …\n")

    def on_end(self, event: Any) -> None:
        pass


def ensure_compiled(dtype: np.dtype) -> None:
    """Loads the kernels for `dtype` from disk or compiles them, by training a population of none."""
    if dtype in _ready:
        return
    point = [Samples(np.zeros((1, 1)), np.zeros(1, np.int64))]
    whole, samples, room = plan_of((1, 2)), blocks_of(point, dtype), np.zeros((0, 4), dtype)
    nobody = codes.Networks(room, np.zeros((0, 2, 4), dtype), np.zeros(0), np.zeros(0), np.zeros(0, np.int64))
    watch = codes.Watch(
        np.zeros(0, np.int64),
        np.zeros((0, 0, codes.MEASURES)),
        np.zeros(0, np.int64),
        np.zeros(1, np.int64),
    )
    lanes = codes.Lanes(np.zeros((2, 1, 4), dtype), np.zeros(1, np.int64))
    rule = codes.Rule(codes.TANH, codes.IDENTITY, codes.GRADIENT_DESCENT, 0, False)
    with event.install_listener("numba:compile", Announcement()):
        descent.train_networks(
            rule, whole, whole, nobody, samples, samples, empty_blocks(1, 1, dtype),
            np.zeros((0, 0, 1), np.int32), watch, lanes, 0, (0, 0),
        )  # fmt: skip
        descent.network_logits(rule, whole, room, np.zeros(0, np.int64), samples, np.zeros((0, 2, 16), dtype))
    _ready.add(dtype)
