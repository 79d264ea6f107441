"""Bringing PyTorch's tensors into a form whose memory can be read."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from backlight.recording.summarise import DTYPE_CODES

ORDINARY = (Tensor, nn.Parameter)  # nearly all are, and need no further questions
DTYPE_NAMES = {getattr(torch, name): name for name in DTYPE_CODES if hasattr(torch, name)}


def plain(tensor: Tensor) -> Tensor | None:
    """A tensor of real numbers in memory of its own, to be read only; None for one whose values cannot be read.

    Sparse ones become dense, complex ones pairs of numbers, distributed ones their local part.
    """
    if (
        type(tensor) in ORDINARY
        and tensor.dtype in DTYPE_NAMES
        and tensor.layout == torch.strided
        and not tensor.is_meta
    ):
        return tensor
    tensor = tensor.detach()
    to_local: Callable[[], Tensor] | None = getattr(tensor, "to_local", None)
    if to_local is not None:
        tensor = to_local()
    if tensor.is_nested or tensor.is_meta or tensor.is_quantized:
        return None
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    return tensor if tensor.dtype in DTYPE_NAMES else None


def without_gaps(tensor: Tensor) -> Tensor:
    """The tensor itself if its values fill a piece of memory, in whatever order; a copy otherwise."""
    if tensor.is_contiguous():
        return tensor
    expected = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size != 1 and stride != expected:
            return tensor.detach().contiguous()
        expected *= size
    return tensor


def unit_axis(tensor: Tensor, known: int | None) -> int | None:
    """The axis along which units lie: the known one; else 1 for images, the last one for (N, d) and (N, T, d)."""
    if tensor.ndim < 2:
        return None
    if known is not None and known < tensor.ndim:
        return known % tensor.ndim
    return 1 if tensor.ndim >= 4 else tensor.ndim - 1


def units_last(tensor: Tensor, axis: int) -> tuple[Tensor, int]:
    """A tensor that is (outer, units, inner) in memory, and the number of values in `inner`."""
    if tensor.is_contiguous():
        return tensor, int(torch.Size(tensor.shape[axis + 1 :]).numel())
    if tensor.ndim == 4 and axis == 1 and tensor.is_contiguous(memory_format=torch.channels_last):
        return tensor, 1
    return units_last(tensor.detach().contiguous(), axis)
