"""A list of layer objects run one after the other, for scripts whose loops stand at module level."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from backlight.checking.binding import Bound, Plan, Pool, bind
from backlight.checking.compose import make_object, make_one, shown
from backlight.checking.construct import Maker
from backlight.checking.feed import Feed
from backlight.checking.gradient_places import Place, changed_state, keys_of, match, state
from backlight.checking.layers import LAYER_FORWARD, is_layer, is_mere_layer, method, methods, required
from backlight.checking.layout import is_bias
from backlight.checking.outputs import rows
from backlight.checking.own_code import Reference, added, as_shape, follow
from backlight.checking.program import Program
from backlight.checking.rehearsal import assembled
from backlight.checking.roles import BACKWARD, LOSS, is_called, roles_of
from backlight.checking.store import Slot, slots
from backlight.checking.subject import Subject, generic_values, scalar, seeded
from backlight.networks.activations import Array

CALL_NAMES = ("fn", "forward", "__call__", "loss", "calculate", "compute", "value", "cost", "f", "function", "apply")
LOSS_WORDS = r"loss|cost|mse|sse|entropy|bce|nll|error|xent|criterion|objective"
RATE = 0.01  # step size handed to code that applies its gradients itself


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
    def description(self) -> str:  # type: ignore[override]  # others keep it as an attribute
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
        function: Callable[..., Any]
        if not reference.holder:
            function = self.program.namespace[reference.name]
        else:
            if reference.holder not in self.objects:
                self.objects[reference.holder] = self.program.namespace[reference.holder]()
            function = getattr(self.objects[reference.holder], reference.name)
        return function

    def batches(self) -> list[tuple[Any, Any]]:
        if not self.feed.single:
            return [(self.feed.inputs(), self.feed.labels())]
        return [self.feed.sample(index) for index in range(len(self.feed.X))]

    def forward(self, x: Any) -> tuple[Any, list[Any]]:
        """Outputs, and what each layer was given."""
        given = []
        for layer in self.layers:
            given.append(x)
            name = method(layer, LAYER_FORWARD)
            function = getattr(layer, name or "forward")
            returned = function(x, *[False] * (len(required(function)) - 1))  # forward(x, training)
            x = returned if returned is not None else layer.output
            x = x[0] if isinstance(x, tuple) else x
        return x, given

    def outputs(self) -> Array | None:
        found = [rows(seeded(partial(self.forward, sample[0]))[0], self.feed) for sample in self.batches()]
        parts = [part for part in found if part is not None]
        return np.concatenate(parts) if len(parts) == len(found) else None

    def loss(self) -> float:
        return float(np.mean([seeded(partial(self.sample_loss, *sample)) for sample in self.batches()]))

    def sample_loss(self, inputs: Any, labels: Any) -> float:
        assert self.ends is not None
        assert self.ends.loss is not None
        out, _ = self.forward(inputs)
        value = Bound(self.resolve(self.ends.loss), self.ends.loss_plan)(self.pool(out, labels))
        number = scalar(value)
        return float(np.mean(value)) if number is None else number

    def pool(self, out: Any, labels: Any) -> Pool:
        return {"outputs": out, "labels": labels, "one": 1.0}

    def gradients(self) -> list[Array | None]:
        found = self.one_backward()
        if not self.accumulates:
            return found
        return [added(a, b) for a, b in zip(found, self.one_backward(), strict=True)]

    def one_backward(self) -> list[Array | None]:
        kept = self.values()
        each: list[list[Array | None]] = []
        for sample in self.batches():
            before = self.values()
            seeded(partial(self.backward, *sample))
            each.append([self.gradient_at(p, s, b) for p, s, b in zip(self.places, self.slots, before, strict=True)])
            self.assign(kept)
        if len(each) == 1:
            return each[0]
        return [None if any(g is None for g in parts) else sum(parts) / len(each) for parts in zip(*each, strict=True)]

    def backward(self, inputs: Any, labels: Any) -> None:
        assert self.ends is not None
        out, given = self.forward(inputs)
        pool = self.pool(out, labels)
        if self.ends.loss is not None:  # a loss object remembers what its backward needs
            Bound(self.resolve(self.ends.loss), self.ends.loss_plan)(pool)
            pool["outputs:probabilities"] = getattr(self.objects.get(self.ends.loss.holder), "output", None)
        grad = Bound(self.resolve(self.ends.gradient), self.ends.gradient_plan)(pool)
        grad = grad[1] if isinstance(grad, tuple) else grad  # (loss, gradient)
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
        names = required(function)
        if len(names) < 2:
            return [grad]
        if any(word in names[1].lower() for word in ("rate", "lr", "eta", "alpha", "step")):
            return [grad, self.rate if self.rate != 1.0 else RATE]
        return (
            [x, grad] if any(word in names[0].lower() for word in ("in", "x")) and "grad" not in names[0] else [grad, x]
        )

    def gradient_at(self, place: Place | None, slot: Slot, before: Array) -> Array | None:
        if place is None:
            return None
        if place.source == "update":
            return (before - np.asarray(slot.read(), np.float64)) / self.rate
        value = follow(self.layers, place.path)
        return None if value is None else as_shape(np.array(value, dtype=float), before.shape)

    def gradient_keys(self) -> set[str]:
        return keys_of(self.places)

    def find_places(self) -> bool:
        """Where the layers leave their gradients, seen by running backward at two different parameters."""
        self.rate = self.step_size()
        inputs, labels = self.batches()[0]
        self.keep_parameters(inputs)
        for seed in (1, 2):
            values = generic_values(self, seed)
            self.assign(values)
            seeded(lambda: self.forward(inputs))
            before = state(self.layers)
            seeded(lambda: self.backward(inputs, labels))
        moved = any(not np.array_equal(a, b) for a, b in zip(self.values(), values, strict=True))
        found = match(self.slots, changed_state(before, self.layers, self.slots))
        if sum(place is not None for place in found) * 2 < len(found) and moved:
            found = [Place("update", slot.path) for slot in self.slots]
        self.places = tuple(found)
        return sum(place is not None for place in found) * 2 >= len(found)

    def keep_parameters(self, inputs: Any) -> None:
        """Leaves out arrays that the outputs do not depend on, such as gradients kept beside their parameters."""
        first, second = generic_values(self, 1), generic_values(self, 2)
        self.assign(first)
        before, _ = seeded(lambda: self.forward(inputs))
        before, felt = np.array(before), []
        for slot, old, new in zip(self.slots, first, second, strict=True):
            slot.write(new)
            after, _ = seeded(lambda: self.forward(inputs))
            slot.write(old)
            felt.append(not np.array_equal(before, after))
        self.slots = [slot for slot, counts in zip(self.slots, felt, strict=True) if counts]

    def step_size(self) -> float:
        for layer in self.layers:
            for name, value in vars(layer).items() if hasattr(layer, "__dict__") else ():
                if isinstance(value, float) and roles_of(name)[:1] == ("rate",):
                    return value
            name = method(layer, BACKWARD)
            if name and any(roles_of(argument)[:1] == ("rate",) for argument in required(getattr(layer, name))):
                return RATE
        return 1.0


def chains(program: Program, maker: Maker) -> Iterator[Chain]:
    """Stacks of layers run by loops of our own, with each loss of the program that has a derivative."""
    assert maker.feed is not None
    for description, build in layer_lists(program, maker):
        for layers in (build, partial(without_softmax, build)):
            with suppress(Exception):
                if not isinstance(seeded(partial(layers, program)), list):
                    continue
                for ends in endings(program, Chain(program, description, layers, maker.feed, None)):
                    chain = Chain(program, description, layers, maker.feed, ends)
                    with suppress(Exception):
                        if chain.find_places():
                            yield chain


def layer_lists(program: Program, maker: Maker) -> Iterator[tuple[str, Callable[[Program], Any]]]:
    """The script's stacks, and networks that are called like one layer: forward(x), backward(gradient)."""
    stacked = list(assembled(program, maker))
    for description, build in stacked:
        yield description, partial(as_layers, build)
    if stacked:
        return
    for name, kind in program.classes().items():
        if is_mere_layer(kind):
            made = make_one(kind, name, maker)
            if made is not None and sum(slot.read().ndim == 2 and not is_bias(slot) for slot in slots(made[1])) > 1:
                yield shown(name, made[0]), partial(as_layers, partial(make_object, name, made[0], maker))


