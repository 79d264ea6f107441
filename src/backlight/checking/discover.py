"""Finding the network in somebody's file: by looking at names and by trying, not by asking for a rewrite."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np

from backlight.checking.binding import Bound, NoCallError, Pool, TooLongError, bind, limited
from backlight.checking.construct import ACTIVATION_NAMES, PENALTY, Maker, activation_values
from backlight.checking.gradient_places import Place, changed_state, match, named_returns, state
from backlight.checking.chain import Chain, Ends
from backlight.checking.compose import assembled, is_layer, required
from backlight.checking.own_code import OwnCode, Recipe, Reference, Step, outputs_in, return_names, short
from backlight.checking.program import Program
from backlight.checking.roles import BACKWARD, FORWARD, INIT, LOSS, NOT_A_ROLE, is_called, roles_of
from backlight.checking.store import Slot, slots
from backlight.checking.subject import Subject, generic_values, scalar, seeded
from backlight.networks.activations import Array

SEARCH_SECONDS = 3.0  # for finding out how one function is called
RATE = 0.01  # step size handed to code that applies its gradients itself
RESETS = ("zero_grad", "zero_gradients", "reset_grad", "reset_grads", "reset_gradients", "clear_grads", "zero_grads")
LOSSES = 3  # so many of the program's losses are tried with its backward pass
ONE_STEP = r"(train_?(step|on_batch|batch|one\w*)|update(_mini_?batch|_weights|_params|_parameters)?|step|learn|train)"
CALL_NAMES = ("fn", "forward", "__call__", "loss", "calculate", "compute", "value", "cost", "f", "function", "apply")


@dataclass(frozen=True)
class Stage:
    """How far the search came, for the sentence that says what is missing."""

    depth: int  # 0 nothing, 1 made, 2 forward, 3 loss, 4 backward
    message: str
    cause: BaseException | None = None


class NotFoundError(Exception):
    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.message)
        self.stage = stage


@dataclass(frozen=True)
class Made:
    """A network, and how to make it again."""

    shown: str
    network: Any
    build: Callable[[Program], Any]
    as_argument: bool


def subjects(program: Program, maker: Maker, target: str | None, training: bool = False) -> Iterator[Subject]:
    """Every reading of the program as one network, the likeliest first. Raises NotFoundError if there is none.

    With `training`, gradients are taken from one step of the program's own training function.
    """
    failures: list[Stage] = []
    found = False
    for made in networks(program, maker, target):
        for attempt in range(LOSSES):
            try:
                yield complete(program, maker, made, training, attempt)
                found = True
            except NotFoundError as error:
                failures.append(error.stage)
                break
    if not training:
        for chain in chains(program, maker):
            found = True
            yield chain
    if not found:
        raise NotFoundError(max(failures, key=lambda stage: stage.depth, default=Stage(0, "no network was found")))


def networks(program: Program, maker: Maker, target: str | None) -> Iterator[Made]:
    """Objects of network classes, dicts or lists from `initialize…` functions, parameters made here, stacks of layers."""
    for name in network_classes(program, target):
        made = make_one(program.classes()[name], name, maker)
        if made is not None:
            yield Made(shown(name, made[0]), made[1], partial(make_object, name, made[0], maker), False)
    for description, build in assembled(program, maker.sizes):
        with suppress(Exception):
            network = seeded(lambda b=build: b(program))
            yield Made(description, network, build, isinstance(network, list))
    if target is None or target in program.functions():
        yield from function_networks(program, maker)


def shown(name: str, arguments: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={short(value)}' for key, value in arguments.items())})"


def make_object(name: str, arguments: dict[str, Any], maker: Maker, program: Program) -> Any:
    network = seeded(lambda: program.classes()[name](**arguments))
    if not has_weights(network):
        initialise(network, maker)
    return network


def make_parameters(name: str, arguments: dict[str, Any], program: Program) -> Any:
    returned = seeded(lambda: program.functions()[name](**arguments))
    return named(returned, return_names(program, Reference("", name), None))


def chains(program: Program, maker: Maker) -> Iterator[Chain]:
    """Stacks of layers run by loops of our own, with each loss of the program that has a derivative."""
    assert maker.feed is not None
    for description, build in assembled(program, maker.sizes):
        for layers, removed in ((build, ""), (lambda p, b=build: without_softmax(b(p)), "softmax left to the loss")):
            with suppress(Exception):
                if not isinstance(seeded(lambda b=layers: b(program)), list):
                    continue
                for ends in endings(program, Chain(program, description, layers, maker.feed, None)):
                    chain = Chain(program, description, layers, maker.feed, ends)
                    with suppress(Exception):
                        if chain.find_places():
                            yield chain


def without_softmax(layers: list[Any]) -> list[Any]:
    if "softmax" not in type(layers[-1]).__name__.lower():
        raise ValueError("no softmax at the end")
    return layers[:-1]


def endings(program: Program, chain: Chain) -> Iterator[Ends]:
    """Pairs of a loss and its derivative: methods of one class, or functions whose names belong together."""
    inputs, labels = chain.batches()[0]
    out, _ = seeded(lambda: chain.forward(inputs))
    pool = {"outputs": out, "labels": labels, "one": 1.0}
    pairs: list[tuple[Reference | None, Reference]] = []
    for name, kind in program.classes().items():
        calls = [call for call in CALL_NAMES if call in methods(kind)]
        slopes = [
            m for m in methods(kind) if is_called(BACKWARD, m) or is_called(r"grad\w*|prime|derivative|delta|df|d", m)
        ]
        if calls and slopes and not is_plain_layer(kind):
            pairs += [(Reference(name, call), Reference(name, slope)) for call in calls for slope in slopes]
    functions = program.functions()
    for name in functions:
        if re.search(r"loss|cost|mse|entropy|bce|nll|error|xent", name, re.IGNORECASE):
            slopes = [other for other in functions if other != name and is_derivative_of(other, name)]
            pairs += [(Reference("", name), Reference("", slope)) for slope in slopes]
    for loss, slope in pairs:
        try:
            plan = bind(
                chain.resolve(loss), pool, lambda value: scalar(value) is not None or per_sample(value, chain)
            ).plan
            gradient = bind(
                chain.resolve(slope), pool, lambda value: value is None or np.shape(value) == np.shape(out)
            ).plan
        except Exception:
            continue
        yield Ends(loss, plan, slope, gradient)


def per_sample(value: Any, chain: Chain) -> bool:
    return isinstance(value, np.ndarray) and value.shape == (len(chain.feed.X),)


def is_plain_layer(kind: type) -> bool:
    return is_layer(kind) and not re.search(r"loss|cost|entropy|mse|error", kind.__name__, re.IGNORECASE)


def is_derivative_of(name: str, loss: str) -> bool:
    words = re.sub(
        r"(d_|_?(prime|grad(ient)?|deriv(ative)?|backward|der|delta|d)(_of)?_?)", "", name, flags=re.IGNORECASE
    )
    marked = words != name or name.startswith("d")
    return marked and (words.strip("_") == loss.strip("_") or loss in name)


def network_classes(program: Program, target: str | None) -> list[str]:
    classes = {name: kind for name, kind in program.classes().items() if name == target or not is_mere_layer(kind)}
    if target is not None:
        return [target] if target in classes else []
    score = {
        name: sum(
            weight
            for pattern, weight in ((BACKWARD, 3), (LOSS, 2), (FORWARD, 1), (r".*(train|fit|sgd|update).*", 1))
            if any(is_called(pattern, method) for method in methods(kind))
        )
        for name, kind in classes.items()
    }
    return sorted((name for name in classes if score[name] >= 2), key=lambda name: -score[name])


def is_mere_layer(kind: type) -> bool:
    """backward(gradient from behind) and no loss: one layer of a network, not a network."""
    names = methods(kind)
    backward = next((name for name in names if is_called(BACKWARD, name)), None)
    if backward is None or any(is_called(LOSS, name) for name in names):
        return False
    behind = r".*(grad|dout|dvalues|delta|error|d_?(a|y|z|l|h|out\w*)$|upstream|^g$|^da|^dz|^dy).*"
    return any(re.match(behind, argument, re.IGNORECASE) for argument in required(getattr(kind, backward)))


def methods(kind: type) -> list[str]:
    """Names of a class's functions, inherited ones included, in the order of their definition."""
    found: dict[str, None] = {}
    for base in reversed(kind.__mro__[:-1]):
        found |= {
            name: None
            for name, value in vars(base).items()
            if isinstance(value, FunctionType | staticmethod | classmethod)
        }
    return list(found)


