"""What probes ask: a model with its loss, a batch and an optimizer, of which each probe takes copies of its own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from backlight.diagnosis.probes.batches import Batch
from backlight.diagnosis.probes.clock import Clock
from backlight.diagnosis.probes.copies import Copy, LossFunction
from backlight.diagnosis.probes.loss_calls import LabelsOutsideError
from backlight.diagnosis.probes.start import Start
from backlight.diagnosis.record import MissingError
from backlight.errors import SettingsError

Step = Callable[[nn.Module, Any], Any]
SEED = 0  # of dropout and the like: the same diagnosis each time


@dataclass(frozen=True, eq=False)
class Subject:
    """The user's own things, which are only copied; `step` alone runs on them, and is undone."""

    model: nn.Module
    loss_fn: LossFunction
    batch: Batch
    optimizer: torch.optim.Optimizer | None
    step: Step | None
    clock: Clock
    trials: dict[float, Any] = field(default_factory=dict)  # what `rates` has tried, by factor

    def copy(self) -> Copy:
        """One that nobody else has, with the random state that every copy begins with."""
        self.clock.check()
        torch.manual_seed(SEED)
        return Copy.of(self.model, self.loss_fn, self.optimizer)

    @cached_property
    def start(self) -> Start:
        """Raises MissingError if labels are outside of the classes, which another probe says."""
        found = self.first_step
        if isinstance(found, LabelsOutsideError):
            raise MissingError(f"labels that are classes: they are {found.smallest} … {found.largest}")
        return found

    @cached_property
    def first_step(self) -> Start | LabelsOutsideError:
        """Raises SettingsError if the model cannot take the batch, or the loss gives no number."""
        copy = self.copy().ready_to_train()
        try:
            found = Start.of(copy, self.batch)
        except LabelsOutsideError as error:
            return error
        except Exception as error:  # whatever the user's code raises
            said = f"{type(error).__name__}: {error}"
            raise SettingsError(f"loss_fn(model(inputs), labels) fails on this batch: {said}") from error
        loss = found.loss
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            given = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
            raise SettingsError(f"loss_fn must give a tensor with one number, the mean over the batch, not {given}")
        return found

    @cached_property
    def outputs(self) -> Tensor:
        """What the model gives at the start, if that is one tensor of numbers."""
        outputs = self.start.outputs
        if not isinstance(outputs, Tensor) or not outputs.is_floating_point():
            raise MissingError("outputs that are one tensor")
        return outputs.detach()

    @property
    def inputs(self) -> Tensor:
        """The batch's inputs, if they are one tensor of numbers."""
        inputs = self.batch.inputs
        if not isinstance(inputs, Tensor) or not inputs.is_floating_point():
            raise MissingError("inputs that are one tensor of numbers")
        return inputs