def as_layers(build: Callable[[Program], Any], program: Program) -> list[Any]:
    """A list of layers, or a network that is called like one layer as the only one."""
    made = build(program)
    if isinstance(made, list):
        return made
    if not is_layer(type(made)):
        raise ValueError(f"{type(made).__name__} is called in another way than a layer")
    return [made]


def without_softmax(build: Callable[[Program], Any], program: Program) -> list[Any]:
    """The stack with its softmax left to the loss."""
    layers: list[Any] = build(program)
    if "softmax" not in type(layers[-1]).__name__.lower():
        raise ValueError("no softmax at the end")
    return layers[:-1]


def endings(program: Program, chain: Chain) -> Iterator[Ends]:
    """Pairs of a loss and its derivative: methods of one class, or functions whose names belong together."""
    inputs, labels = chain.batches()[0]
    out, _ = seeded(lambda: chain.forward(inputs))
    fitting = partial(gives_gradient, np.shape(out))
    for loss, slope in loss_pairs(program):
        pool = chain.pool(out, labels)
        with suppress(Exception):
            plan = bind(chain.resolve(loss), pool, partial(gives_loss, len(chain.feed.X))).plan
            kept = getattr(chain.objects.get(loss.holder), "output", None)
            if isinstance(kept, np.ndarray) and kept.shape == np.shape(
                out
            ):  # a softmax in front of the loss; its result is what comes back
                with_kept = {"outputs:probabilities": kept, **{k: v for k, v in pool.items() if k != "outputs"}}
                yield Ends(loss, plan, slope, bind(chain.resolve(slope), with_kept, fitting).plan)
            yield Ends(loss, plan, slope, bind(chain.resolve(slope), pool, fitting).plan)


