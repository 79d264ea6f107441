"""A file read through its own training loop, where its functions alone cannot be understood or look wrong."""

import ast
from collections.abc import Iterator
from contextlib import suppress

import numpy as np

from backlight.checking.binding import TooLongError, left, limited
from backlight.checking.construct import TRIED_SIZES, Maker, Sizes, is_parameter_name
from backlight.checking.cutting import Cutter
from backlight.checking.feed import SAMPLES, feeds
from backlight.checking.layout import is_bias
from backlight.checking.program import Program
from backlight.checking.readings import FAILURES, Reading, directional_errors, identify
from backlight.checking.roles import roles_of
from backlight.checking.script import Script, script_at
from backlight.checking.store import slots
from backlight.checking.training_loop import Walk

SECONDS = 2.0  # for all loops, losses and forms of samples
LEAST = 0.05  # of this time, for one more
ROUNDS = 3  # so many training loops of a script are looked at
LOSSES = 8  # so many expressions are tried as its loss


def script_reading(program: Program) -> Reading | None:
    """The best reading of the script's training loops; None where none can be run on the samples of the check."""
    found: list[Reading] = []
    with suppress(TooLongError), limited(SECONDS, firm=True):
        for script in scripts(program, TRIED_SIZES[0]):
            with suppress(*FAILURES, TooLongError):
                found.append(read_script(script))
                if found[-1].right and found[-1].clean and found[-1].network is not None:
                    break
            if left(SECONDS) < LEAST:
                break
    return min(found, key=lambda reading: reading.rank, default=None)


def read_script(script: Script) -> Reading:
    script.show_outputs()
    network, fit = identify(script)
    sizes = Sizes(script.feed.X.shape[1], TRIED_SIZES[0].hidden, script.feed.classes)
    return Reading(script, sizes, network, fit, directional_errors(script))


def scripts(program: Program, sizes: Sizes) -> Iterator[Script]:
    """Every reading of the script's training loops, with samples in each form that runs."""
    samples = unlike_all_widths(program)
    for widths in possible_widths(program, sizes, samples):
        for feed in feeds(widths.inputs, widths.classes, samples):
            if feed.single:
                continue
            maker = Maker(program, widths, feed)
            for index in range(ROUNDS):
                with suppress(Exception, TooLongError):
                    yield from readings_of(script_at(program, maker, index))


def readings_of(script: Script) -> Iterator[Script]:
    cutter = Cutter(script)
    cutter.keep_changing()
    for cut in list(cutter.cuts())[:LOSSES]:
        with suppress(*FAILURES, TooLongError):
            yield from cutter.settled(cut)


def unlike_all_widths(program: Program) -> int:
    """A number of samples that the source does not contain, so that no array of a network has it as a width."""
    nodes = [node for tree in program.trees.values() for node in ast.walk(tree)]
    numbers = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, int)}
    return next(number for number in (SAMPLES, 11, 13, 17, 19, 23) if number not in numbers)


def may_hold_parameters(program: Program, name: str, value: object) -> bool:
    """Whether a variable is an object of the program's own, a plain collection, or an array called like a parameter."""
    if type(value) in (dict, list, tuple) or type(value) in program.classes().values():
        return not {"input", "labels"} & set(roles_of(name)[:1])
    return isinstance(value, np.ndarray) and is_parameter_name(name)


def possible_widths(program: Program, sizes: Sizes, samples: int) -> list[Sizes]:
    """The widths between which the script's own matrices lead, in both orientations; else those of the check."""
    feed = feeds(sizes.inputs, sizes.classes, samples)[0]
    found: list[Sizes] = []
    for one in Walk(program, Maker(program, sizes, feed)).rounds():
        own = {name: value for name, value in one.variables.items() if may_hold_parameters(program, name, value)}
        weights = [s for s in slots(own) if s.read().dtype.kind == "f" and not is_bias(s)]
        shapes = [s.read().shape for s in weights if s.read().ndim == 2 and len(feed.X) not in s.read().shape]
        if shapes:
            ends = sorted({(shapes[0][0], shapes[-1][1]), (shapes[0][1], shapes[-1][0])})
            ends += [(d, 1) for d, _ in ends]  # a last matrix (h, 1) looks like biases
            found += [Sizes(int(d), sizes.hidden, int(k)) for d, k in ends if d * k < 100_000]
            break
    return list(dict.fromkeys([*found, Sizes(sizes.inputs, sizes.hidden, 1), sizes]))
