"""Which of PyTorch's losses a loss function calls, and with what: a lambda around a loss is that loss."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from backlight.watching.functions import function_name

# By name: the position of `reduction` among the arguments of torch.nn.functional.
LOSSES = {
    "cross_entropy": 6, "nll_loss": 6, "binary_cross_entropy": 5, "binary_cross_entropy_with_logits": 5, "mse_loss": 4,
    "l1_loss": 4, "smooth_l1_loss": 4, "huber_loss": 2,
}  # fmt: skip
LARGEST_EPSILON = 0.1  # what is added to a probability only so that its logarithm is finite


class LabelsOutsideError(Exception):
    """Labels that are no index of a class. Raised before the loss is asked, which ends a CUDA context."""

    def __init__(self, smallest: int, largest: int, classes: int):
        super().__init__(f"labels {smallest} … {largest} with {classes} classes")
        self.smallest, self.largest, self.classes = smallest, largest, classes


@dataclass(frozen=True)
class LossCall:
    """A loss of PyTorch's with what it was given.

    Attributes:
        name: of the function, such as "cross_entropy".
        given: the network's side of it, inside the graph.
        target: the labels as the loss sees them.
        summed: whether it adds up over samples.
    """

    name: str
    given: Tensor
    target: Tensor
    summed: bool

    @property
    def of_classes(self) -> bool:
        """Whether the target holds indices of classes, on axis 1 of what is given."""
        return self.name in ("cross_entropy", "nll_loss") and not self.target.is_floating_point()

    @property
    def classes(self) -> int:
        return self.given.shape[1] if self.given.ndim > 1 else self.given.shape[0]


@dataclass(frozen=True)
class Epsilon:
    """A number that is added to a probability, or that it is cut off at, before a logarithm."""

    size: float
    values: Tensor


class LossWatcher:
    """What `watching.functions.FunctionMode` calls while model and loss compute."""

    def __init__(self) -> None:
        self.losses: list[LossCall] = []
        self.epsilons: list[Epsilon] = []
        self.log_softmaxes: list[Tensor] = []
        self._shifted: dict[int, tuple[float, Tensor]] = {}

    def __call__(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = function_name(function)
        if name in LOSSES:
            self._note_loss(name, args, kwargs)
        result = function(*args, **kwargs)
        if name in ("add", "clamp", "clip", "clamp_min") and isinstance(result, Tensor):
            size = epsilon_of(name, args, kwargs)
            if size is not None:
                self._shifted[id(result)] = (size, result)
        elif name == "log_softmax" and args:
            self.log_softmaxes.append(args[0])
        elif name == "log" and args and id(args[0]) in self._shifted and args[0].requires_grad:
            self.epsilons.append(Epsilon(self._shifted[id(args[0])][0], args[0].detach()))
        return result

    def _note_loss(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        given = args[0] if args else kwargs["input"]
        target = args[1] if len(args) > 1 else kwargs["target"]
        place = LOSSES[name]
        reduction = args[place] if len(args) > place else kwargs.get("reduction", "mean")
        call = LossCall(name, given, target, reduction == "sum")
        if call.of_classes and target.numel():
            ignored = args[4] if name == "nll_loss" and len(args) > 4 else kwargs.get("ignore_index", -100)
            kept = target[target != ignored]
            smallest, largest = (int(kept.min()), int(kept.max())) if kept.numel() else (0, 0)
            if smallest < 0 or largest >= call.classes:
                raise LabelsOutsideError(smallest, largest, call.classes)
        self.losses.append(call)


def epsilon_of(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> float | None:
    """A positive number near 0 that a function adds to its tensor or cuts it off at; None if it does neither."""
    numbers = [each for each in (*args[:2], kwargs.get("min")) if isinstance(each, int | float)]
    small = [float(each) for each in numbers if 0 < each <= LARGEST_EPSILON]
    return small[0] if small else None


def is_probabilities(values: Tensor) -> bool:
    """Whether all are in [0, 1] and those of a sample sum to 1, to the rounding of their type."""
    if values.ndim < 2 or values.shape[1] < 2:
        return False
    held = values.detach().double()
    tolerance = max(1e-5, 4 * torch.finfo(values.dtype).eps * values.shape[1])
    within = bool((held >= 0).all() and (held <= 1 + tolerance).all())
    return within and bool(((held.sum(1) - 1).abs() < tolerance).all())