def make_one(function: Callable[..., Any], name: str, maker: Maker) -> tuple[dict[str, Any], Any] | None:
    """Arguments under which a class or function makes something that holds weights, and what it made."""
    for arguments in maker.calls(function, name):
        with suppress(Exception):
            network = seeded(lambda a=arguments: function(**a))
            if network is not None and has_weights(network):
                return arguments, network
            if network is not None and isinstance(function, type):
                with suppress(Exception):  # parameters may be made by a method of their own
                    initialise(network, maker)
                    if has_weights(network):
                        return arguments, network
    return None


def initialise(network: Any, maker: Maker) -> None:
    for name in methods(type(network)):
        if is_called(INIT, name) and name != "__init__":
            method = getattr(network, name)
            arguments = next(iter(maker.calls(method, name)), {})
            seeded(lambda m=method, a=arguments: m(**a))


def has_weights(network: Any) -> bool:
    return any(slot.read().ndim == 2 and slot.read().dtype.kind == "f" for slot in slots(as_list(network)))


def as_list(network: Any) -> Any:
    return list(network) if isinstance(network, tuple) else network


def function_networks(program: Program, maker: Maker) -> Iterator[Made]:
    functions = program.functions()
    for name, function in functions.items():
        if not is_called(INIT, name) or re.fullmatch(r".*(adam|velocity|momentum|optim).*", name, re.IGNORECASE):
            continue
        made = make_one(function, name, maker)
        if made is not None:
            network = named(made[1], return_names(program, Reference("", name), None))
            yield Made(shown(name, made[0]), network, partial(make_parameters, name, made[0]), True)
    for name, function in functions.items():
        if is_called(FORWARD, name):
            created = made_here(program, function, maker)
            if created:
                yield Made("functions", dict(created), lambda p, c=created: {k: v.copy() for k, v in c.items()}, True)


