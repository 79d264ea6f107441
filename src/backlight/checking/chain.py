"""A list of layer objects run one after the other, for scripts whose loops stand at module level."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from backlight.checking.binding import Bound, Plan
from backlight.checking.compose import method
from backlight.checking.feed import Feed
from backlight.checking.gradient_places import Place, changed_state, match, state
from backlight.checking.own_code import Reference, as_shape, follow, rows
from backlight.checking.program import Program
from backlight.checking.roles import BACKWARD
from backlight.checking.store import Slot, slots
from backlight.checking.subject import Subject, scalar, seeded
from backlight.networks.activations import Array

FORWARD_METHODS = r"(forward\w*|fprop|__call__|feed_?forward|fwd|predict)"


@dataclass(frozen=True)
class Ends:
    """What follows the layers.

    Attributes:
        loss: the loss, of outputs and labels; None if the script has none.
        loss_plan: how it is called.
        gradient: what gives its derivative by the outputs.
        gradient_plan: how that is called.
    """

    loss: Reference | None
    loss_plan: Plan
    gradient: Reference
    gradient_plan: Plan


class Chain(Subject):
    """Layers forward in order, the loss's derivative, layers backward in reverse."""

    def __init__(
        self, program: Program, shown: str, build: Callable[[Program], Any], feed: Feed, ends: Ends | None
    ) -> None:
        self.program, self.shown, self.build, self.feed, self.ends = program, shown, build, feed, ends
        self.layers: list[Any] = build(program)
        self.slots: list[Slot] = [s for s in slots(self.layers) if s.read().dtype.kind == "f" and s.read().ndim <= 2]
        self.places: tuple[Place | None, ...] = ()
        self.rate = 1.0
        self.accumulates = False
        self.objects: dict[str, Any] = {}

    @property
    def description(self) -> str:  # type: ignore[override]
        ends = [str(r) for r in (self.ends.loss, self.ends.gradient) if r] if self.ends else []
        return f"layers {self.shown} with {', '.join(dict.fromkeys(ends))}"

    def rebuilt(self, program: Program) -> "Chain":
        again = Chain(program, self.shown, self.build, self.feed, self.ends)
        paths = {slot.path: slot for slot in again.slots}
        again.slots = [paths[slot.path] for slot in self.slots]
        again.places, again.rate, again.accumulates = self.places, self.rate, self.accumulates
        return again

    @property
    def has_loss(self) -> bool:
        return self.ends is not None and self.ends.loss is not None

    def resolve(self, reference: Reference) -> Callable[..., Any]:
        """A function, or a method of one object of its class that forward and backward share."""
        if not reference.holder:
            return self.program.namespace[reference.name]  # type: ignore[no-any-return]
        if reference.holder not in self.objects:
            self.objects[reference.holder] = self.program.namespace[reference.holder]()
        return getattr(self.objects[reference.holder], reference.name)  # type: ignore[no-any-return]

    def batches(self) -> list[tuple[Any, Any]]:
        if not self.feed.single:
            return [(self.feed.inputs(), self.feed.labels())]
        return [self.feed.sample(index) for index in range(len(self.feed.X))]

    def forward(self, x: Any) -> tuple[Any, list[Any]]:
        """Outputs, and what each layer was given."""
        given = []
        for layer in self.layers:
            given.append(x)
            name = method(layer, FORWARD_METHODS)
            returned = getattr(layer, name or "forward")(x)
            x = returned if returned is not None else layer.output
            x = x[0] if isinstance(x, tuple) else x
        return x, given

    def outputs(self) -> Array | None:
        found = [seeded(lambda s=sample: rows(self.forward(s[0])[0], self.feed)) for sample in self.batches()]
        return None if any(part is None for part in found) else np.concatenate(found)

    def loss(self) -> float:
        return float(np.mean([seeded(lambda s=sample: self.sample_loss(*s)) for sample in self.batches()]))

    def sample_loss(self, inputs: Any, labels: Any) -> float:
        assert self.ends is not None and self.ends.loss is not None
        out, _ = self.forward(inputs)
        value = Bound(self.resolve(self.ends.loss), self.ends.loss_plan)({"outputs": out, "labels": labels})
        number = scalar(value)
        return float(np.mean(value)) if number is None else number

    def gradients(self) -> list[Array | None]:
        found = self.one_backward()
        if not self.accumulates:
            return found
        return [None if a is None or b is None else b - a for a, b in zip(found, self.one_backward(), strict=True)]

    def one_backward(self) -> list[Array | None]:
        kept = self.values()
        each: list[list[Array | None]] = []
        for sample in self.batches():
            before = self.values()
            seeded(lambda s=sample: self.backward(*s))
            each.append([self.gradient_at(p, s, b) for p, s, b in zip(self.places, self.slots, before, strict=True)])
            self.assign(kept)
        if len(each) == 1:
            return each[0]
        return [None if any(g is None for g in parts) else sum(parts) / len(each) for parts in zip(*each, strict=True)]  # type: ignore[arg-type]

    def backward(self, inputs: Any, labels: Any) -> None:
        assert self.ends is not None
        out, given = self.forward(inputs)
        if self.ends.loss is not None:  # a loss object remembers what its backward needs
            Bound(self.resolve(self.ends.loss), self.ends.loss_plan)({"outputs": out, "labels": labels})
        pool = {"outputs": out, "labels": labels, "one": 1.0}
        grad = Bound(self.resolve(self.ends.gradient), self.ends.gradient_plan)(pool)
        grad = self.objects[self.ends.gradient.holder].dinputs if grad is None else grad
        for layer, x in zip(reversed(self.layers), reversed(given), strict=True):
            grad = self.layer_backward(layer, x, grad)

    def layer_backward(self, layer: Any, x: Any, grad: Any) -> Any:
        name = method(layer, BACKWARD)
        if name is None:
            return grad  # a softmax whose derivative the loss takes along
        function = getattr(layer, name)
        returned = function(*self.layer_arguments(function, x, grad))
        returned = returned if returned is not None else getattr(layer, "dinputs", None)
        return returned[0] if isinstance(returned, tuple) else returned

    def layer_arguments(self, function: Callable[..., Any], x: Any, grad: Any) -> list[Any]:
        """(grad), (grad, learning_rate) or (input, grad)."""
        from backlight.checking.compose import required

        names = required(function)
        if len(names) < 2:
            return [grad]
        if any(word in names[1].lower() for word in ("rate", "lr", "eta", "alpha", "step")):
            return [grad, self.rate if self.rate != 1.0 else 0.01]
        return (
            [x, grad] if any(word in names[0].lower() for word in ("in", "x")) and "grad" not in names[0] else [grad, x]
        )

    def gradient_at(self, place: Place | None, slot: Slot, before: Array) -> Array | None:
        if place is None:
            return None
        if place.source == "update":
            return (before - np.asarray(slot.read(), dtype=float)) / self.rate
        value = follow(self.layers, place.path)
        return None if value is None else as_shape(np.array(value, dtype=float), before.shape)

    def find_places(self) -> bool:
        """Where the layers leave their gradients, seen by running backward at two different parameters."""
        from backlight.checking.subject import generic_values

        self.rate = self.step_size()
        inputs, labels = self.batches()[0]
        for seed in (1, 2):
            values = generic_values(self, seed)
            self.assign(values)
            seeded(lambda: self.forward(inputs))
            before = state(self.layers)
            seeded(lambda: self.backward(inputs, labels))
        moved = any(not np.array_equal(a, b) for a, b in zip(self.values(), values, strict=True))
        found = match(self.slots, changed_state(before, self.layers, self.slots))
        if sum(place is not None for place in found) * 2 <= len(found) and moved:
            found = [Place("update", slot.path) for slot in self.slots]
        self.places = tuple(found)
        return sum(place is not None for place in found) * 2 > len(found)

    def step_size(self) -> float:
        from backlight.checking.roles import roles_of

        for layer in self.layers:
            for name, value in vars(layer).items() if hasattr(layer, "__dict__") else ():
                if isinstance(value, float) and roles_of(name)[:1] == ("rate",):
                    return value
            name = method(layer, BACKWARD)
            from backlight.checking.compose import required

            if name and any(roles_of(argument)[:1] == ("rate",) for argument in required(getattr(layer, name))):
                return 0.01
        return 1.0
