"""A network as its script trains it: one round of the training loop, up to where the parameters change."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from backlight.checking.binding import TooLongError, limited
from backlight.checking.construct import Maker
from backlight.checking.gradient_places import Place, keys_of
from backlight.checking.gradients import STEP
from backlight.checking.identify import candidate_networks
from backlight.checking.memory import carry_out, memories
from backlight.checking.outputs import rows
from backlight.checking.own_code import as_shape, follow
from backlight.checking.program import Program, code_of
from backlight.checking.returns import Call, Order, returned_arrays, until_returned
from backlight.checking.roles import roles_of
from backlight.checking.store import Key, Slot, arrays, slots
from backlight.checking.subject import Subject, generic_values, nothing, seeded
from backlight.checking.training_loop import Round, Walk
from backlight.networks.activations import Array

PLAIN_MODULES = ("builtins", "numpy", "collections", "random")
SECONDS = 1.0  # for one round
OUTPUTS = 8  # so many arrays are tried as the network's outputs


@dataclass(frozen=True)
class Cut:
    """Where one round is cut.

    Attributes:
        loss: the expression that is the loss, in the form in which the source has it.
        at: number of statements after which it can be computed.
        update: number of statements before the one that changes the parameters.
        places: where the gradients are; read before the update, or the update itself.
        rate: what an update is divided by.
        named: whether the rate is the script's own; else it was chosen to fit.
    """

    loss: str
    at: int
    update: int
    places: tuple[Place | None, ...] = ()
    rate: float = 1.0
    named: bool = True


class Script(Subject):
    """One round of a training loop, carried out at any parameters."""

    def __init__(self, program: Program, maker: Maker, index: int, one: Round) -> None:
        assert maker.feed is not None
        self.program, self.maker, self.index, self.round = program, maker, index, one
        self.feed = maker.feed
        self.variables = one.variables
        file = program.sources.main
        self.codes = [code_of(statement, file, program.trees[file]) for statement in one.statements]
        self.cut = Cut("", 0, 0)
        self.accumulates = False
        self.warm = False
        self.shown: Call | tuple[Key, ...] | None = None  # where the outputs are seen
        self.order: Order | None = None  # in which the round has shuffled the samples
        self.look_around()

    def look_around(self) -> None:
        """Remembers everything as it stands before the round."""
        self.restores = list(memories(self.variables, self.is_known))
        self.slots = [slot for slot in slots(self.variables) if self.may_change(slot)]
        self.start = [np.array(slot.read(), dtype=float) for slot in self.slots]
        self.now: Sequence[Array] = self.start

    def is_known(self, kind: type) -> bool:
        """The user's own classes, and what numbers and collections are made of."""
        return self.program.file_of(kind) is not None or kind.__module__.split(".")[0] in PLAIN_MODULES

    def warm_up(self) -> None:
        """One round beforehand, for parameters that are only made when the first samples come."""
        seeded(partial(self.run, 0, len(self.codes)))
        self.look_around()
        self.warm = True

    def may_change(self, slot: Slot) -> bool:
        value = slot.read()
        samples = (self.feed.inputs(), self.feed.labels())
        own = any(np.shape(part) == value.shape and np.array_equal(part, value) for part in samples)
        shaped = value.ndim <= 2 and len(self.feed.X) not in value.shape  # samples, or what was made of them
        return value.dtype.kind == "f" and shaped and not own and not str(slot.path[0]).startswith("__")

    @property
    def description(self) -> str:  # type: ignore[override]  # others keep it as an attribute
        return f"one round of the training loop in line {self.round.shown[0].lineno}, loss {self.cut.loss}"

    @property
    def has_loss(self) -> bool:
        return True

    def values(self) -> list[Array]:
        return [np.array(value) for value in self.now]

    def assign(self, values: Sequence[Array]) -> None:
        self.now = [np.array(value, dtype=float) for value in values]

    @property
    def strength(self) -> float:
        return next((value for value in self.numbers("penalty") if 0 < value <= 0.5), 0.1)

    def numbers(self, role: str) -> Iterator[float]:
        """Numbers in the loop's variables, and on the objects among them, whose names have this role."""
        owners = [self.variables, *(vars(v) for v in self.variables.values() if self.is_own(v))]
        for owner in owners:
            for name, value in owner.items():
                if isinstance(value, float) and roles_of(name)[:1] == (role,):
                    yield value

    def is_own(self, value: Any) -> bool:
        return isinstance(value, tuple(self.program.classes().values())) and hasattr(value, "__dict__")

    def begin(self) -> None:
        """Everything as it was before the round, the parameters as they were assigned."""
        carry_out(self.restores)
        for slot, value in zip(self.slots, self.now, strict=True):
            slot.write(value)

    def run(self, first: int, end: int) -> None:
        for code in self.codes[first:end]:
            with limited(SECONDS):
                exec(code, self.variables)  # the user's own statements, in a process of their own

    def value_of(self, expression: str) -> float | None:
        with suppress(Exception, TooLongError, SystemExit), limited(SECONDS):
            value = eval(expression, self.variables)
            return None if isinstance(value, int | str) or np.size(value) != 1 else float(np.reshape(value, ()))
        return None

    def loss(self) -> float:
        found = seeded(self.loss_now)
        return float("nan") if found is None else found

    def loss_now(self) -> float | None:
        self.begin()
        self.run(0, self.cut.at)
        return self.value_of(self.cut.loss)

    def outputs(self) -> Array | None:
        given = None if self.shown is None else rows(self.arrays_of_round().get(self.shown), self.feed)
        return given if given is None or self.order is None else given[np.argsort(self.order)]

    def gradient_keys(self) -> set[str]:
        return keys_of(self.cut.places)

    def before_backward(self) -> Callable[[], Any]:
        """Up to the loss, or only to the outputs where one statement computes both the loss and the gradients."""
        if self.loss_comes_first():
            return self.loss
        whole = partial(seeded, partial(self.run, 0, len(self.codes)))
        seeded(self.begin)
        return partial(until_returned, whole, self.shown) if isinstance(self.shown, Call) else nothing

    def loss_comes_first(self) -> bool:
        """Whether gradients appear after the statement that gives the loss."""
        if self.cut.at > self.cut.update:
            return False
        read = {place.path for place in self.cut.places if place is not None and place.source == "state"}
        kept = {slot.path for slot in self.slots}
        seeded(self.begin)
        seeded(partial(self.run, 0, self.cut.at))
        self.value_of(self.cut.loss)
        before = {path: np.array(value) for path, value in self.arrays()}
        seeded(partial(self.run, self.cut.at, len(self.codes)))
        after = dict(self.arrays())
        return any(not alike(before.get(path), after.get(path)) for path in read or after.keys() - kept)

    def arrays_of_round(self) -> dict[Any, Array]:
        """What functions return during the round, up to the update, and what variables keep then."""
        seeded(self.begin)
        end = max(self.cut.update, min(self.cut.at, self.cut.update + 1))
        found, self.order = returned_arrays(partial(seeded, partial(self.run, 0, end)), self.feed.X)
        return {**found, **dict(self.arrays())}

    def up_to_update(self) -> None:
        self.begin()
        self.run(0, self.cut.update)

    def gradients(self) -> list[Array | None]:
        seeded(self.up_to_update)
        return seeded(self.read_gradients)

    def read_gradients(self) -> list[Array | None]:
        if any(place is not None and place.source == "update" for place in self.cut.places):
            self.run(self.cut.update, len(self.codes))
            after = [follow(self.variables, slot.path) for slot in self.slots]
            return [
                None if b is None else (a - np.asarray(b, dtype=float)) / self.cut.rate
                for a, b in zip(self.now, after, strict=True)
            ]
        found = []
        for place, value in zip(self.cut.places, self.now, strict=True):
            read = None if place is None else follow(self.variables, place.path)
            found.append(None if read is None else as_shape(np.array(read, dtype=float), value.shape))
        return found

    def rebuilt(self, program: Program) -> "Script":
        again = self.again(program, self.cut)
        more = len(again.codes) - len(self.codes)
        if more:  # a statement was added or taken away
            again.cut = replace(self.cut, at=self.cut.at + more, update=again.first_change())
        return again

    def again(self, program: Program, cut: Cut) -> "Script":
        """The same loop of another version of the program, with the parameters of this one."""
        other = script_at(program, self.maker, self.index)
        if self.warm:
            other.warm_up()
        paths = {slot.path: slot for slot in other.slots}
        other.slots = [paths[slot.path] for slot in self.slots]
        other.now = [np.array(slot.read(), dtype=float) for slot in other.slots]
        other.shown, other.accumulates = self.shown, self.accumulates
        other.cut = cut
        return other

    def first_change(self) -> int:
        """Number of statements before the one that changes a parameter."""
        seeded(self.begin)
        for index in range(len(self.codes)):
            seeded(partial(self.run, index, index + 1))
            if self.changed():
                return index
        raise ValueError("no statement changes the parameters")

    def changed(self) -> list[bool]:
        after = [follow(self.variables, slot.path) for slot in self.slots]
        flags = [b is None or not np.array_equal(a, b) for a, b in zip(self.now, after, strict=True)]
        return flags if any(flags) else []

    def keep(self, flags: Sequence[bool]) -> None:
        carry_out(self.restores)
        self.slots = [slot for slot, kept in zip(self.slots, flags, strict=True) if kept]
        self.now = [np.array(slot.read(), dtype=float) for slot in self.slots]

    def calibrate(self) -> None:
        """The step size as the numbers have it, where no name tells: the median of what updates are of slopes."""
        self.assign(generic_values(self, 1))
        values, steps, rng = self.values(), self.gradients(), np.random.default_rng(3)
        ratios = []
        for index, step in enumerate(steps):
            u = rng.standard_normal(values[index].shape)
            losses = []
            for h in (STEP, -STEP):
                self.assign([v + h * u if i == index else v for i, v in enumerate(values)])
                losses.append(self.loss())
            slope = (losses[0] - losses[1]) / (2 * STEP)
            if step is not None and step.shape == u.shape and slope:
                ratios.append(float((step * u).sum()) / slope)
        self.assign(values)
        if ratios and np.isfinite(ratios).all() and np.median(ratios) > 0:
            self.cut = replace(self.cut, rate=float(np.median(ratios)))

    def show_outputs(self) -> None:
        """Which of the round's arrays are the network's outputs: those that a network of these parameters gives."""
        self.shown, points = None, [generic_values(self, seed) for seed in (1, 2)]
        seen = []
        for values in points:
            self.assign(values)
            seen.append(self.arrays_of_round())
        felt = {
            place: value
            for place, value in seen[0].items()
            if rows(value, self.feed) is not None and place in seen[1] and not np.array_equal(value, seen[1][place])
        }
        different = {value.tobytes(): place for place, value in reversed(felt.items())}
        for place in list(different.values())[::-1][:OUTPUTS]:
            self.shown = place
            if next(candidate_networks(self), None) is not None:
                return
        self.shown = None

    def arrays(self) -> list[tuple[tuple[Key, ...], Array]]:
        own = {name: value for name, value in self.variables.items() if not name.startswith("__")}
        return [(path, value) for path, value in arrays(own) if value.dtype.kind == "f"]


def alike(one: Array | None, other: Array | None) -> bool:
    """Whether two arrays are equal but for the order in which samples were added."""
    return one is not None and other is not None and one.shape == other.shape and np.allclose(one, other, rtol=1e-9)


def script_at(program: Program, maker: Maker, index: int) -> Script:
    """The script's training loop number `index`, made anew."""
    for number, one in enumerate(Walk(program, maker).rounds()):
        if number == index:
            return Script(program, maker, index, one)
    raise ValueError("the script has no such training loop")
