"""The first step as training would take it, observed: what layers gave, what the loss was asked, which gradients came.

Statistics are taken at once, since the next operation may overwrite a value.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from backlight.diagnosis.probes.batches import Batch
from backlight.diagnosis.probes.copies import Copy
from backlight.diagnosis.probes.loss_calls import Epsilon, LossCall, LossWatcher
from backlight.watching.functions import FunctionMode, function_name

GATES = ("relu", "tanh", "sigmoid")  # whose units can be dead or saturated
SATURATED = {"tanh": (-0.99, 0.99), "sigmoid": (0.01, 0.99)}


@dataclass(frozen=True)
class Seen:
    """A call of a module that has parameters of its own.

    Attributes:
        name: of the module.
        finite: whether all that it gave is.
        input_rms, rms: root mean square of what went in (NaN if that is no number) and of what came out.
        column_rms: the largest of one column of what went in, where that is a table.
        spread: standard deviation over samples, root mean square over units.
    """

    name: str
    module: nn.Module
    finite: bool
    input_rms: float
    rms: float
    column_rms: float
    spread: float


@dataclass(frozen=True)
class Gated:
    """What an activation function gave.

    Attributes:
        function: its plain name.
        layer: the module with parameters that was called last before it.
        alive: (units,) whether the unit lets a gradient through for some sample; of ReLU.
        saturated: share of units × samples whose slope is nearly 0; of tanh and sigmoid.
        place: of the result in memory, to know whether it is the model's output.
    """

    function: str
    layer: str
    alive: Tensor
    saturated: float
    place: int


@dataclass
class Observer:
    """Collects while model and loss compute."""

    loss: LossWatcher = field(default_factory=LossWatcher)
    seen: list[Seen] = field(default_factory=list)
    gated: list[Gated] = field(default_factory=list)

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = self.loss(function, args, kwargs)
        name = function_name(function)
        if name in GATES and isinstance(result, Tensor) and result.ndim > 1:
            layer = self.seen[-1].name if self.seen else ""
            self.gated.append(gated(name, layer, result.detach()))
        return result

    @contextmanager
    def watching(self, model: nn.Module) -> Iterator[None]:
        handles = [
            module.register_forward_hook(self._hook(name))
            for name, module in model.named_modules()
            if any(True for _ in module.parameters(recurse=False))
        ]
        try:
            with FunctionMode(self.call):
                yield
        finally:
            for handle in handles:
                handle.remove()

    def _hook(self, name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            first = output[0] if isinstance(output, tuple | list) and output else output
            given = inputs[0] if inputs else None
            if isinstance(first, Tensor) and first.is_floating_point():
                self.seen.append(seen(name, module, given, first))

        return hook


@dataclass(frozen=True)
class Start:
    """The first step: `copy` is the model that took it, with its graph.

    Attributes:
        outputs, loss: what model and loss gave.
        seen, gated, losses, epsilons, log_softmaxes (what they were given): in the order in which they were computed.
        gradients: by name of each trainable parameter; None where the loss does not reach it.
        leaves: tensors that the loss's graph ends in.
    """

    copy: Copy
    outputs: Any
    loss: Tensor
    seen: tuple[Seen, ...]
    gated: tuple[Gated, ...]
    losses: tuple[LossCall, ...]
    epsilons: tuple[Epsilon, ...]
    log_softmaxes: tuple[Tensor, ...]
    gradients: dict[str, Tensor | None]
    leaves: tuple[Tensor, ...]

    @classmethod
    def of(cls, copy: Copy, batch: Batch) -> "Start":
        observer = Observer()
        with observer.watching(copy.model):
            outputs = copy.outputs(batch)
            loss = copy.loss_fn(outputs, batch.labels)
        named = {name: each for name, each in copy.model.named_parameters() if each.requires_grad}
        gradients: tuple[Tensor | None, ...] = (None,) * len(named)
        if isinstance(loss, Tensor) and loss.requires_grad and loss.numel() == 1 and named:
            gradients = torch.autograd.grad(loss, list(named.values()), retain_graph=True, allow_unused=True)
        graph = tuple(leaves_of(loss)) if isinstance(loss, Tensor) else ()
        return cls(
            copy, outputs, loss, tuple(observer.seen), tuple(observer.gated), tuple(observer.loss.losses),
            tuple(observer.loss.epsilons), tuple(observer.loss.log_softmaxes),
            dict(zip(named, gradients, strict=True)), graph,
        )  # fmt: skip

    @property
    def loss_call(self) -> LossCall | None:
        """The loss, if it is one of PyTorch's and the only one."""
        return self.losses[0] if len(self.losses) == 1 else None

    @property
    def loss_call_of_classes(self) -> bool:
        return self.loss_call is not None and self.loss_call.of_classes


def leaves_of(value: Tensor) -> Iterator[Tensor]:
    """Tensors that want a gradient and that the graph of `value` ends in."""
    waiting, done = [value.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in done:
            continue
        done.add(node)
        if hasattr(node, "variable"):
            yield node.variable
        waiting += [each for each, _ in node.next_functions]


def seen(name: str, module: nn.Module, given: Any, output: Tensor) -> Seen:
    values = output.detach().float()
    input_rms = column_rms = float("nan")
    if isinstance(given, Tensor) and given.is_floating_point() and given.numel():
        squares = given.detach().float().square()
        input_rms = float(squares.mean().sqrt())
        column_rms = float(squares.mean(0).max().sqrt()) if given.ndim == 2 else input_rms
    spread = float(values.var(0, unbiased=False).mean().sqrt()) if values.ndim and values.numel() else 0.0
    rms = float(values.square().mean().sqrt()) if values.numel() else 0.0
    finite = bool(values.isfinite().all())
    return Seen(name, module, finite, input_rms, rms, column_rms, spread)


def gated(function: str, layer: str, values: Tensor) -> Gated:
    """Units are on axis 1, or on the last of three axes: of those two readings the one with fewer dead units."""
    low, high = SATURATED.get(function, (float("-inf"), float("inf")))
    alive = min((unit_alive(values, axis) for axis in unit_axes(values)), key=lambda each: int((~each).sum()))
    saturated = float(((values < low) | (values > high)).float().mean())
    return Gated(function, layer, alive, saturated, values.data_ptr())


def unit_axes(values: Tensor) -> tuple[int, ...]:
    return (1,) if values.ndim in (2, 4, 5) else (1, values.ndim - 1)


def unit_alive(values: Tensor, axis: int) -> Tensor:
    others = tuple(each for each in range(values.ndim) if each != axis)
    return (values > 0).any(dim=others)
