"""`backlight.watch`: records what happens inside any PyTorch model while the user's own loop trains it."""

import json
import math
import sys
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from backlight.errors import RunError, SettingsError
from backlight.recording.facts import write_facts
from backlight.recording.gates import GATES, gate_name
from backlight.recording.run_writer import RunWriter, next_free_folder
from backlight.recording.summarise import kernels
from backlight.recording.tensor_summary import PackedSummary, merge_packed, square_sum
from backlight.watching.facts import model_facts
from backlight.watching.finish import finish
from backlight.watching.forward import ForwardObserver
from backlight.watching.modes import TestObserver, switched_modules
from backlight.watching.modules import is_compiled
from backlight.watching.parameters import ParameterObserver
from backlight.watching.ranks import Ranks
from backlight.watching.reading import DeviceReading, HostReading, Reading, Summary, fetch
from backlight.watching.schedule import Schedule
from backlight.watching.selection import Selection
from backlight.watching.stopwatch import Stopwatch
from backlight.watching.waiting import Waiting


def watch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    run: Path | str | RunWriter | None = None,
    *,
    every: int | None = None,
    budget: float | None = 0.02,
    include: str | Sequence[str] = "*",
    exclude: str | Sequence[str] = (),
    names: Mapping[str, str] | None = None,
    tensorboard: bool = False,
    first_step: int = 0,
) -> "Watch":
    """Records parameters, gradients, updates and activations of `model` from now on, without changing a number.

    A step is one call of `optimizer.step`. What is recorded of step s is what update s + 1 is computed from: parameters
    before it, gradients as the optimizer sees them (accumulated, unscaled, clipped), activations of all its forward
    passes; and the update itself. The norms of gradients are recorded in every step.

    Args:
        model: any module; only looked at, and released when nobody else holds it.
        optimizer: the one that trains it.
        run: folder to make and write, the next free one under runs/ if not given; or an open RunWriter.
        every: record the steps whose number it divides, instead of by budget.
        budget: share of the training's own time that watching may cost, above 0; recording pauses to stay inside. The
            first ten steps are always recorded. None records every step.
        include, exclude: patterns, such as "grad/*" or ["act/*", "param/conv*"], of the tensors to record.
        names: other names for activations, such as {"conv1": "z1", "relu(conv1)": "a1"}.
        tensorboard: also write TensorBoard event files.
        first_step: number of the coming step, for a training that goes on.

    Returns:
        The recording under way, complete after `close` or at the end of the program.

    Raises:
        SettingsError: for a setting out of its range, or what is no module or optimizer.
        RunError: if the folder holds a run already or cannot be written.
    """
    if every is not None and every < 1:
        raise SettingsError(f"every must be a whole number of at least 1, not {every}")
    if budget is not None and not budget > 0:
        raise SettingsError(f"budget is a share of the training time above 0, such as 0.02, not {budget}")
    inner = getattr(optimizer, "optimizer", None)  # what Lightning and Accelerate wrap
    optimizer = inner if isinstance(inner, torch.optim.Optimizer) else optimizer
    if not isinstance(model, nn.Module) or not isinstance(optimizer, torch.optim.Optimizer):
        given = f"{type(model).__name__} and {type(optimizer).__name__}"
        raise SettingsError(f"watch takes a torch.nn.Module and its torch.optim.Optimizer, not {given}")
    if isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
        model = model.module  # whose names are the user's
    wanted = Selection(include, exclude)
    ranks = Ranks()
    writer, own = None, False
    if isinstance(run, RunWriter):
        writer = run
    elif ranks.first:
        options = {"every": every, "budget": budget if every is None else None, "include": list(wanted.include)}
        folder = Path(run) if run is not None else next_free_folder("watch")
        writer, own = RunWriter(folder, ("watch",), {**options, "exclude": list(wanted.exclude)}), True
        if tensorboard:
            writer.add_event_file("", None)
    return Watch(model, optimizer, writer if ranks.first else None, own, ranks, Schedule(every, budget), wanted,
                 dict(names or {}), first_step)  # fmt: skip


