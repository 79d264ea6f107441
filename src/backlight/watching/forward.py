"""What modules and activation functions give in a forward pass, by the names a user knows them by.

Hooks see the outputs of modules. Functions such as F.relu are invisible to them; a TorchFunctionMode, which PyTorch
asks before each of its functions, sees those. Both only look: what they are handed goes on as it was.

A value is read the moment it is there, since the next operation may overwrite it. Where a ReLU is known to follow from
the forward pass before, both are summarised in one read.
"""

import sys
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from backlight.recording.gates import gate_name
from backlight.watching.reading import Reading, Request, Summary
from backlight.watching.stopwatch import Stopwatch
from backlight.watching.tensors import plain, unit_axis

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
    "add", "iadd", "radd", "sub", "isub", "mul", "imul", "rmul", "div", "truediv", "matmul", "mm", "bmm", "addmm",
    "einsum", "linear", "conv1d", "conv2d", "conv3d", "cat",
}  # fmt: skip
SEEN = SAME_VALUES | RECORDED | NAMED
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


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a tensor comes from: a name, the axis of its units, whether its values are recorded already."""

    reference: "weakref.ref[Tensor]"
    name: str
    axis: int | None
    recorded: bool


@dataclass(frozen=True, slots=True)
class Rectified:
    """The summary of max(x, 0) of a tensor as it was at `version`, made together with that of x."""

    reference: "weakref.ref[Tensor]"
    version: int
    summary: Summary


@dataclass(slots=True)
class Value:
    """A recorded value: the module that gave it (none for functions), its name and that of its input."""

    module: str | None
    name: str
    source: str
    summary: Summary
    forward: "Forward"


@dataclass(slots=True, eq=False)
class Forward:
    """One forward pass; `trained` once a backward pass has reached its output."""

    trained: bool = False
    finished: bool = False


class Unwatched:
    """What hooks become in a model that is saved as a whole while it is watched."""

    def _enter(self, *_: Any) -> None: ...

    def _leave(self, *_: Any) -> None: ...


class FunctionMode(TorchFunctionMode):
    """Shows each of PyTorch's functions, with what it gave, to the observer."""

    def __init__(self, observer: "ForwardObserver"):
        super().__init__()
        self._observer = observer

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if torch.compiler.is_compiling():  # a function that the user has compiled
            return func(*args, **(kwargs or {}))
        return self._observer.function(func, args, kwargs or {})


