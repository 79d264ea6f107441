"""Which of a program's functions is the forward pass, which the loss and which the backward pass."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from backlight.checking.binding import Bound, NoCallError, Pool, bind, limited
from backlight.checking.chain import CALL_NAMES, LOSS_WORDS
from backlight.checking.gradient_places import Place, changed_state, marked, match, named_returns, state
from backlight.checking.guesses import ANY_NAME, untold
from backlight.checking.idle import ZERO, adapts, beside
from backlight.checking.layers import BEHIND, methods, required
from backlight.checking.outputs import outputs_in
from backlight.checking.own_code import OwnCode, Recipe, Reference, Step, follow, return_names
from backlight.checking.program import Program, user_line
from backlight.checking.roles import BACKWARD, FORWARD, LOSS, NOT_A_ROLE, is_called, roles_of
from backlight.checking.stages import NotFoundError, Stage, embedded
from backlight.checking.step_size import step_size
from backlight.checking.store import Key, hold_weights, slots
from backlight.checking.subject import generic_values, scalar, seeded
from backlight.checking.usage import holders
from backlight.networks.activations import Array

SEARCH_SECONDS = 3.0  # for finding out how one function is called
ONE_STEP = (
    r"(train_?(step|on_batch|batch|one\w*)|update(_mini_?batch|_weights|_params|_parameters)?|step|learn|train|"
    r"(treina|entrena|entraine|addestra|trainier|egit)\w*)"
)


class Search:
    """Fills in a subject's recipe, one function after the other."""

    def __init__(self, program: Program, subject: OwnCode, network: Any) -> None:
        self.program, self.subject, self.network = program, subject, network
        self.is_object = not isinstance(network, dict | list)
        self.last: BaseException | None = None
        self.idle: set[tuple[Key, ...]] = set()  # parameters that the loss does not depend on

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
            known = self.known(function) if self.subject.recipe.as_argument else {}
            with limited(SEARCH_SECONDS):
                bound: Bound = seeded(lambda: bind(function, pool, accept, known))
            return Step(reference, bound.plan)
        except NoCallError as error:
            self.note(error.cause)
        except Exception as error:  # what the name stands for cannot even be looked up
            self.note(error)
        return None

    def known(self, function: Callable[..., Any]) -> dict[str, str]:
        node, nodes = self.program.node_of(function), map(self.program.node_of, self.program.functions().values())
        others = {other.name: other for other in nodes if other is not None}
        return holders(node, self.network, others) if node is not None else {}

    def note(self, error: BaseException | None) -> None:
        """Remembers the first exception that the user's own lines raised, else the last one of all."""
        if error is not None and (self.last is None or user_line(self.last) is None):
            self.last = error

    def find_forward(self) -> None:
        subject = self.subject
        subject.assign(generic_values(subject, 0))
        for reference in self.candidates(FORWARD) + self.candidates(r"predict\w*") + self.guesses:
            step = self.try_step(reference, self.pool(), lambda returned: self.gives_outputs(returned))
            if step is not None:
                subject.recipe = replace(subject.recipe, forward=step)
                if reference not in self.guesses or self.outputs_depend():
                    return
                subject.recipe = replace(subject.recipe, forward=None)
        for reference in self.candidates(LOSS):  # loss(X) without labels gives scores
            pool = {key: value for key, value in self.pool().items() if key in ("input", "parameters")}
            step = self.try_step(reference, pool, lambda returned: self.gives_outputs(returned))
            if step is not None:
                subject.recipe = replace(subject.recipe, forward=step)
                return

    @cached_property
    def guesses(self) -> list[Reference]:
        """Every function, where no name is in a language that is known."""
        if any(self.candidates(pattern) for pattern in (LOSS, BACKWARD, ONE_STEP)):
            return []
        return self.unnamed()

    def unnamed(self) -> list[Reference]:
        """Functions that may be anything, but for the one that made the network."""
        maker = self.subject.recipe.made.split("(")[0]
        return [reference for reference in untold(self.candidates(ANY_NAME)) if reference.name != maker]

    def outputs_depend(self) -> bool:
        """Whether other parameters give other outputs."""
        found: list[Any] = []
        with suppress(Exception):
            for seed in (1, 2):
                self.restore(seed)
                found.append(self.subject.outputs())
        self.restore(0)
        return len(found) == 2 and found[0] is not None and not np.array_equal(*found)

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
        named = self.candidates(LOSS, elsewhere=True) + self.kept_losses()
        guesses, runs = [] if attempt else [r for r in self.unnamed() if r not in named], False
        for reference in named + guesses:
            if runs and reference in guesses:
                break  # a loss by its name goes before one by what it does
            if own is not None and not (reference.holder == own or (own != "self" and reference.holder[:4] == own[:4])):
                continue  # a network's own loss goes before those of its parts, and these before the module's
            step = self.try_step(reference, pool, lambda returned: scalar(returned) is not None)
            if step is None:
                continue
            guessed = reference in guesses
            runs = runs or not guessed
            subject.recipe = replace(subject.recipe, loss=step, guessed=guessed)
            if (not guessed or (takes_labels(step) and self.is_smooth())) and self.depends_on_parameters():
                own = own or (reference.holder if reference.holder.startswith("self") else None)
                if skipped == attempt:
                    return
                skipped += 1
            subject.recipe = replace(subject.recipe, loss=None, guessed=False)
        if attempt and subject.recipe.loss is None:
            raise NotFoundError(Stage(0, "no other loss was found"))

    def is_smooth(self) -> bool:
        """Whether the least change of the parameters shows, as it does in no accuracy, and computing changes none."""
        found, moved = [], True
        with suppress(Exception):
            before = self.restore(0)
            found.append(self.subject.loss())
            moved = any(not np.array_equal(a, b) for a, b in zip(self.values_now(), before, strict=True))
            self.subject.assign([value + 1e-4 for value in self.restore(0)])
            found.append(self.subject.loss())
        self.restore(0)
        return len(found) == 2 and found[0] != found[1] and not moved

    def kept_losses(self) -> list[Reference]:
        """Numbers that the forward pass leaves on the network, and properties that compute one."""
        if not (self.is_object and hasattr(self.network, "__dict__")):
            return []
        numbers = [name for name, value in vars(self.network).items() if isinstance(value, float | np.floating)]
        kind = type(self.network)
        properties = [name for name in dir(kind) if isinstance(getattr(kind, name, None), property)]
        return [Reference("self", name) for name in numbers + properties if is_called(LOSS, name)]

    def depends_on_parameters(self) -> bool:
        """Keeps the parameters that the loss depends on; False if there are no weights among them."""
        subject = self.subject
        try:
            kept = subject.values()
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
        if not hold_weights(felt):
            return False
        self.idle = beside(felt, subject.slots)
        kept_paths = {slot.path for slot in felt} | self.idle
        subject.slots = [slot for slot in subject.slots if slot.path in kept_paths]
        return True

    def drop_idle(self) -> None:
        """Parameters that no loss depends on stay only where the backward pass gives them a gradient all the same."""
        subject = self.subject
        if not self.idle:
            return
        self.restore(1)
        gradients: list[Array | None] = [None] * len(subject.slots)
        with suppress(Exception):
            gradients = subject.gradients()
        kept = [
            (slot, place)
            for slot, place, g in zip(subject.slots, subject.recipe.places, gradients, strict=True)
            if slot.path not in self.idle or (g is not None and g.shape == slot.read().shape and np.abs(g).max() > ZERO)
        ]
        subject.slots = [slot for slot, _ in kept]
        subject.recipe = replace(subject.recipe, places=tuple(place for _, place in kept))

    def find_gradient(self) -> None:
        self.find_backward()

    def find_backward(self) -> None:
        """The first that gives every gradient; else the one that gives most of them."""
        found: list[Recipe] = []
        for reference in self.backward_candidates():
            if self.try_backward(reference):
                told = any(is_called(pattern, reference.name) for pattern in (BACKWARD, LOSS, ONE_STEP))
                if not told and not all(map(is_gradient, self.subject.recipe.places)):
                    self.subject.recipe = replace(self.subject.recipe, backward=None, places=())
                    continue
                found.append(self.subject.recipe)
                if None not in found[-1].places:
                    break
        if found:
            self.subject.recipe = max(found, key=lambda recipe: sum(is_gradient(place) for place in recipe.places))
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
        guesses = [] if named else self.unnamed()
        found = named + both + self.candidates(LOSS) + steps + guesses
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
        if self.enough(places):
            return places
        moved = any(not np.array_equal(a, b) for a, b in zip(self.values_now(), self.before_values, strict=True))
        return [Place("update", slot.path) for slot in self.subject.slots] if moved else None

    def enough(self, places: list[Place | None]) -> bool:
        """Gradients of half of the parameters, weights among them: arrays of a bias's shape may be anything."""
        found = [slot for slot, place in zip(self.subject.slots, places, strict=True) if place is not None]
        return 2 * len(found) >= len(places) and (hold_weights(found) or not found)

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
            subject.recipe,
            places=tuple(places),
            rate=step_size(subject, step),
            backward_gives_loss=gives_loss,
        )
        if any(place is not None and place.source == "update" for place in places):
            subject.recipe = replace(subject.recipe, places=tuple(Place("update", s.path) for s in subject.slots))
            return not self.adapts()
        return True

    def adapts(self) -> bool:
        """Whether a step moves all parameters equally far, as Adam's first one does: it shows no gradient."""
        adaptive = adapts(self.subject)
        self.restore(0)
        if adaptive:
            self.note(RuntimeError("its step adapts its size to the gradient, which therefore does not show"))
            self.subject.recipe = replace(self.subject.recipe, backward=None, places=())
        return adaptive

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
        moved = any(not np.array_equal(a, b) for a, b in zip(after, values, strict=True))
        if self.is_object or isinstance(self.network, list):
            changed = changed_state(before, self.network, subject.slots)
            candidates += [c for c in changed if not moved or marked(c.name)]  # a step changes its velocities, too
        places = match(subject.slots, candidates)
        if self.enough(places):
            return places
        return [Place("update", slot.path) for slot in subject.slots] if moved else None


def takes_labels(step: Step) -> bool:
    return any(key in ("labels", "pairs") for _, key in step.plan)


def is_gradient(place: Place | None) -> bool:
    return place is not None and place.source in ("returned", "state")
