"""Modules: what has to be known of one, and which of a model's can be looked at."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from backlight.recording.gates import gate_name

SAME_VALUE_MODULES = (nn.Flatten, nn.Unflatten, nn.Identity, nn.modules.dropout._DropoutNd)
UNITS_LAST = (nn.Linear, nn.Bilinear, nn.Embedding, nn.LayerNorm)
UNITS_SECOND = (nn.modules.conv._ConvNd, nn.modules.batchnorm._BatchNorm, nn.GroupNorm)


@dataclass(frozen=True, slots=True)
class Kind:
    """What has to be known of a module: its activation function, the axis of its units, and whether it is one of
    PyTorch's own with nothing inside, hands values on unchanged, has parameters, is compiled."""

    gate: str | None
    axis: int | None
    leaf: bool
    same_values: bool
    has_parameters: bool
    compiled: bool

    @classmethod
    def of(cls, module: nn.Module) -> "Kind":
        leaf = type(module).__module__.startswith("torch.nn.") and not any(True for _ in module.children())
        axis = -1 if isinstance(module, UNITS_LAST) else 1 if isinstance(module, UNITS_SECOND) else None
        has_parameters = any(True for _ in module.parameters())
        gate = gate_name(type(module).__name__) if leaf else None
        same_values = isinstance(module, SAME_VALUE_MODULES)
        return cls(gate, axis, leaf, same_values, has_parameters, is_compiled_wrapper(module))


def observable_modules(model: nn.Module) -> dict[str, nn.Module]:
    """Modules by name that hooks can look at: not those inside a compiled part, whose code hooks would change."""
    found: dict[str, nn.Module] = {}
    inside: list[str] = []
    for name, module in model.named_modules():
        if any(name.startswith(prefix) for prefix in inside):
            continue
        if is_compiled(module):
            inside.append(f"{name}." if name else "")
        if not is_compiled(module) or is_compiled_wrapper(module):
            found[name] = module
    return found


def is_compiled(module: nn.Module) -> bool:
    """Is it the result of torch.compile, Module.compile or TorchScript?"""
    inside = module._compiled_call_impl is not None or isinstance(module, torch.jit.ScriptModule)
    return inside or is_compiled_wrapper(module)


def is_compiled_wrapper(module: nn.Module) -> bool:
    """Is it what torch.compile put around a module? Its own hooks run outside of the compiled code."""
    dynamo = sys.modules.get("torch._dynamo.eval_frame")
    return dynamo is not None and isinstance(module, dynamo.OptimizedModule)


def tensors_in(output: Any, suffix: str) -> Iterator[tuple[str, Tensor]]:
    """Floating-point tensors in what a module gave, each with a suffix that says where: "[0]", ".logits"."""
    if isinstance(output, Tensor):
        if output.is_floating_point() or output.is_complex():
            yield suffix, output
    elif isinstance(output, Mapping):
        for key, value in output.items():
            yield from tensors_in(value, f"{suffix}.{key}")
    elif isinstance(output, tuple | list):
        for number, value in enumerate(output):
            yield from tensors_in(value, f"{suffix}[{number}]")