class ForwardObserver:
    """Reads values of the forward passes between `install` and `remove`; `take` hands them over.

    It keeps no reference to the model or its modules.

    Args:
        reading: how tensors are read.
        wanted: is a value of this name to be recorded?
        stopwatch: runs during all work that is the observer's own.
    """

    def __init__(self, reading: Reading, wanted: Callable[[str], bool], stopwatch: Stopwatch):
        self.reading = reading
        self._wanted, self._stopwatch = wanted, stopwatch
        self._names: dict[int, str] = {}  # of modules, by their id
        self._kinds: dict[str, Kind] = {}
        self._handles: list[RemovableHandle] = []
        self._mode: FunctionMode | None = None
        self._active = False  # between `install` and `remove`
        self.seen = False  # was there a forward pass since `install`?
        self._stack: list[str] = []
        self._leaves = 0  # how many modules on the stack are leaves
        self._forward: Forward | None = None
        self._values: list[Value] = []
        self._origins: dict[int, Origin] = {}
        self._rectified: dict[int, Rectified] = {}
        self._followed_by_relu: set[str] = set()
        self._reused: set[str] = set()  # modules without parameters that are called several times in a forward pass
        self._occurrences: Counter[str] = Counter()

    def install(self, model: nn.Module) -> None:
        """Hooks all modules; leaves the hooks alone where that has been done."""
        self._active = True
        if self._handles:
            return
        modules = observable_modules(model)
        self._names = {id(module): name for name, module in modules.items()}
        self._kinds = {name: Kind.of(module) for name, module in modules.items()}
        for module in modules.values():
            self._handles.append(module.register_forward_pre_hook(self._enter, prepend=True))
            self._handles.append(module.register_forward_hook(self._leave, always_call=True))

    def remove(self) -> None:
        """Leaves the modules as they were found."""
        self.pause()
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def pause(self) -> None:
        """Looks away, but leaves the hooks where they are."""
        self._active = self.seen = False
        self._stop_listening()
        self._stack.clear()

    def take(self) -> dict[str, list[Summary]]:
        """Values by name since the last call, in the order in which they came about.

        Only those of forward passes that a backward pass has reached; where none was, those of all finished ones.
        """
        values, self._values = self._values, []
        trained = any(value.forward.trained for value in values)
        values = [value for value in values if (value.forward.trained if trained else value.forward.finished)]
        calls = Counter((id(value.forward), value.module) for value in values if value.module is not None)
        repeated = {name for (_, name), count in calls.items() if count > 1 and name is not None}
        self._reused.update(name for name in repeated if not self._kinds[name].has_parameters)
        found: dict[str, list[Summary]] = {}
        for value in values:
            name = f"{value.name}({value.source})" if value.module in self._reused else value.name
            found.setdefault(name, []).append(value.summary)
        self._origins.clear()
        self._rectified.clear()
        return found

    def tap(self, name: str, tensor: Tensor, activation: str | None) -> None:
        """Records a tensor that the user hands over, under the name he gives it."""
        kept = self._forward
        self._forward = kept or Forward(trained=True, finished=True)
        try:
            self._record(None, name, "", tensor, activation, None)
        finally:
            self._forward = kept

    def __deepcopy__(self, memo: dict[int, Any]) -> "ForwardObserver":
        """A copied model is not watched: to this observer its modules are strangers."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """A saved model is not watched either."""
        return Unwatched, ()

    # --- what PyTorch calls ------------------------------------------------------------------------------------------

    def _enter(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        if torch.compiler.is_compiling():
            return
        with self._stopwatch, torch._C.DisableTorchFunction():
            name = self._names.get(id(module))
            if name is None:
                return
            if not self._stack:
                self._begin()
            self._stack.append(name)
            self._leaves += self._kinds[name].leaf
            if self._kinds[name].compiled:
                self._stop_listening()  # or else the compiler would take the mode for a part of the program

    def _leave(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if torch.compiler.is_compiling() or not self._stack:
            return
        with self._stopwatch, torch._C.DisableTorchFunction():
            name = self._names.get(id(module))
            if name is None or name != self._stack[-1]:
                return
            self._stack.pop()
            self._leaves -= self._kinds[name].leaf
            if self._kinds[name].compiled and self._stack and self._forward is not None:
                self._listen()
            if self._forward is not None and output is not None:
                self._module_output(name, args, output)
            if not self._stack:
                self._end(output)

    def function(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls `func` and looks at what it gives, unless it is a built-in module that called it."""
        name = getattr(func, "__name__", "").strip("_")
        gate = gate_name(name)
        if self._leaves or self._forward is None or not (gate or name in SEEN):
            return func(*args, **kwargs)
        source = next((arg for arg in args if isinstance(arg, Tensor)), None)
        if source is None:
            source = next((value for value in kwargs.values() if isinstance(value, Tensor)), None)
        with self._stopwatch:
            origin = self._origin(source)
            rectified = self._rectified_of(source) if gate == "relu" else None
            if gate and source is not None and origin is not None and not origin.recorded:
                self._record(None, origin.name, "", source, None, origin.axis)  # before it can be overwritten
        output = func(*args, **kwargs)
        with self._stopwatch:
            if isinstance(output, Tensor):
                self._function_output(name, gate, source, origin, rectified, output)
        return output

    # --- one forward pass --------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._leaves = 0
        self._occurrences.clear()
        in_backward = torch._C._current_graph_task_id() != -1  # a checkpointed part that is computed once more
        if not self._active or not torch.is_grad_enabled() or in_backward:
            self._forward = None
            return
        self.seen = True
        self._forward = Forward()
        self._listen()

    def _end(self, output: Any) -> None:
        self._stop_listening()
        forward, self._forward = self._forward, None
        if forward is None:
            return
        forward.finished = output is not None

        def reached(gradient: Tensor) -> None:
            forward.trained = True

        for _, tensor in tensors_in(output, ""):
            if tensor.requires_grad:
                tensor.register_hook(reached)

    def _listen(self) -> None:
        self._mode = FunctionMode(self)
        self._mode.__enter__()

    def _stop_listening(self) -> None:
        if self._mode is not None:
            self._mode.__exit__(None, None, None)
            self._mode = None

    def _module_output(self, name: str, args: tuple[Any, ...], output: Any) -> None:
        kind = self._kinds[name]
        gate = kind.gate
        source = next((arg for arg in args if isinstance(arg, Tensor)), None)
        origin = self._origin(source)
        rectified = self._rectified_of(source) if gate == "relu" else None
        for suffix, tensor in tensors_in(output, ""):
            axis = kind.axis if kind.axis is not None else (origin.axis if origin else None)
            if kind.same_values:
                if origin is not None:
                    self._origins[id(tensor)] = Origin(weakref.ref(tensor), origin.name, axis, True)
                continue
            known = self._origin(tensor)
            if known is not None and known.recorded and not gate:
                continue  # what the last module inside gave is what this one gives
            source_name = origin.name if origin else "input"
            self._record(name, (name or "output") + suffix, source_name, tensor, gate, axis, rectified)
            if gate == "relu" and origin is not None:
                self._followed_by_relu.add(origin.name)

    def _function_output(
        self, name: str, gate: str | None, source: Tensor | None, origin: Origin | None,
        rectified: Summary | None, output: Tensor,
    ) -> None:  # fmt: skip
        axis = origin.axis if origin else None
        if name in SAME_VALUES:
            if origin is not None:
                self._origins[id(output)] = Origin(weakref.ref(output), origin.name, axis, True)
            return
        own = self._own_name(name, origin)
        if not gate and name not in RECORDED:
            self._origins[id(output)] = Origin(weakref.ref(output), own, axis, False)
            return
        self._record(None, own, "", output, gate, axis, rectified)
        if gate == "relu" and origin is not None:
            self._followed_by_relu.add(origin.name)

    def _own_name(self, name: str, origin: Origin | None) -> str:
        """relu(conv1) where the input is known; otherwise by the enclosing module and the occurrence in it."""
        if origin is not None and name not in NAMED:
            return f"{name}({origin.name})"
        scoped = ".".join(part for part in (self._stack[-1], name) if part)
        self._occurrences[scoped] += 1
        number = self._occurrences[scoped]
        return scoped if number == 1 else f"{scoped}#{number}"

    def _record(
        self, module: str | None, name: str, source: str, tensor: Tensor, gate: str | None, axis: int | None,
        derived: Summary | None = None,
    ) -> None:  # fmt: skip
        """Reads a tensor, or takes the summary `derived` from its input, and remembers where the tensor came from."""
        assert self._forward is not None
        self._origins[id(tensor)] = Origin(weakref.ref(tensor), name, axis, True)
        if not self._wanted(name):
            return
        values = None if derived is not None else plain(tensor)
        if derived is None and values is None:
            return
        if derived is None:
            assert values is not None
            place = unit_axis(values, axis)
            rectify = (
                gate is None and place is not None and name in self._followed_by_relu and values.is_floating_point()
            )
            looked_at = gate if gate and place is not None else ("relu" if rectify else None)
            found = self.reading.read([Request(values, gate=looked_at, axis=place or 0, rectified=rectify)])
            derived = found[0]
            if rectify:
                self._rectified[id(tensor)] = Rectified(weakref.ref(tensor), tensor._version, found[1])
        self._values.append(Value(module, name, source, derived, self._forward))

    def _origin(self, tensor: Tensor | None) -> Origin | None:
        origin = self._origins.get(id(tensor))
        return origin if origin is not None and origin.reference() is tensor else None

    def _rectified_of(self, tensor: Tensor | None) -> Summary | None:
        found = self._rectified.get(id(tensor))
        if found is None or tensor is None or found.reference() is not tensor or found.version != tensor._version:
            return None
        return found.summary


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
