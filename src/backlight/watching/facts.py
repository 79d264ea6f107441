"""What a model and its optimizer say of themselves before the first step."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from backlight.recording.facts import Facts, ParameterFacts
from backlight.watching.parameters import COMPILED
from backlight.watching.tensors import plain

COMPARED = 64  # first values of two parameters
FEWEST = 6  # so many of them have to agree


def model_facts(model: nn.Module, optimizer: torch.optim.Optimizer, names: Mapping[str, str]) -> Facts:
    """Parameters, modules and the optimizer; `names` are the record's names of what modules give."""
    held = {id(each) for group in optimizer.param_groups for each in group["params"]}
    rates = [float(group["lr"]) for group in optimizer.param_groups if "lr" in group]
    parameters = []
    for full, parameter in model.named_parameters():
        if isinstance(parameter, nn.parameter.UninitializedParameter):  # has no shape before its first forward pass
            continue
        name = full.replace(COMPILED, "")
        module = name.rpartition(".")[0]
        shape = tuple(parameter.shape)
        fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else None
        parameters.append(
            ParameterFacts(
                name, shape, parameter.requires_grad, id(parameter) in held, fan_in, names.get(module, module)
            )
        )
    return Facts(
        optimizer=type(optimizer).__name__.lower(),
        learning_rate=max(rates, default=None),
        parameters=tuple(parameters),
        modules=tuple((name.replace(COMPILED, ""), type(module).__name__) for name, module in model.named_modules()),
        same_draws=same_draws(model),
    )


def same_draws(model: nn.Module) -> tuple[tuple[str, str], ...]:
    """Pairs of weights whose first values differ by a factor alone: both were drawn after the same seed was set."""
    heads: dict[str, NDArray[np.float64]] = {}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            uninitialised = isinstance(parameter, nn.parameter.UninitializedParameter)
            values = None if uninitialised else plain(parameter)
            if values is not None and values.dim() > 1 and values.is_floating_point() and values.numel() >= FEWEST:
                head = values.detach().reshape(-1)[:COMPARED].double().cpu().numpy()
                if np.ptp(head) > 0:
                    heads[name.replace(COMPILED, "")] = head
    return tuple(pair for pair in combinations(heads, 2) if proportional(heads[pair[0]], heads[pair[1]]))


def proportional(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    size = min(len(one), len(other))
    one, other = one[:size], other[:size]
    factor = float(one @ other) / float(other @ other)
    return factor > 0 and bool(np.allclose(one, factor * other, rtol=1e-4, atol=1e-6 * np.abs(one).max()))
