"""A network of the user's, run through its own functions: a class with methods, or functions over parameters."""

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import numpy as np

from backlight.checking.binding import Bound, Plan, Pool
from backlight.checking.feed import Feed
from backlight.checking.gradient_places import Place, keys_of
from backlight.checking.memory import carry_out, memories, memories_of_draws
from backlight.checking.outputs import outputs_in, rows
from backlight.checking.program import Program
from backlight.checking.roles import roles_of
from backlight.checking.store import CONTAINERS, Key, Slot, slots
from backlight.checking.subject import Subject, scalar, seed_all, seeded
from backlight.networks.activations import Array


@dataclass(frozen=True)
class Reference:
    """One of the user's functions by name, so that the same can be found again in a patched program.

    `holder`: "" for the module, "self" for the network, a class's name, or "self.attribute".
    """

    holder: str
    name: str

    def resolve(self, program: Program, network: Any) -> Callable[..., Any]:
        function: Callable[..., Any]
        if not self.holder:
            function = program.namespace[self.name]
        elif self.holder == "self":
            computed = isinstance(getattr(type(network), self.name, None), property)
            kept = computed or not callable(getattr(network, self.name))
            function = (lambda: getattr(network, self.name)) if kept else getattr(network, self.name)
        elif self.holder.startswith("self."):
            function = getattr(getattr(network, self.holder[5:]), self.name)
        else:
            kind = program.namespace[self.holder]
            static = isinstance(vars(kind).get(self.name), staticmethod | classmethod)
            function = getattr(kind if static else kind(), self.name)
        return function

    def __str__(self) -> str:
        return f"{self.holder}.{self.name}" if self.holder not in ("", "self") else self.name


@dataclass(frozen=True)
class OwnMethod:
    """An activation function that is a method of the network, for functions that want it handed over."""

    name: str
    kind: Any

    def of(self, network: Any) -> Callable[[Any], Any]:
        function = getattr(network, self.name)

        def activation(z: Any) -> Any:
            try:
                return function(z)
            except TypeError:
                return function(z, self.kind)

        return activation


@dataclass(frozen=True)
class Step:
    """A function of the program and how it is called."""

    reference: Reference
    plan: Plan

    def __str__(self) -> str:
        return f"{self.reference}({', '.join(name.rstrip('=') for name, _ in self.plan)})"


@dataclass(frozen=True)
class Recipe:
    """How a network is made and asked: everything that is needed to do the same with a patched program.

    Attributes:
        made: what makes the network, as a call in words.
        build: makes it from a program.
        extra: values besides samples that its functions may ask for.
        forward, loss, backward: the program's functions; None where there is none.
        resets: methods that clear gradients before a backward pass.
        places: where each parameter's gradient is found.
        rate: the step size that an update of the parameters is divided by.
        update: what applies the gradients, where a whole training step is looked at.
        listed: whether the training step takes a list of samples, of one here.
        whole: whether it takes all of them at once, as pairs.
        guessed: whether the loss is one by what it returns alone, not by its name.
        strength: the penalty's, as the program calls it.
    """

    feed: Feed
    made: str
    build: Callable[[Program], Any]
    extra: Pool = field(default_factory=dict)
    forward: Step | None = None
    loss: Step | None = None
    backward: Step | None = None
    resets: tuple[Reference, ...] = ()
    places: tuple[Place | None, ...] = ()
    rate: float = 1.0
    backward_gives_loss: bool = False
    update: Step | None = None
    listed: bool = False
    whole: bool = False
    guessed: bool = False
    strength: float = 0.1
    as_argument: bool = False  # whether parameters are handed to functions, instead of being kept by an object


