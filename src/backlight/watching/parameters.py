"""Parameters, gradients as the optimizer sees them, and updates: what lies around one call of `optimizer.step`."""

import weakref
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from backlight.watching.reading import Reading, Request, Summary
from backlight.watching.tensors import plain, without_gaps

COMPILED = "_orig_mod."  # what torch.compile puts before names


class ParameterObserver:
    """Reads the parameters of a model before and after a step. Keeps no reference to the model or the optimizer.

    Args:
        model, optimizer: whose parameters are looked at; parameters that the optimizer does not know get no update.
        wanted: is a tensor of this name (param/…, grad/…, update/…) to be recorded?
    """

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, wanted: Callable[[str], bool]):
        self._model, self._optimizer, self._wanted = weakref.ref(model), weakref.ref(optimizer), wanted
        self._before: dict[str, Tensor] = {}  # values before the step
        self._watched: list[tuple[str, weakref.ref[nn.Parameter]]] = []
        self.refresh()

    def refresh(self) -> None:
        """Takes note of the parameters that the model has now."""
        model = self._model()
        if model is not None:
            self._watched = [(name.replace(COMPILED, ""), weakref.ref(each)) for name, each in model.named_parameters()]

    def release(self) -> None:
        """Lets go of the values that are kept."""
        self._before.clear()

    def before(self, reading: Reading) -> dict[str, Summary]:
        """Summaries of parameters and gradients; values are kept for `after`."""
        self.refresh()
        trained = self._trained()
        requests: dict[str, Request] = {}
        for name, parameter in self._parameters():
            values = plain(parameter)
            if values is None:
                continue
            values = without_gaps(values)
            if self._wanted(f"update/{name}") and id(parameter) in trained:
                requests[f"param/{name}"] = Request(values, "copy", self._place_for(name, values))
            elif self._wanted(f"param/{name}"):
                requests[f"param/{name}"] = Request(values)
        gradients = self._gradients()
        requests |= {name: Request(gradient) for name, gradient in gradients.items() if self._wanted(name)}
        found = dict(zip(requests, reading.read(list(requests.values())), strict=True))
        return {name: summary for name, summary in found.items() if self._wanted(name)}

    def after(self, reading: Reading) -> dict[str, Summary]:
        """Summaries of the differences to the values before the step."""
        requests = {}
        for name, parameter in self._parameters():
            before = self._before.get(name)
            values = plain(parameter) if before is not None else None
            if values is not None and before is not None and values.shape == before.shape:
                requests[f"update/{name}"] = Request(without_gaps(values), "minus", before)
        return dict(zip(requests, reading.read(list(requests.values())), strict=True))

    def norms(self) -> tuple[list[str], Tensor | None]:
        """Names, and Euclidean norms (float32) of the gradients, on their device."""
        gradients = self._gradients()
        names = [name for name, each in gradients.items() if self._wanted(name) and each.is_floating_point()]
        if not names:
            return [], None
        norms: Sequence[Tensor] = torch._foreach_norm([gradients[name] for name in names])
        first = norms[0]
        if any(norm.dtype != first.dtype or norm.device != first.device for norm in norms):
            norms = [norm.to(first.device, torch.float32) for norm in norms]
        return names, torch.stack(list(norms)).float()

    def device(self) -> torch.device:
        """Of the first parameter."""
        return next((each.device for _, each in self._parameters()), torch.device("cpu"))

    def untrained(self) -> list[str]:
        """Names of parameters that want a gradient but are not in the optimizer."""
        trained = self._trained()
        return [name for name, each in self._parameters() if each.requires_grad and id(each) not in trained]

    def frozen(self) -> list[str]:
        return [name for name, each in self._parameters() if not each.requires_grad]

    def _parameters(self) -> list[tuple[str, nn.Parameter]]:
        alive = [(name, reference()) for name, reference in self._watched]
        return [(name, parameter) for name, parameter in alive if parameter is not None]

    def _trained(self) -> set[int]:
        optimizer = self._optimizer()
        groups = optimizer.param_groups if optimizer is not None else []
        return {id(parameter) for group in groups for parameter in group["params"]}

    def _gradients(self) -> dict[str, Tensor]:
        """As the optimizer uses them: one that unscales them itself, while it steps, is anticipated."""
        scale = getattr(self._optimizer(), "grad_scale", None)
        gradients = {}
        for name, parameter in self._parameters():
            gradient = None if parameter.grad is None else plain(parameter.grad)
            if gradient is not None:
                gradients[f"grad/{name}"] = gradient if scale is None else gradient / scale.to(gradient.device)
        return gradients

    def _place_for(self, name: str, values: Tensor) -> Tensor:
        """Memory for the values before the step, laid out as they are; kept from step to step."""
        place = self._before.get(name)
        if place is None or layout_of(place) != layout_of(values):
            place = self._before[name] = torch.empty_like(values)
        return place


def layout_of(tensor: Tensor) -> tuple[object, ...]:
    return tensor.shape, tensor.stride(), tensor.dtype, tensor.device


def as_float32(norms: Tensor) -> NDArray[np.float32]:
    values: NDArray[np.float32] = norms.detach().cpu().numpy()
    return values
