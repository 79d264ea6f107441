"""A copy of model, loss and optimizer that can be trained without a trace in the originals."""

import copy
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from backlight.diagnosis.probes.batches import Batch
from backlight.errors import SettingsError

LossFunction = Callable[[Any, Tensor], Tensor]
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


@dataclass(frozen=True)
class Copy:
    """Model, loss and optimizer that belong together, without gradients and without the user's hooks."""

    model: nn.Module
    loss_fn: LossFunction
    optimizer: torch.optim.Optimizer | None

    @classmethod
    def of(cls, model: nn.Module, loss_fn: LossFunction, optimizer: torch.optim.Optimizer | None) -> "Copy":
        memo: dict[int, Any] = {}
        for module in model.modules():
            for name in HOOKS:
                hooks = getattr(module, name)
                memo[id(hooks)] = OrderedDict((key, hook) for key, hook in hooks.items() if belongs_to_torch(hook))
        twin = deep_copy(model, memo)
        return cls(twin, loose_copy(loss_fn, memo), None if optimizer is None else copy_of_optimizer(optimizer, memo))

    def outputs(self, batch: Batch) -> Any:
        return self.model(batch.fresh_inputs())

    def loss(self, batch: Batch) -> Tensor:
        """A number; the caller has asked once whether it is one."""
        return self.loss_fn(self.outputs(batch), batch.labels)

    def trained(self) -> list[nn.Parameter]:
        return [each for each in self.model.parameters() if each.requires_grad]

    def ready_to_train(self) -> "Copy":
        """In training mode; parts that were set to evaluation inside a model that trains stay so."""
        if not self.model.training:
            self.model.train()
        return self

    def calm(self) -> "Copy":
        """With dropout off, batch norm on the batch's own statistics: what it gives depends on its input alone."""
        self.model.train()
        for module in self.model.modules():
            if isinstance(module, nn.modules.dropout._DropoutNd):
                module.eval()
            elif isinstance(module, nn.RNNBase | nn.MultiheadAttention):
                module.dropout = 0.0
        return self

    def evaluating(self) -> "Copy":
        """In evaluation mode, but for recurrent layers, whose gradient cuDNN gives in training mode only."""
        self.model.eval()
        for module in self.model.modules():
            if isinstance(module, nn.RNNBase):
                module.train()
                module.dropout = 0.0
        return self


def belongs_to_torch(hook: Any) -> bool:
    """Such as those of weight norm and pruning, without which the model would be another one."""
    owner = getattr(hook, "__module__", None) or type(hook).__module__
    return owner == "torch" or owner.startswith("torch.")


def copy_of_optimizer(optimizer: torch.optim.Optimizer, memo: dict[int, Any]) -> torch.optim.Optimizer:
    """With what an optimizer keeps beside its state, too, which `copy` leaves out: the list of parameters of L-BFGS."""
    twin: torch.optim.Optimizer = deep_copy(optimizer, memo)
    for name, value in vars(optimizer).items():
        if name.startswith("_") and "hook" not in name and not hasattr(twin, name):
            setattr(twin, name, loose_copy(value, memo))
    return twin


def deep_copy(value: Any, memo: dict[int, Any]) -> Any:
    """`copy.deepcopy`; where something in a module refuses that (an open file, a lock, a tensor inside a graph), it is
    shared, or copied without its graph."""
    known = dict(memo)
    try:
        return copy.deepcopy(value, memo)
    except Exception:  # whatever __deepcopy__ or __reduce__ of something inside raises
        if not isinstance(value, nn.Module):
            raise
        memo.clear()  # of what the attempt has copied
        memo.update(known)
    for module in value.modules():
        for name, inside in vars(module).items():
            if name not in ("_parameters", "_buffers", "_modules", *HOOKS):
                memo[id(inside)] = loose_copy(inside, memo)
    return copy.deepcopy(value, memo)


def loose_copy(value: Any, memo: dict[int, Any]) -> Any:
    """A copy as deep as it can be made."""
    if isinstance(value, Tensor) and value.grad_fn is not None:
        return value.detach().clone()
    try:
        return copy.deepcopy(value, memo)
    except Exception:
        if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
            return type(value)(loose_copy(one, memo) for one in value)
        if isinstance(value, dict):
            return {key: loose_copy(one, memo) for key, one in value.items()}
        return value


def plain_model(model: nn.Module) -> nn.Module:
    """The user's own module inside a wrapper of torch.compile or of data parallelism."""
    dynamo = sys.modules.get("torch._dynamo.eval_frame")
    if dynamo is not None and isinstance(model, dynamo.OptimizedModule):
        return plain_model(model._orig_mod)
    if isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
        return plain_model(model.module)
    return model


def plain_optimizer(optimizer: Any) -> torch.optim.Optimizer | None:
    """What Lightning and Accelerate wrap.

    Raises:
        SettingsError: if it is no optimizer.
    """
    inner = getattr(optimizer, "optimizer", None)
    found = inner if isinstance(inner, torch.optim.Optimizer) else optimizer
    if found is not None and not isinstance(found, torch.optim.Optimizer):
        raise SettingsError(f"optimizer must be a torch.optim.Optimizer, not {type(found).__name__}")
    return found


def tensors_of(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of a model by name, also those that plain lists, dictionaries and attributes hold."""
    seen: set[int] = set()
    for name, value in inside(model, "", set()):
        if id(value) not in seen:
            seen.add(id(value))
            yield name, value


def inside(value: Any, name: str, visited: set[int]) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value
        return
    if not isinstance(value, nn.Module | list | tuple | dict) or id(value) in visited:
        return
    visited.add(id(value))
    dot = f"{name}." if name else ""
    if isinstance(value, nn.Module):
        own = {**value._parameters, **value._buffers, **value._modules}
        plain = {key: one for key, one in vars(value).items() if not key.startswith("_") or key not in MODULE_PARTS}
        for key, one in {**own, **plain}.items():
            yield from inside(one, f"{dot}{key}", visited)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from inside(one, f"{name}[{key!r}]", visited)
    else:
        for number, one in enumerate(value):
            yield from inside(one, f"{name}[{number}]", visited)


MODULE_PARTS = frozenset(vars(nn.Module()))  # the dictionaries in which torch keeps parameters, modules and hooks