class OwnCode(Subject):
    """`Recipe` carried out with a program."""

    def __init__(self, program: Program, recipe: Recipe, network: Any, slots: list[Slot]) -> None:
        self.program, self.recipe, self.network, self.slots = program, recipe, network, slots
        self.feed = recipe.feed
        self.pool: Pool = {}
        self.accumulates = False
        self.start = list(memories(network))  # velocities at zero, counters at the first step
        self.draws = list(memories_of_draws([network, program.namespace]))
        self.repeats = True  # whether every call of a function of the program gets the same random numbers

    @property
    def description(self) -> str:  # type: ignore[override]  # others keep it as an attribute
        steps = [str(step) for step in (self.recipe.forward, self.recipe.loss, self.recipe.backward) if step]
        return f"{self.recipe.made}: {', '.join(dict.fromkeys(steps))}"

    def rebuilt(self, program: Program) -> "OwnCode":
        """The same recipe with another version of the program."""
        network = self.recipe.build(program)
        paths = {slot.path: slot for slot in slots(network)}
        again = type(self)(program, self.recipe, network, [paths[slot.path] for slot in self.slots])
        again.accumulates = self.accumulates
        return again

    @property
    def strength(self) -> float:
        return self.recipe.strength

    @property
    def has_loss(self) -> bool:
        return self.recipe.loss is not None or self.recipe.backward_gives_loss

    def fresh_pool(self, inputs: Any, labels: Any) -> Pool:
        batch = batch_class(self.program)
        pairs = [(inputs, labels)] if batch is None else batch(inputs, labels)
        pool: Pool = {"input": inputs, "labels": labels, "pairs": pairs}
        for key, value in self.recipe.extra.items():
            pool[key] = value.of(self.network) if isinstance(value, OwnMethod) else value
        if self.recipe.as_argument:
            pool["parameters"] = self.network
        if isinstance(self.network, dict):
            pool |= {f"={key}": value for key, value in self.network.items()}
        return pool

    def call(self, step: Step, pool: Pool) -> Any:
        """A mask that is drawn in every forward pass is the same one in all of them: then they can be compared."""
        if self.repeats:
            seed_all()
            carry_out(self.draws)
        return Bound(step.reference.resolve(self.program, self.network), step.plan)(pool)

    def batches(self) -> list[tuple[Any, Any]]:
        if not self.feed.single:
            return [(self.feed.inputs(), self.feed.labels())]
        return [self.feed.sample(index) for index in range(len(self.feed.X))]

    def run_forward(self, pool: Pool) -> Array | None:
        if self.recipe.forward is None:
            return None
        returned = self.call(self.recipe.forward, pool)
        names = return_names(self.program, self.recipe.forward.reference, self.network)
        publish(pool, returned, names)
        found = outputs_in(returned, self.feed, names)
        if found is None and hasattr(self.network, "__dict__"):
            found = outputs_in(dict(vars(self.network)), self.feed)
        if found is not None:
            pool["outputs"] = found
        return rows(found, self.feed)

    def loss(self) -> float:
        return float(np.mean([seeded(partial(self.sample_loss, *sample)) for sample in self.batches()]))

    def sample_loss(self, inputs: Any, labels: Any) -> float:
        pool = self.fresh_pool(inputs, labels)
        step = self.recipe.loss or self.recipe.backward
        assert step is not None
        if self.recipe.loss is None or needs_forward(step):
            self.run_forward(pool)
        value = scalar(self.call(step, pool))
        return float("nan") if value is None else value

    def sample_outputs(self, inputs: Any, labels: Any) -> Array | None:
        return self.run_forward(self.fresh_pool(inputs, labels))

    def outputs(self) -> Array | None:
        found = [seeded(partial(self.sample_outputs, *sample)) for sample in self.batches()]
        known = [part for part in found if part is not None]
        if len(known) < len(found):
            return None
        joined = np.concatenate(known)
        return joined if joined.shape == (len(self.feed.X), self.feed.classes) else None

    def gradient_keys(self) -> set[str]:
        return keys_of(self.recipe.places)

    def before_backward(self) -> Callable[[], Any]:
        own_loss = self.recipe.loss is not None and not self.recipe.backward_gives_loss
        return self.outputs_and_loss if own_loss else self.outputs

    def gradients(self) -> list[Array | None]:
        found = self.one_backward()
        if not self.accumulates:
            return found
        return [added(a, b) for a, b in zip(found, self.one_backward(), strict=True)]

    def one_backward(self) -> list[Array | None]:
        kept = self.values()
        each: list[list[Array | None]] = []
        for sample in self.batches()[:1] if self.recipe.whole else self.batches():
            each.append(seeded(partial(self.sample_gradients, *sample)))
            self.relocate()
            self.assign(kept)
        if len(each) == 1:
            return each[0]
        return [None if any(g is None for g in parts) else sum(parts) / len(each) for parts in zip(*each, strict=True)]

    @property
    def steps(self) -> bool:
        """Whether gradients are taken from a step that changes the parameters."""
        moves = any(place is not None and place.source in ("update", "new") for place in self.recipe.places)
        return moves or self.recipe.update is not None

    def relocate(self) -> None:
        """Finds the parameters again after a step, which may have put new lists or dicts in place of the old ones."""
        if self.steps:
            there = {slot.path: slot for slot in slots(self.network)}
            self.slots = [there.get(slot.path, slot) for slot in self.slots]

    def rewind(self) -> None:
        """Before its first step again: only that one, from a velocity of zero, is along the gradient."""
        values = self.values()
        carry_out(self.start)
        there = {slot.path: slot for slot in slots(self.network)}
        self.slots = [there.get(slot.path, slot) for slot in self.slots]
        for slot, value in zip(self.slots, values, strict=True):
            if slot.read().shape == value.shape:  # what a forward pass replaces may have another
                slot.write(value)

    def sample_gradients(self, inputs: Any, labels: Any) -> list[Array | None]:
        if self.steps:
            self.rewind()
        before = self.values()
        pool = self.fresh_pool(inputs, labels)
        returned = self.run_backward(pool)
        if self.recipe.update is not None:
            returned = self.run_update(pool, returned)
        return [
            self.gradient_at(place, returned, slot, old)
            for place, slot, old in zip(self.recipe.places, self.slots, before, strict=True)
        ]

    def run_backward(self, pool: Pool) -> Any:
        for reset in self.recipe.resets:
            reset.resolve(self.program, self.network)()
        self.prepare_backward(pool)
        assert self.recipe.backward is not None
        return self.call(self.recipe.backward, pool)

    def prepare_backward(self, pool: Pool) -> None:
        """What comes before a backward pass, so that the pool and the network hold what it needs."""
        self.run_forward(pool)
        if self.recipe.whole:
            pool["pairs"] = self.batches()
        if self.recipe.listed:
            pool |= {"input": [pool["input"]], "labels": [pool["labels"]]}
        if self.recipe.loss is not None:  # many a loss keeps what the backward pass needs
            pool["loss"] = self.call(self.recipe.loss, pool)

    def run_update(self, pool: Pool, gradients: Any) -> Any:
        assert self.recipe.backward is not None
        assert self.recipe.update is not None
        publish(pool, gradients, return_names(self.program, self.recipe.backward.reference, self.network))
        pool["gradients"] = gradients
        return self.call(self.recipe.update, pool)

    def gradient_at(self, place: Place | None, returned: Any, slot: Slot, before: Array) -> Array | None:
        if place is None:
            return None
        if place.source == "update":
            after = follow(self.network, slot.path)
            return None if after is None else (before - np.asarray(after, dtype=float)) / self.recipe.rate
        value = follow(self.network if place.source == "state" else returned, place.path)
        if place.source == "new" and value is not None:
            value = (before - as_shape(np.array(value, dtype=float), before.shape)) / self.recipe.rate
        return None if value is None else as_shape(np.array(value, dtype=float), before.shape)


