"""In which mode a model is: modules that behave otherwise in training, and forward passes that no step will follow."""

import json
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from backlight.recording.run_writer import RunWriter
from backlight.watching.modules import observable_modules
from backlight.watching.schedule import Schedule

TESTS = {True: "training mode in a test", False: "evaluation mode in a test"}  # events, by `model.training`


class TestObserver:
    """Forward passes of the whole model without gradient: tests, and the mode that they were made in.

    One hook at the model itself, which asks two questions and looks at modules once in a recording. It keeps no
    reference to the model; what it has seen waits for `write`.

    Args:
        model: the one that is watched; copies of it, which have its hook, are not.
        schedule, first_step: which know how many steps have been made.
    """

    __test__ = False  # for pytest, which takes the name for a test's

    def __init__(self, model: nn.Module, schedule: Schedule, first_step: int):
        self._counts = {True: 0, False: 0}  # passes, by `model.training`
        self._model, self._schedule, self._first_step = weakref.ref(model), schedule, first_step
        self._events: list[tuple[int, str, str]] = []
        # Code that is compiled with its hooks must not have this one
        seen = "" in observable_modules(model)
        self._handle = model.register_forward_pre_hook(self, prepend=True) if seen else None

    @property
    def remove(self) -> Callable[[], None]:
        return self._handle.remove if self._handle is not None else lambda: None

    @property
    def counted(self) -> dict[str, int]:
        return {"tests in training mode": self._counts[True], "tests in evaluation mode": self._counts[False]}

    def write(self, writer: RunWriter | None) -> None:
        """Hands over the first test in each mode. Raises RunError if the folder cannot be written."""
        events, self._events = self._events, []
        if writer is not None:
            for event in events:
                writer.event(*event)

    def __call__(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        if torch.compiler.is_compiling() or torch.is_grad_enabled() or module is not self._model():
            return
        training = module.training
        self._counts[training] += 1
        if self._counts[training] == 1:
            evaluating, switched = switched_modules(module)
            names = [name for name in switched if name not in evaluating]
            if switched and (names or not training):
                detail = json.dumps({"modules": names if training else evaluating, "of": len(switched)})
                self._events.append((self._first_step + self._schedule.steps, TESTS[training], detail))

    def __deepcopy__(self, memo: dict[int, Any]) -> "TestObserver":
        """In a copy the hook stays, and looks away."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """In a model that is saved as a whole it becomes a function that hands the arguments on, known everywhere."""
        return getattr, ({}, "get")


def switched_modules(model: nn.Module) -> tuple[list[str], list[str]]:
    """Names of modules that (are in evaluation mode, behave otherwise in it), the latter with those among them.

    Batch norm whose parameters are frozen is meant to be in it, and is not counted.
    """
    switched = [(name, module) for name, module in model.named_modules() if differs(module)]
    return [name for name, module in switched if not module.training], [name for name, _ in switched]


def differs(module: nn.Module) -> bool:
    """Whether it gives something else in evaluation mode than in training."""
    if isinstance(module, nn.modules.batchnorm._BatchNorm):
        return module.track_running_stats and any(each.requires_grad for each in module.parameters())
    if isinstance(module, nn.modules.dropout._DropoutNd):
        return module.p > 0
    return isinstance(module, nn.RNNBase | nn.MultiheadAttention) and module.dropout > 0
