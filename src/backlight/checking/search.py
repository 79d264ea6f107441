"""Which of a program's functions is the forward pass, which the loss and which the backward pass."""

import ast
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from backlight.checking.binding import Bound, NoCallError, Pool, bind, limited
from backlight.checking.chain import CALL_NAMES, LOSS_WORDS, RATE
from backlight.checking.gradient_places import Place, changed_state, match, named_returns, state
from backlight.checking.layers import BEHIND, methods, required
from backlight.checking.own_code import OwnCode, Reference, Step, follow, outputs_in, return_names
from backlight.checking.program import Program, user_line
from backlight.checking.roles import BACKWARD, FORWARD, LOSS, NOT_A_ROLE, is_called, roles_of
from backlight.checking.store import slots
from backlight.checking.subject import generic_values, scalar, seeded
from backlight.networks.activations import Array

SEARCH_SECONDS = 3.0  # for finding out how one function is called
ONE_STEP = r"(train_?(step|on_batch|batch|one\w*)|update(_mini_?batch|_weights|_params|_parameters)?|step|learn|train)"


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
            if is_called(pattern, name) or re.search(LOSS_WORDS, name, re.IGNORECASE):
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
            self.note(error.cause)
        except Exception as error:  # what the name stands for cannot even be looked up
            self.note(error)
        return None

    def note(self, error: BaseException | None) -> None:
        """Remembers the first exception that the user's own lines raised, else the last one of all."""
        if error is not None and (self.last is None or user_line(self.last) is None):
            self.last = error

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
        own: str | None = None
        for reference in self.candidates(LOSS, elsewhere=True):
            if own is not None and not (reference.holder == own or (own != "self" and reference.holder[:4] == own[:4])):
                continue  # a network's own loss goes before those of its parts, and these before the module's
            step = self.try_step(reference, pool, lambda returned: scalar(returned) is not None)
            if step is None:
                continue
            subject.recipe = replace(subject.recipe, loss=step)
            if self.depends_on_parameters():
                own = own or (reference.holder if reference.holder.startswith("self") else None)
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
            self.note(error)
            return False
        if felt:
            subject.slots = felt
        return bool(felt)

    def find_gradient(self) -> None:
        self.find_backward()

    def find_backward(self) -> None:
        for reference in self.backward_candidates():
            if self.try_backward(reference):
                return
        recipe = self.subject.recipe
        depth = 3 if recipe.loss else 2 if recipe.forward else 1
        inside = embedded(self.program)
        message = "no backward pass that gives a gradient was found"
        if inside is not None:
            message = (
                f"the backward pass stands inside {inside}, which makes its own parameters; put it into a function of "
                "its own that takes the parameters and returns the gradients"
            )
        named = self.candidates(BACKWARD)  # without one, what other functions raised explains nothing
        raise NotFoundError(Stage(depth, message, self.last if named and not inside else None))

    def try_backward(self, reference: Reference) -> bool:
        subject, pool = self.subject, self.pool()
        with suppress(Exception):
            seeded(lambda: subject.run_forward(pool))
            if subject.recipe.loss is not None:
                step = subject.recipe.loss
                pool["loss"] = seeded(lambda: subject.call(step, pool))
        found = self.try_step(reference, pool, lambda returned: self.locate(returned, reference) is not None)
        self.restore(0)
        return found is not None and self.settle(found, reference)

    def backward_candidates(self) -> list[Reference]:
        both = [self.subject.recipe.loss.reference] if self.subject.recipe.loss else []
        named = self.candidates(BACKWARD)
        own = any(reference.holder == "self" for reference in named)  # where it fails, no step stands in for it
        steps = [] if own else [r for r in self.candidates(ONE_STEP) if r.holder]
        found = named + both + self.candidates(LOSS) + steps
        return [reference for reference in dict.fromkeys(found) if not self.waits(reference)]

    def waits(self, reference: Reference) -> bool:
        """Whether it only takes a gradient from behind, which `Chain` will hand to it."""
        names = required(reference.resolve(self.program, self.network)) if reference.holder == "self" else []
        return (
            len(names) == 1
            and re.match(BEHIND, names[0], re.IGNORECASE) is not None
            and "labels" not in roles_of(names[0])
        )

    def values_now(self) -> list[Array]:
        """Parameters after a step, which may have replaced the lists or dicts that held them."""
        there = [follow(self.network, slot.path) for slot in self.subject.slots]
        return [
            np.array(s.read() if v is None else v, dtype=float) for v, s in zip(there, self.subject.slots, strict=True)
        ]

    def restore(self, seed: int) -> list[Array]:
        """Generic values, wherever the parameters are kept now."""
        there = {slot.path: slot for slot in slots(self.network)}
        self.subject.slots = [there.get(slot.path, slot) for slot in self.subject.slots]
        values = generic_values(self.subject, seed)
        self.subject.assign(values)
        return values

    def locate(self, returned: Any, reference: Reference) -> list[Place | None] | None:
        """Places of the gradients in one result, judged by shapes and names alone; None if most are missing."""
        names = return_names(self.program, reference, self.network)
        candidates = named_returns(returned, names)
        if self.is_object or isinstance(self.network, list):
            candidates += changed_state({}, self.network, self.subject.slots)
        places = match(self.subject.slots, candidates)
        if sum(place is not None for place in places) * 2 >= len(places):
            return places
        moved = any(not np.array_equal(a, b) for a, b in zip(self.values_now(), self.before_values, strict=True))
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
            self.note(error)
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
        names = return_names(self.program, reference, self.network)
        for seed in (1, 2):
            values = self.restore(seed)
            pool = self.pool()
            seeded(partial(subject.run_forward, pool))
            before = state(self.network) if self.is_object or isinstance(self.network, list) else {}
            returned = seeded(partial(subject.run_backward, pool))
            after = self.values_now()
            self.restore(seed)
        candidates = named_returns(returned, names)
        if self.is_object or isinstance(self.network, list):
            candidates += changed_state(before, self.network, subject.slots)
        places = match(subject.slots, candidates)
        if sum(place is not None for place in places) * 2 >= len(places):
            return places
        moved = any(not np.array_equal(a, b) for a, b in zip(after, values, strict=True))
        return [Place("update", slot.path) for slot in subject.slots] if moved else None

    def rate(self, step: Step) -> float:
        """The step size of an update: what was handed over, or what the network or the module keeps by such a name."""
        if any(key == "rate" or (key[0] == "!" and "rate" in roles_of(key[1:])) for _, key in step.plan):
            return RATE
        kept: dict[str, Any] = dict(vars(self.network)) if self.is_object and hasattr(self.network, "__dict__") else {}
        for name, value in {**self.program.namespace, **kept}.items():
            if isinstance(value, float | int) and not isinstance(value, bool) and roles_of(name)[:1] == ("rate",):
                return float(value)
        return 1.0


def embedded(program: Program) -> str | None:
    """A function with a training loop that makes parameters and gradients all by itself."""
    for name, function in program.functions().items():
        node = program.node_of(function)
        loops = [part for part in ast.walk(node) if isinstance(part, ast.For | ast.While)] if node else []
        for loop in loops:
            stored = {
                part.id for part in ast.walk(loop) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            }
            if len([word for word in stored if re.fullmatch(r"(d|grad_?|delta_?)_?[wb]\d+", word, re.I)]) > 1:
                return name
    return None