class Watch:
    """A recording under way, made by `watch`; a context manager, closed at the latest when the program ends.

    Attributes:
        step: number of the coming step.
    """

    def __init__(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, writer: RunWriter | None, own_writer: bool,
        ranks: Ranks, schedule: Schedule, wanted: Selection, names: dict[str, str], first_step: int,
    ):  # fmt: skip
        kernels()  # compiled or loaded now, not in the first step
        self.step: int = first_step
        self._model = weakref.ref(model)
        self._writer, self._ranks, self._schedule, self._names = writer, ranks, schedule, names
        self._own_writer = own_writer
        self._stopwatch = Stopwatch()
        self._host, self._device = HostReading(), DeviceReading()
        self._parameters = ParameterObserver(model, optimizer, wanted)
        self._forward = ForwardObserver(
            self._reading(), lambda name: wanted(f"act/{names.get(name, name)}"), self._stopwatch
        )
        self._tests = TestObserver(model, schedule, first_step)
        self._rows: dict[str, Summary] = {}
        self._waiting = Waiting(writer)
        self._nonfinite: set[str] = set()
        self._step_ended: float | None = None
        self._evaluating = False  # noted already: a part that behaves otherwise in evaluation mode is in it
        self._blind = False  # no forward pass is seen: the model runs as compiled code
        self._next = first_step if schedule.every is None else -(-first_step // schedule.every) * schedule.every
        self._recording = False
        self._over = False  # closed, or given up
        # The optimizer keeps this object alive; when it is gone, or the program ends, the record is completed.
        handles = [
            optimizer.register_step_pre_hook(self._before_step),
            optimizer.register_step_post_hook(self._after_step),
        ]
        looking = self._forward.remove, self._tests.remove, self._parameters.release
        releases = [*(handle.remove for handle in handles), *looking]
        self._finish = weakref.finalize(
            self, finish, writer, own_writer, schedule, first_step, self._waiting, self._tests, releases
        )
        self._describe(model)
        if writer is not None and first_step == 0:
            with self._surviving():
                describe_model(writer, model, optimizer, names)
        self._prepare()

    def __enter__(self) -> "Watch":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None and not self._over:
            with self._surviving():
                self._note_exception(error)
        self.close()

    @property
    def folder(self) -> Path | None:
        """Of the run; None on all ranks but the first."""
        return self._writer.folder if self._writer is not None else None

    @property
    def cost(self) -> Schedule:
        """What watching has cost so far."""
        return self._schedule

    def tap(self, name: str, tensor: Tensor, activation: str | None = None) -> Tensor:
        """Records a tensor of a forward pass under a name of one's own, and hands it back.

        Args:
            name: recorded as act/name.
            tensor: any tensor; nothing happens in a step that is not recorded.
            activation: the activation function that gave it, such as "relu", to look at its units.

        Raises:
            SettingsError: for an unknown activation function.
        """
        gate = None if activation is None else gate_name(activation)
        if activation is not None and gate is None:
            raise SettingsError(f"unknown activation {activation!r}; choose one of {', '.join(GATES)}")
        if self._recording and not self._over and torch.is_grad_enabled():
            with self._stopwatch, torch._C.DisableTorchFunction():
                self._forward.tap(name, tensor, gate)
        return tensor

    def scalars(self, step: int | None = None, /, **values: float | Tensor) -> None:
        """Records numbers as train/name, such as `scalars(loss=loss, accuracy=share)`; nothing after `close`.

        Args:
            step: the step they are of: the coming one, `self.step`, if not given. After `optimizer.step` the one that
                has just been made is `watch.step - 1`.
            values: numbers, or tensors of one value; those on a device are fetched later, with others.
        """
        if self._over:
            return
        at = self.step if step is None else step
        with self._stopwatch, self._surviving():
            self._waiting.scalars(at, {f"train/{name}": value for name, value in values.items()})

    def flush(self) -> None:
        """Hands over what still waits on a device; a training does so before a checkpoint, which will not repeat it."""
        if not self._over:
            with self._stopwatch, self._surviving():
                self._waiting.write()

    def close(self) -> None:
        """Writes what is left, takes the hooks away and says what watching has cost; a second call does nothing."""
        self._over = True
        self._finish()

    # --- around a step -----------------------------------------------------------------------------------------------

    def _before_step(self, optimizer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Looks now; or, where a closure computes the gradients inside of the step, once it has."""
        closure = kwargs.get("closure", args[1] if len(args) > 1 else None)  # args[0] is the optimizer
        if closure is None:
            return self._look()
        waiting = [self._look]

        def looking() -> Any:
            loss = closure()
            if waiting:  # LBFGS calls it several times, and only the first is of the parameters before the step
                waiting.pop()()
            return loss

        if "closure" in kwargs:
            return args, {**kwargs, "closure": looking}
        return (args[0], looking, *args[2:]), kwargs

    def _look(self) -> None:
        """Parameters and gradients, right before they are used."""
        if self._over:
            return
        with self._stopwatch, torch.no_grad(), self._surviving():
            if not self._recording and self._writer is not None:
                self._light_step()
            if self._recording:
                self._rows = self._parameters.before(self._reading())

    def _after_step(self, *_: Any) -> None:
        if self._over:
            return
        recorded = self._recording
        with self._stopwatch, torch.no_grad(), self._surviving():
            if recorded:
                updates = self._parameters.after(self._reading())
                self._note_blindness()
                self._note_evaluation()
                self._record(self._forward.take(), self._rows, updates)
                self._rows = {}
        ended, watching = perf_counter(), self._stopwatch.take()
        training = None if self._step_ended is None else max(ended - self._step_ended - watching, 0.0)
        self._step_ended = ended
        self._schedule.note(recorded, watching, training)
        with self._stopwatch, self._surviving():  # counts for the coming step
            self._tests.write(self._writer)
            if recorded:
                if self._writer is not None:
                    self._writer.cost(self.step, watching, training)
                self._next = self._ranks.agree(self._schedule.next_after(self.step))
            self.step += 1
            self._prepare()

    @contextmanager
    def _surviving(self) -> Iterator[None]:
        """A disk that refuses ends the watching, not the training; unless the writer was handed in."""
        try:
            yield
        except RunError as error:
            if not self._own_writer:
                raise
            if not self._over:
                sys.stderr.write(f"backlight: {error}; the training goes on, no longer watched\n")
            self._over = True
            self._forward.remove()  # the optimizer's hooks cannot go while it is calling them; `close` takes them away

    def _prepare(self) -> None:
        """Gets ready for the coming step."""
        self._recording = self.step >= self._next
        model = self._model()
        if self._recording and model is not None:
            self._forward.reading = self._reading()
            self._forward.install(model)
        elif self._blind:
            self._forward.pause()  # compiled code is compiled again when hooks come or go
        else:
            self._forward.remove()

    def _light_step(self) -> None:
        """Norms only; the first one that is not finite turns this step into a recorded one."""
        names, norms = self._parameters.norms()
        if norms is None:
            return
        self._waiting.norms(self.step, names, norms)
        if norms.device.type == "cpu" and not norms.isfinite().all() and not self._ranks.together:
            suspects = {name for name, value in zip(names, norms.tolist(), strict=True) if not math.isfinite(value)}
            self._recording = bool(suspects - self._nonfinite)

    # --- what goes into the record -----------------------------------------------------------------------------------

    def _record(self, values: dict[str, list[Summary]], before: dict[str, Summary], after: dict[str, Summary]) -> None:
        flat = [summary for each in values.values() for summary in each]
        packed = iter(fetch([*flat, *before.values(), *after.values()]))
        activations = {
            f"act/{self._names.get(name, name)}": merge_packed([next(packed) for _ in each])
            for name, each in values.items()
        }
        parameters = {name: next(packed) for name in (*before, *after)}
        rows = self._ranks.merge(activations, parameters)
        if self._writer is None:
            return
        self._writer.tensors(self.step, rows)
        normed = {name: row for name, row in rows.items() if name.startswith(("param/", "grad/"))}
        self._writer.norms(self.step, list(normed), np.array([norm_of(row) for row in normed.values()], np.float32))
        self._note_nonfinite(rows)
        self._waiting.write()

    def _note_exception(self, error: BaseException) -> None:
        """Keeps what was seen of the step that broke off."""
        if self._recording and not self._ranks.together:
            self._record(self._forward.take(), self._rows, {})
        if self._writer is not None:
            self._writer.event(self.step, "exception", f"{type(error).__name__}: {error}")

    def _note_blindness(self) -> None:
        """An event when, for the first time, a step was made without a forward pass that hooks could see."""
        if not self._forward.active:  # a norm made this step a recorded one, when there were no hooks
            return
        if not self._forward.seen and not self._blind and self._writer is not None:
            detail = "no forward pass was seen, so activations are missing; is the model compiled?"
            self._writer.event(self.step, "unseen", detail)
        self._blind = not self._forward.seen

    def _note_evaluation(self) -> None:
        """An event when, for the first time, a step was made with dropout or batch norm in evaluation mode."""
        model = self._model()
        if self._evaluating or model is None or model.training or self._writer is None:
            return
        evaluating, switched = switched_modules(model)
        if evaluating:
            self._evaluating = True
            detail = {"evaluation mode": evaluating, "of": len(switched)}
            self._writer.event(self.step, "evaluation mode", json.dumps(detail))

    def _note_nonfinite(self, rows: Mapping[str, PackedSummary]) -> None:
        """An event for each tensor that holds NaN or infinity for the first time."""
        assert self._writer is not None
        for name, row in rows.items():
            infinite = row.positive_infinity + row.negative_infinity
            if (row.nan or infinite) and name not in self._nonfinite:
                self._nonfinite.add(name)
                detail = {"tensor": name, "nan": row.nan, "infinite": infinite, "count": row.size}
                self._writer.event(self.step, "nonfinite", json.dumps(detail))

    def _describe(self, model: nn.Module) -> None:
        """An event that says what will not be seen, and which parameters do not take part."""
        if self._writer is None:
            return
        compiled = [name or "the model" for name, module in model.named_modules() if is_compiled(module)]
        detail = {
            "frozen": self._parameters.frozen(),
            "not in the optimizer": self._parameters.untrained(),
            "compiled, activations inside are not seen": compiled,
        }
        self._writer.event(self.step, "watch", json.dumps({key: value for key, value in detail.items() if value}))

    def _reading(self) -> Reading:
        return self._host if self._parameters.device().type == "cpu" else self._device


def describe_model(
    writer: RunWriter, model: nn.Module, optimizer: torch.optim.Optimizer, names: Mapping[str, str]
) -> None:
    """Raises RunError if the folder cannot be written."""
    try:
        write_facts(writer.folder, model_facts(model, optimizer, names))
    except OSError as error:
        raise RunError(f"{writer.folder}: cannot be written: {error}") from None


def norm_of(row: PackedSummary) -> float:
    """Euclidean norm of all values: NaN or infinite where one of them is."""
    if row.nan or row.positive_infinity or row.negative_infinity:
        return float("nan") if row.nan else float("inf")
    return math.sqrt(square_sum(row.size, row.mean, row.variance))
