"""PyTorch's functions: which are worth looking at, and the mode that shows them."""

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

Call = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]

# Functions that hand values on in another shape: what they give keeps the name.
SAME_VALUES = {
    "flatten", "view", "reshape", "permute", "transpose", "contiguous", "squeeze", "unsqueeze", "to", "float", "half",
    "bfloat16", "movedim", "t", "dropout", "clone",
}  # fmt: skip
# Functions whose results are recorded; and those that are only named, lest "relu" be all that is known of its input.
RECORDED = {
    "max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d",
    "adaptive_avg_pool2d", "adaptive_max_pool2d", "softmax", "log_softmax", "layer_norm", "batch_norm", "group_norm",
    "scaled_dot_product_attention",
}  # fmt: skip
NAMED = {
    "add", "sub", "mul", "div", "matmul", "mm", "bmm", "addmm", "einsum", "linear", "conv1d", "conv2d", "conv3d", "cat",
}  # fmt: skip
OPERATORS = {
    "iadd": "add", "radd": "add", "isub": "sub", "rsub": "sub", "imul": "mul", "rmul": "mul", "truediv": "div",
    "itruediv": "div", "rmatmul": "matmul",
}  # fmt: skip
SEEN = SAME_VALUES | RECORDED | NAMED


def function_name(function: Callable[..., Any]) -> str:
    """The plain name: relu for `relu_`, add for `Tensor.__iadd__`."""
    name = getattr(function, "__name__", "").strip("_")
    return OPERATORS.get(name, name)


class FunctionMode(TorchFunctionMode):
    """Hands each of PyTorch's functions that is called in it to `call`, which has to call it.

    Modules are not concerned, nor what a function does inside.
    """

    def __init__(self, call: Call):
        super().__init__()
        self._call = call

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if torch.compiler.is_compiling():  # a function that the user has compiled
            return func(*args, **(kwargs or {}))
        return self._call(func, args, kwargs or {})