def gives_loss(samples: int, value: Any) -> bool:
    return scalar(value) is not None or (isinstance(value, np.ndarray) and value.shape == (samples,))


def gives_gradient(shape: tuple[int, ...], value: Any) -> bool:
    if isinstance(value, tuple):
        return len(value) == 2 and scalar(value[0]) is not None and np.shape(value[1]) == shape
    return value is None or np.shape(value) == shape


def takes_both(function: Callable[..., Any]) -> bool:
    """Outputs and labels, or whatever it is given; an activation takes one argument."""
    names = required(function)
    return len(names) != 1 or "labels" in roles_of(names[0])


def loss_pairs(program: Program) -> list[tuple[Reference, Reference]]:
    pairs: list[tuple[Reference, Reference]] = []
    for name, kind in program.classes().items():
        own = methods(kind)
        calls = [call for call in own if call in CALL_NAMES or is_called(LOSS, call)]
        slopes = [m for m in own if is_called(BACKWARD, m) or is_called(r"grad\w*|\w*prime|derivative|delta|df|d", m)]
        calls = [call for call in calls if takes_both(getattr(kind, call))]
        if calls and slopes and not is_plain_layer(kind):
            pairs += [(Reference(name, call), Reference(name, slope)) for call in calls for slope in slopes]
    functions = program.functions()
    named = [name for name in functions if re.search(LOSS_WORDS, name, re.IGNORECASE)]
    for name in named:
        if not any(other != name and name.startswith(other) for other in named):  # mse_turev belongs to mse
            slopes = [other for other in functions if other == name or is_derivative_of(other, name)]
            pairs += [(Reference("", name), Reference("", slope)) for slope in slopes]
    return pairs


def is_plain_layer(kind: type) -> bool:
    return is_layer(kind) and not re.search(LOSS_WORDS, kind.__name__, re.IGNORECASE)


def is_derivative_of(name: str, loss: str) -> bool:
    words = re.sub(
        r"(d_|_?(prime|grad(ient)?|deriv(ative)?|backward|der|delta|d)(_of)?_?)", "", name, flags=re.IGNORECASE
    )
    marked = words != name or name.startswith("d")
    longer = name != loss and name.startswith(loss)
    return longer or (marked and (words.strip("_") == loss.strip("_") or loss in name))