def named(network: Any, names: list[str]) -> Any:
    """A returned tuple W1, b1, W2, b2 as a dict by these names; lists and dicts as they are."""
    if isinstance(network, tuple) and len(names) == len(network):
        return dict(zip(names, network, strict=True))
    return as_list(network)


def made_here(program: Program, forward: Callable[..., Any], maker: Maker) -> dict[str, Array] | None:
    """Parameters for functions that take W1, b1, … one by one and leave it to the script to make them."""
    import inspect

    names = [
        p for p in inspect.signature(forward).parameters if re.fullmatch(r"(w|b|theta|weights?|bias)_?\d+", p, re.I)
    ]
    weights = [name for name in names if not name.lower().startswith("b")]
    if not weights:
        return None
    hidden = maker.sizes.hidden[: len(weights) - 1]
    widths = [maker.sizes.inputs, *hidden, maker.sizes.classes]
    if len(widths) != len(weights) + 1:
        return None
    columns = maker.feed is not None and maker.feed.layout != "rows"
    created: dict[str, Array] = {}
    for index, name in enumerate(weights):
        shape = (widths[index], widths[index + 1])
        created[name] = np.ones(shape[::-1] if columns else shape)
    for index, name in enumerate(name for name in names if name not in weights):
        created[name] = np.ones((widths[index + 1], 1) if columns else (1, widths[index + 1]))
    return {name: created[name] for name in names}