def added(first: Array | None, second: Array | None) -> Array | None:
    """What the second of two equal backward passes added; a gradient that stays as it is, itself."""
    if first is None or second is None or np.array_equal(first, second):
        return first
    return second - first


def as_shape(gradient: Array, shape: tuple[int, ...]) -> Array:
    """A gradient (h,) of a bias (1, h) is the same gradient; anything else keeps the shape it has."""
    if gradient.shape != shape and np.squeeze(gradient).shape == np.squeeze(np.empty(shape)).shape:
        return gradient.reshape(shape)
    return np.full(shape, gradient.item()) if gradient.size == 1 else gradient


def follow(root: Any, path: tuple[Key, ...]) -> Any:
    for key in path:
        try:
            root = root[cast(Any, key)] if isinstance(root, (*CONTAINERS, tuple)) else getattr(root, str(key))
        except (KeyError, IndexError, AttributeError):
            return None
    return root


def needs_forward(step: Step) -> bool:
    return not any(key == "input" for _, key in step.plan) or any(
        key.startswith(("=", "outputs", "cache")) for _, key in step.plan
    )


def batch_class(program: Program) -> Callable[[Any, Any], Any] | None:
    """The program's own class of (inputs, labels), which its functions take in place of the two."""
    for kind in program.classes().values():
        fields = getattr(kind, "_fields", None) or tuple(getattr(kind, "__dataclass_fields__", ()))
        if [roles_of(name)[:1] for name in fields] == [("input",), ("labels",)]:
            return kind
    return None


def publish(pool: Pool, returned: Any, names: list[str]) -> None:
    """What a forward pass returned becomes available under the names that its `return` gives it."""
    parts = list(returned) if isinstance(returned, tuple) else [returned]
    if len(names) == len(parts):
        kept = [  # `return X` of a layer's outputs does not make them the samples
            (name, part)
            for name, part in zip(names, parts, strict=True)
            if not {"input", "labels"} & set(roles_of(name)[:1])
        ]
        pool |= {f"={name}": part for name, part in kept}
    if len(parts) > 1 or isinstance(returned, dict | list):
        caches = [part for part in parts if isinstance(part, dict | list | tuple)]
        if caches:
            pool["cache"] = caches[-1]
        for cache in caches:
            if isinstance(cache, dict):
                pool |= {f"={key}": value for key, value in cache.items() if f"={key}" not in pool}


def return_names(program: Program, reference: Reference, network: Any) -> list[str]:
    """Names in the last `return` of a function: `return A2, cache` gives ["A2", "cache"], self.a its attribute."""
    node = program.node_of(
        getattr(reference.resolve(program, network), "__func__", None) or reference.resolve(program, network)
    )
    returns = [part for part in ast.walk(node) if isinstance(part, ast.Return) and part.value] if node else []
    if not returns:
        return []
    value = returns[-1].value
    elements = value.elts if isinstance(value, ast.Tuple | ast.List) else [value]
    return [str(getattr(part, "id", getattr(part, "attr", ""))) if part is not None else "" for part in elements]


def short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"array{value.shape}"
    return getattr(value, "__name__", None) or repr(value)
