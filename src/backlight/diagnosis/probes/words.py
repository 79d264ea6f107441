"""Small things that several probes say in the same way."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from backlight.diagnosis.finding import Evidence

SHOWN = 8  # pieces of evidence of one kind


def layer_of(parameter: str) -> str:
    """The module that holds a parameter: "fc1" of "fc1.weight"."""
    return parameter.rpartition(".")[0]


def counted(statistic: str, names: Sequence[str]) -> tuple[Evidence, ...]:
    """One piece of evidence for how many there are, at the first of them; then the others by name."""
    first = Evidence(statistic, float(len(names)), 0.0, "above", tensor=f"param/{names[0]}")
    rest = [Evidence("another one", 1.0, 0.0, "above", tensor=f"param/{name}") for name in names[1:SHOWN]]
    return (first, *rest)


def in_order_of_use(names: Iterable[str], used: Sequence[str]) -> list[str]:
    """Parameters in the order in which their modules are called; those of modules that are not come first."""
    place = {name: number for number, name in enumerate(used)}
    return sorted(names, key=lambda name: place.get(layer_of(name), -1))


def flat(outputs: Any) -> Tensor:
    """All numbers of what a model gives, one after the other."""
    return torch.cat([each.reshape(-1).double() for each in tensors_in(outputs)] or [torch.zeros(0).double()])


def tensors_in(value: Any) -> list[Tensor]:
    """Tensors of numbers with a point, in tuples, lists and mappings."""
    if isinstance(value, Tensor):
        return [value] if value.is_floating_point() else []
    parts = value.values() if hasattr(value, "values") else value if isinstance(value, list | tuple) else ()
    return [each for part in parts for each in tensors_in(part)]


def difference(one: Any, other: Any) -> float:
    """Largest difference of two outputs, as a share of their root mean square."""
    with torch.no_grad():
        first, second = flat(one), flat(other)
        if first.shape != second.shape or not len(first):
            return float("inf")
        scale = float(first.square().mean().sqrt())
        largest = float((first - second).abs().max())
    return largest / scale if scale else largest


def is_norm(module: nn.Module) -> bool:
    """Whether it brings what it is given to one scale."""
    kinds = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
    return isinstance(module, kinds) or "norm" in type(module).__name__.lower()