def complete(program: Program, maker: Maker, made: Made, training: bool, attempt: int) -> OwnCode:
    """The forward pass, loss and backward pass of a network that has been made; `attempt` counts losses."""
    assert maker.feed is not None
    network = made.network
    found = [slot for slot in slots(network) if may_be_parameter(slot, maker)]
    extra = habits(program, maker, network)
    recipe = Recipe(maker.feed, made.shown, made.build, extra, as_argument=made.as_argument, resets=resets(network))
    subject = OwnCode(program, recipe, network, found)
    search = Search(program, subject, network)
    search.find_forward()
    search.find_loss(attempt)
    search.find_backward(training)
    return subject


def may_be_parameter(slot: Slot, maker: Maker) -> bool:
    """A vector or matrix that is not the samples themselves, which some networks keep."""
    assert maker.feed is not None
    value = slot.read()
    samples = [np.asarray(part) for part in (maker.feed.inputs(), maker.feed.labels())]
    kept = any(value.shape == part.shape and np.array_equal(value, part) for part in samples)
    return value.dtype.kind == "f" and value.ndim <= 2 and not kept


def resets(network: Any) -> tuple[Reference, ...]:
    return tuple(Reference("self", name) for name in RESETS if callable(getattr(network, name, None)))


def habits(program: Program, maker: Maker, network: Any) -> Pool:
    """Values that functions may ask for besides samples: activations, strengths, counts."""
    assert maker.feed is not None
    feed = maker.feed
    pool: Pool = {
        "penalty": PENALTY,
        "rate": RATE,
        "samples": 1 if feed.single else len(feed.X),
        "many": 1,
        "batch": len(feed.X),
        "quiet": False,
        "size_list": maker.sizes.all,
        "seed": 0,
        "pairs": [feed.sample(index) for index in range(len(feed.X))],
    }
    kept = {} if isinstance(network, dict | list) else vars(network) if hasattr(network, "__dict__") else {}
    chosen = next((v for v in kept.values() if isinstance(v, str) and v.lower() in ACTIVATION_NAMES), maker.activation)
    values = [chosen] if chosen is not None else []
    for name in methods(type(network)):
        if "activation" in roles_of(name) and not name.startswith("__"):
            values.append(partly(network, name, chosen))
    values += activation_values(program, chosen)
    pool |= {f"activation:{index}": value for index, value in enumerate(values[:4])}
    for name, value in program.namespace.items():  # a parameter with the name of a global constant
        if isinstance(value, list | dict | str | int | float) and not name.startswith("_"):
            if not {"input", "labels"} & set(roles_of(name)):
                pool[f"={name}"] = value
    return pool


def partly(network: Any, name: str, kind: Any) -> Callable[[Any], Any]:
    def activation(z: Any) -> Any:
        function = getattr(network, name)
        try:
            return function(z)
        except TypeError:
            return function(z, kind)

    return activation


