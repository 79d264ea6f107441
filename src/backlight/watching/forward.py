"""What modules and activation functions give in a forward pass, by the names a user knows them by.

Hooks see the outputs of modules. Functions such as F.relu are invisible to them; a TorchFunctionMode, which PyTorch
asks before each of its functions, sees those. Both only look: what they are handed goes on as it was.

A value is read the moment it is there, since the next operation may overwrite it. Where a ReLU is known to follow from
the forward pass before, both are summarised in one read.
"""

import weakref
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from backlight.recording.gates import gate_name
from backlight.watching.functions import NAMED, RECORDED, SAME_VALUES, SEEN, FunctionMode, function_name
from backlight.watching.modules import Kind, observable_modules, tensors_in
from backlight.watching.reading import Reading, Request, Summary
from backlight.watching.stopwatch import Stopwatch
from backlight.watching.tensors import plain, unit_axis


class Origin(NamedTuple):
    """Where a tensor comes from: a name, the axis of its units, whether its values are recorded already."""

    reference: "weakref.ref[Tensor]"
    name: str
    axis: int | None
    recorded: bool


class Rectified(NamedTuple):
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
        self._listening = ExitStack()  # holds the mode that sees functions, from `_listen` to `_stop_listening`
        self.active = False  # between `install` and `remove`
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
        self.active = True
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
        self.active = self.seen = False
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

    def _function(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls `func` and looks at what it gives, unless it is a built-in module that called it."""
        name = function_name(func)
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
        if not self.active or not torch.is_grad_enabled() or in_backward:
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
        self._listening.enter_context(FunctionMode(self._function))

    def _stop_listening(self) -> None:
        self._listening.close()

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
                    self._origins[id(tensor)] = Origin(weakref.ref(tensor), origin.name, axis, origin.recorded)
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
                self._origins[id(output)] = Origin(weakref.ref(output), origin.name, axis, origin.recorded)
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
        """Keeps the summary of a tensor, `derived` from that of its input or read now, and where the tensor is from."""
        assert self._forward is not None
        self._origins[id(tensor)] = Origin(weakref.ref(tensor), name, axis, True)
        if self._wanted(name):
            summary = derived or self._read(name, tensor, gate, axis)
            if summary is not None:
                self._values.append(Value(module, name, source, summary, self._forward))

    def _read(self, name: str, tensor: Tensor, gate: str | None, axis: int | None) -> Summary | None:
        """The summary of a tensor; where a ReLU has followed before, that of its output is made as well and kept."""
        values = plain(tensor)
        if values is None:
            return None
        place = unit_axis(values, axis)
        if place is None:
            return self.reading.read([Request(values)])[0]
        if gate is None and name in self._followed_by_relu and values.is_floating_point():
            summary, rectified = self.reading.read([Request(values, gate="relu", axis=place, rectified=True)])
            self._rectified[id(tensor)] = Rectified(weakref.ref(tensor), tensor._version, rectified)
            return summary
        return self.reading.read([Request(values, gate=gate, axis=place)])[0]

    def _origin(self, tensor: Tensor | None) -> Origin | None:
        origin = self._origins.get(id(tensor))
        return origin if origin is not None and origin.reference() is tensor else None

    def _rectified_of(self, tensor: Tensor | None) -> Summary | None:
        found = self._rectified.get(id(tensor))
        if found is None or tensor is None or found.reference() is not tensor or found.version != tensor._version:
            return None
        return found.summary
