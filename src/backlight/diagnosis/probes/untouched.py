"""Everything that a probe could change, put back to the bit."""

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from backlight.diagnosis.probes.copies import tensors_of

PLAIN = (bool, int, float, str, type(None))


@contextmanager
def untouched(
    modules: Iterable[nn.Module], optimizer: torch.optim.Optimizer | None, batch: Any, gradients: bool = True
) -> Iterator[None]:
    """Leaves modules (values, gradients, flags, counters), optimizer, batch's generators and every random state as
    they were, however the block ends. Nothing is written where nothing has changed.

    Args:
        gradients: False leaves gradients as the block leaves them.
    """
    kept = [*module_states(modules, gradients), *optimizer_states(optimizer, gradients), *generators_of(batch)]
    # the global generators are meant: what a probe draws from them is put back
    python, legacy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002  # see above
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    try:
        yield
    finally:
        for each in kept:
            each.restore()
        random.setstate(python)
        np.random.set_state(legacy)  # noqa: NPY002  # see above
        torch.set_rng_state(cpu)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)


def module_states(modules: Iterable[nn.Module], gradients: bool) -> Iterator["KeptTensor | KeptValues | KeptGenerator"]:
    for root in modules:
        for _, value in tensors_of(root):
            yield KeptTensor.of(value, gradients)
        for module in root.modules():
            yield KeptValues(module, {key: one for key, one in vars(module).items() if isinstance(one, PLAIN)})
            yield from (KeptGenerator.of(one) for one in vars(module).values() if isinstance(one, torch.Generator))


def optimizer_states(
    optimizer: torch.optim.Optimizer | None, gradients: bool
) -> Iterator["KeptTensor | KeptOptimizer"]:
    if optimizer is None:
        return
    yield KeptOptimizer(
        optimizer,
        [(group, dict(group)) for group in optimizer.param_groups],
        {key: dict(state) if isinstance(state, dict) else state for key, state in optimizer.state.items()},
    )
    for state in optimizer.state.values():
        if isinstance(state, dict):
            yield from (KeptTensor.of(one, gradients) for one in state.values() if isinstance(one, Tensor))
    for group in optimizer.param_groups:
        yield from (KeptTensor.of(one, gradients) for one in group["params"])
        yield from (KeptTensor.of(one, gradients) for one in group.values() if isinstance(one, Tensor))


def generators_of(batch: Any) -> Iterator["KeptGenerator"]:
    """Of a DataLoader and its sampler: taking a batch draws from them."""
    for owner in (batch, getattr(batch, "sampler", None)):
        generator = getattr(owner, "generator", None)
        if isinstance(generator, torch.Generator):
            yield KeptGenerator.of(generator)


@dataclass(frozen=True)
class KeptTensor:
    """A tensor with its values and its gradient, and whether it wants one."""

    tensor: Tensor
    values: Tensor
    wants: bool
    gradient: "Tensor | None"
    gradient_values: Tensor | None
    gradients: bool

    @classmethod
    def of(cls, tensor: Tensor, gradients: bool) -> "KeptTensor":
        gradient = tensor.grad if tensor.is_leaf else None
        values = None if gradient is None else gradient.detach().clone()
        return cls(tensor, tensor.detach().clone(), tensor.requires_grad, gradient, values, gradients)

    def restore(self) -> None:
        write_back(self.tensor, self.values)
        if not self.tensor.is_leaf:
            return
        if self.tensor.requires_grad != self.wants:
            self.tensor.requires_grad_(self.wants)
        if self.gradients:
            if self.gradient is not None and self.gradient_values is not None:
                write_back(self.gradient, self.gradient_values)
            if self.tensor.grad is not self.gradient:
                self.tensor.grad = self.gradient


def write_back(tensor: Tensor, values: Tensor) -> None:
    """Not where nothing has changed: a write would spoil a graph that the user still wants to go back through."""
    if tensor.shape != values.shape:
        tensor.data = values.clone()
    elif not same_bits(tensor, values):
        with torch.no_grad():
            tensor.copy_(values)


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Also of NaN, which equals nothing."""
    if one.layout != torch.strided or one.dtype != other.dtype:
        return False
    bits = [each.detach().reshape(-1).contiguous().view(torch.uint8) for each in (one, other)]
    return torch.equal(bits[0], bits[1])


@dataclass(frozen=True)
class KeptValues:
    """Numbers and flags among a module's attributes, `training` and counters of steps among them."""

    module: nn.Module
    values: dict[str, Any]

    def restore(self) -> None:
        vars(self.module).update(self.values)


@dataclass(frozen=True)
class KeptGenerator:
    generator: torch.Generator
    state: Tensor

    @classmethod
    def of(cls, generator: torch.Generator) -> "KeptGenerator":
        return cls(generator, generator.get_state())

    def restore(self) -> None:
        self.generator.set_state(self.state)


@dataclass(frozen=True)
class KeptOptimizer:
    """Which state belongs to which parameter, and the settings of each group."""

    optimizer: torch.optim.Optimizer
    groups: list[tuple[dict[str, Any], dict[str, Any]]]
    state: dict[Any, Any]

    def restore(self) -> None:
        self.optimizer.param_groups[:] = [group for group, _ in self.groups]
        for group, kept in self.groups:
            group.clear()
            group.update(kept)
        self.optimizer.state.clear()
        for key, state in self.state.items():
            self.optimizer.state[key] = state