class Search:
    """Fills in a subject's recipe, one function after the other."""

    def __init__(self, program: Program, subject: OwnCode, network: Any) -> None:
        self.program, self.subject, self.network = program, subject, network
        self.is_object = not isinstance(network, dict | list)
        self.last: BaseException | None = None

    def candidates(self, pattern: str, elsewhere: bool = False) -> list[Reference]:
        """Functions by name: the network's methods first, then the module's, then other classes' where asked for."""
        found: list[Reference] = []
        if self.is_object:
            found += [Reference("self", name) for name in methods(type(self.network)) if is_called(pattern, name)]
        found += [Reference("", name) for name in self.program.functions() if is_called(pattern, name)]
        if elsewhere:
            found += self.from_classes(pattern)
        return [r for r in found if not is_called(NOT_A_ROLE, r.name)] + [
            r for r in found if is_called(NOT_A_ROLE, r.name)
        ]

    def from_classes(self, pattern: str) -> list[Reference]:
        found = []
        kept = vars(self.network) if self.is_object and hasattr(self.network, "__dict__") else {}
        for name, value in kept.items():
            if isinstance(value, type):
                found += [Reference(f"self.{name}", call) for call in CALL_NAMES if call in methods(value)]
            elif callable(value) and is_called(pattern, name):
                found.append(Reference("self", name))
            elif is_called(pattern, name) or is_called(pattern, type(value).__name__):
                found += [Reference(f"self.{name}", call) for call in CALL_NAMES if hasattr(value, call)]
        for name, kind in self.program.classes().items():
            if is_called(pattern, name) or re.search(r"loss|cost|entropy|mse|error", name, re.IGNORECASE):
                found += [Reference(name, call) for call in CALL_NAMES if call in methods(kind)]
        return found

    def pool(self) -> Pool:
        inputs, labels = self.subject.batches()[0]
        return self.subject.fresh_pool(inputs, labels)

    def try_step(self, reference: Reference, pool: Pool, accept: Callable[[Any], bool]) -> Step | None:
        try:
            function = reference.resolve(self.program, self.network)
            with limited(SEARCH_SECONDS):
                bound: Bound = seeded(lambda: bind(function, pool, accept))
            return Step(reference, bound.plan)
        except NoCallError as error:
            self.last = error.cause or self.last
        except (TypeError, AttributeError, KeyError, TooLongError) as error:
            self.last = error
        return None

    def find_forward(self) -> None:
        subject = self.subject
        subject.assign(generic_values(subject, 0))
        for reference in self.candidates(FORWARD) + self.candidates(r"predict\w*"):
            step = self.try_step(reference, self.pool(), lambda returned: self.gives_outputs(returned))
            if step is not None:
                subject.recipe = replace(subject.recipe, forward=step)
                return
        for reference in self.candidates(LOSS):  # loss(X) without labels gives scores
            pool = {key: value for key, value in self.pool().items() if key in ("input", "parameters")}
            step = self.try_step(reference, pool, lambda returned: self.gives_outputs(returned))
            if step is not None:
                subject.recipe = replace(subject.recipe, forward=step)
                return

    def gives_outputs(self, returned: Any) -> bool:
        kept = list(vars(self.network).values()) if self.is_object and hasattr(self.network, "__dict__") else []
        return outputs_in(returned, self.subject.feed) is not None or (
            returned is None and outputs_in(kept, self.subject.feed) is not None
        )

    def find_loss(self, attempt: int) -> None:
        subject, skipped = self.subject, 0
        pool = self.pool()
        with suppress(Exception):
            seeded(lambda: subject.run_forward(pool))
        for reference in self.candidates(LOSS, elsewhere=True):
            step = self.try_step(reference, pool, lambda returned: scalar(returned) is not None)
            if step is None:
                continue
            subject.recipe = replace(subject.recipe, loss=step)
            if self.depends_on_parameters():
                if skipped == attempt:
                    return
                skipped += 1
            subject.recipe = replace(subject.recipe, loss=None)
        if attempt and subject.recipe.loss is None:
            raise NotFoundError(Stage(0, "no other loss was found"))

    def depends_on_parameters(self) -> bool:
        """Keeps the parameters that the loss depends on; False if it depends on none."""
        subject = self.subject
        kept = subject.values()
        try:
            reference, other = subject.loss(), generic_values(subject, 5)
            felt = []
            for index, slot in enumerate(subject.slots):
                changed = [other[i] if i == index else v for i, v in enumerate(kept)]
                subject.assign(changed)
                if subject.loss() != reference:
                    felt.append(slot)
            subject.assign(kept)
        except Exception as error:
            self.last = error
            return False
        if felt:
            subject.slots = felt
        return bool(felt)

    def find_backward(self, training: bool) -> None:
        subject = self.subject
        for reference in self.training_candidates() if training else self.backward_candidates():
            pool = self.pool()
            with suppress(Exception):
                seeded(lambda p=pool: subject.run_forward(p))
                if subject.recipe.forward is None and subject.recipe.loss is not None:
                    seeded(lambda p=pool: subject.call(subject.recipe.loss, p))
            kept = subject.values()
            step = self.try_step(reference, pool, lambda returned: self.locate(returned, reference) is not None)
            subject.assign(kept)
            if step is not None and self.settle(step, reference):
                return
        depth = 3 if subject.recipe.loss else 2 if subject.recipe.forward else 1
        raise NotFoundError(Stage(depth, "no backward pass that gives a gradient was found", self.last))

    def backward_candidates(self) -> list[Reference]:
        both = [self.subject.recipe.loss.reference] if self.subject.recipe.loss else []
        steps = [r for r in self.candidates(ONE_STEP) if r.holder]
        return self.candidates(BACKWARD) + both + self.candidates(LOSS) + steps

    def training_candidates(self) -> list[Reference]:
        return self.candidates(ONE_STEP) + self.candidates(r".*(train|fit|model|learn|optimi[sz]e|descent).*")

    def locate(self, returned: Any, reference: Reference) -> list[Place | None] | None:
        """Places of the gradients in one result, judged by shapes and names alone; None if most are missing."""
        names = return_names(self.program, reference, self.network)
        candidates = named_returns(returned, names)
        if self.is_object or isinstance(self.network, list):
            candidates += changed_state({}, self.network, self.subject.slots)
        places = match(self.subject.slots, candidates)
        if sum(place is not None for place in places) * 2 > len(places):
            return places
        moved = any(not np.array_equal(a, b) for a, b in zip(self.subject.values(), self.before_values, strict=True))
        return [Place("update", slot.path) for slot in self.subject.slots] if moved else None

    @property
    def before_values(self) -> list[Array]:
        return generic_values(self.subject, 0)

    def settle(self, step: Step, reference: Reference) -> bool:
        """Which arrays the backward pass writes, seen by running it twice at different parameters."""
        subject = self.subject
        subject.recipe = replace(subject.recipe, backward=step)
        try:
            places = self.places_by_change(reference)
        except Exception as error:
            self.last = error
            places = None
        if places is None:
            subject.recipe = replace(subject.recipe, backward=None)
            return False
        gives_loss = subject.recipe.loss is not None and subject.recipe.loss.reference == reference
        subject.recipe = replace(
            subject.recipe, places=tuple(places), rate=self.rate(step), backward_gives_loss=gives_loss
        )
        if any(place is not None and place.source == "update" for place in places):
            subject.recipe = replace(subject.recipe, places=tuple(Place("update", s.path) for s in subject.slots))
        return True

    def places_by_change(self, reference: Reference) -> list[Place | None] | None:
        subject = self.subject
        kept = subject.values()
        names = return_names(self.program, reference, self.network)
        for seed in (1, 2):
            values = generic_values(subject, seed)
            subject.assign(values)
            pool = self.pool()
            seeded(lambda p=pool: subject.run_forward(p))
            before = state(self.network) if self.is_object or isinstance(self.network, list) else {}
            returned = seeded(lambda p=pool: subject.run_backward(p))
            after = subject.values()
        candidates = named_returns(returned, names)
        if self.is_object or isinstance(self.network, list):
            candidates += changed_state(before, self.network, subject.slots)
        places = match(subject.slots, candidates)
        subject.assign(kept)
        if sum(place is not None for place in places) * 2 > len(places):
            return places
        moved = any(not np.array_equal(a, b) for a, b in zip(after, values, strict=True))
        return [Place("update", slot.path) for slot in subject.slots] if moved else None

    def rate(self, step: Step) -> float:
        """The step size of an update: what was handed over, or what the network or the module keeps by such a name."""
        if any(key == "rate" for _, key in step.plan):
            return RATE
        kept: dict[str, Any] = dict(vars(self.network)) if self.is_object and hasattr(self.network, "__dict__") else {}
        for name, value in {**self.program.namespace, **kept}.items():
            if isinstance(value, float | int) and not isinstance(value, bool) and roles_of(name)[:1] == ("rate",):
                return float(value)
        return 1.0
