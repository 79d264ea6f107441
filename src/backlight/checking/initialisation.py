"""Are the weights that a network starts from what they should be? Looked at in wide layers, where statistics tell."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from backlight.checking.compose import MADE_HERE, networks
from backlight.checking.construct import Maker, Sizes
from backlight.checking.feed import Feed
from backlight.checking.own_code import OwnCode
from backlight.checking.program import Program
from backlight.checking.store import Slot, slots
from backlight.checking.subject import Subject
from backlight.networks.activations import Array

WIDE = Sizes(20, (30, 40), 10)
TOO_LARGE, TOO_SMALL = 8.0, 1e-5  # of std · √fan_in; 1 keeps the variance, √2 does for a ReLU
UNUSUAL = (0.02, 2.5)


@dataclass(frozen=True)
class InitialMistake:
    """name of the mistake, the parameter, the numbers that show it, and whether it does harm for certain."""

    name: str
    tensor: str
    evidence: str
    harmful: bool


def initial_mistakes(program: Program, target: str | None, subject: Subject) -> list[InitialMistake]:
    """Mistakes in the initial weights, each kind at most once; none in weights that the program does not make."""
    if isinstance(subject, OwnCode) and subject.recipe.made == MADE_HERE:
        return []
    own = {last_word(slot) for slot in subject.slots}  # not what stands beside them and rightly starts from zero
    wide = [slot for slot in wide_network(program, target, subject.feed) or () if last_word(slot) in own]
    named = dict(matrices(wide or subject.rebuilt(program).slots))
    found: dict[str, InitialMistake] = {}
    for mistake in [*shared(named), *itertools.chain.from_iterable(single(n, W) for n, W in named.items())]:
        found.setdefault(mistake.name, mistake)
    if "init-constant" in found:
        found.pop("init-positive", None)
    return list(found.values())


def wide_network(program: Program, target: str | None, feed: Feed) -> Sequence[Slot] | None:
    with suppress(Exception):
        for made in networks(program, Maker(program, WIDE, feed), target):
            return list(slots(made.network))
    return None


def last_word(slot: Slot) -> str:
    return next((key for key in reversed(slot.path) if isinstance(key, str)), "")


def matrices(found: Sequence[Slot]) -> Iterator[tuple[str, Array]]:
    for slot in found:
        value = slot.read()
        large = value.dtype.kind == "f" and value.ndim == 2 and min(value.shape) > 1 and value.size >= 12
        if large:
            yield slot.name, np.array(value, dtype=float)


def single(name: str, W: Array) -> Iterator[InitialMistake]:
    if np.ptp(W) == 0.0:
        if not name.lower().startswith(("v", "m", "s")):
            yield InitialMistake("init-constant", name, f"every entry of {name} is {W.flat[0]:g}", True)
        return
    if W.min() >= 0.0 and W.size > 30:
        yield InitialMistake(
            "init-positive", name, f"no entry of {name} is negative; their mean is {W.mean():.3g}", True
        )
    with np.errstate(invalid="ignore"):
        ratio = float(W.std() * np.sqrt(min(W.shape)))
    if not UNUSUAL[0] <= ratio <= UNUSUAL[1]:
        harmful = not TOO_SMALL <= ratio <= TOO_LARGE  # nan, of weights that are not finite, lies nowhere
        shown = f"std({name}) · √fan_in is {ratio:.3g}; 1 to 1.4 keeps the size of the signal"
        yield InitialMistake("init-scale", name, shown, harmful)


def shared(named: dict[str, Array]) -> Iterator[InitialMistake]:
    """Two matrices whose entries, in the order they were drawn, are multiples of each other; either may be turned."""
    for (name, W), (other, V) in itertools.combinations(named.items(), 2):
        count = min(W.size, V.size)
        if count < 6 or np.ptp(W) == 0 or np.ptp(V) == 0:
            continue
        for first, second in itertools.product((W, W.T), (V, V.T)):
            a, b = first.ravel()[:count], second.ravel()[:count]
            factor = float(a @ b / (b @ b))
            if factor > 0 and np.abs(a - factor * b).max() < 1e-9 * np.abs(a).max():
                shown = f"the first {count} entries of {name} and {other} are the same numbers, times {factor:.4g}"
                yield InitialMistake("init-shared-seed", other, shown, True)
                break
