"""One file to one verdict; what cannot be checked becomes a sentence that says why."""

import itertools
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial

from backlight.checking.analysis import Analysis
from backlight.checking.case import Case
from backlight.checking.chance import drawing_line, unsteady
from backlight.checking.construct import TRIED_SIZES, Maker
from backlight.checking.discover import NotFoundError
from backlight.checking.layout import is_bias
from backlight.checking.meant import meant, passes_beside
from backlight.checking.mending import all_lines
from backlight.checking.program import Program, user_line
from backlight.checking.readings import Reading, best_reading
from backlight.checking.script import Script
from backlight.checking.script_readings import script_reading
from backlight.checking.settle import ADDED_OUTSIDE, settle
from backlight.checking.source import CannotCheckError, Sources
from backlight.checking.subject import seeded
from backlight.checking.verdict import Verdict

ALL_SECONDS = 4.0  # after finding out what is wrong, for tracing and mending it
APART = 4  # so many networks of one file are judged


def judge(sources: Sources, target: str | None = None) -> Verdict:
    """The verdict on a program. Never raises for what the program does: what cannot be checked is a verdict, too."""
    try:
        program = Program(sources)
        each = judged_apart(program) if target is None else {}
        return first_wrong(each) if each else judged(program, target)
    except CannotCheckError as error:
        return unchecked(sources, error.reason, error.line)
    except NotFoundError as error:
        return unchecked(sources, *why_not_found(sources, error, target))


def judged(program: Program, target: str | None) -> Verdict:
    end = time.process_time() + ALL_SECONDS
    return verdict_of(Case(*understood(program, target), target, end))


def verdict_of(case: Case) -> Verdict:
    """Raises CannotCheckError where two calls of the loss differ, and with them all differences of it."""
    program = case.program
    if unsteady(case.subject):
        file, line = drawing_line(program.sources, case.subject) or (program.sources.main, None)
        reason = (
            "its loss differs from call to call: it draws random numbers anew, from a generator that it makes there"
        )
        where = f" ({file}, line {line})" if line else ""
        raise CannotCheckError(f"{program.sources.main}: {reason}{where}", file, line)
    verdict, idle = case.verdict(), passes_beside(program, all_lines(case.subject))
    note = f"not looked at, though they may be backward passes, too: {', '.join(idle)}"
    return replace(verdict, notes=(*verdict.notes, note)) if idle else verdict


def judged_apart(program: Program) -> dict[str, Verdict]:
    """A verdict for each network that the file is about, by name; empty where it leaves no choice or none is found.

    What is no stack of layers counts only where nothing is: it may be something else than a network.
    """
    names = meant(program)[:APART]
    stacks: dict[str, Verdict] = {}
    others: dict[str, Verdict] = {}
    for name in names:
        with suppress(NotFoundError):
            end = time.process_time() + ALL_SECONDS
            own, found = understood(Program(program.sources), name)
            known = found.right or found.reading.network is not None
            if len(names) == 1:  # whose own script it must be
                own, found = excused(own, found)
            (stacks if known else others)[name] = verdict_of(Case(own, found, name, end))
    return stacks or others


def first_wrong(each: dict[str, Verdict]) -> Verdict:
    """The first verdict with a mistake, else the first one; the others in a note."""
    chosen = next((name for name, verdict in each.items() if verdict.status == "wrong"), next(iter(each)))
    said = {"right": "all gradients are right", "wrong": "not right"}
    notes = [
        f"{name} stands in the same file: {said[verdict.status]} (`backlight check {verdict.file}:{name}`)"
        for name, verdict in each.items()
        if name != chosen
    ]
    return replace(each[chosen], notes=(*each[chosen].notes, *notes))


def understood(program: Program, target: str | None) -> tuple[Program, Analysis]:
    """The program by its functions; by its training loop where these cannot be run, or where only they look wrong."""
    try:
        found = settle(program, target, best_reading(program, target))
    except NotFoundError:
        other = Program(program.sources)
        reading = script_reading(other) if target is None else None
        if reading is None or not tells(reading):
            raise
        return other, settle(other, target, reading)
    return (program, found) if target is not None else excused(program, found)


def excused(program: Program, found: Analysis) -> tuple[Program, Analysis]:
    """By the training loop where that is right: what is added to a gradient in the script, only the loop shows."""
    if doubtful(found):
        other = Program(program.sources)
        reading = script_reading(other)
        if reading is not None and complete(reading, found.reading) and trustworthy(reading):
            return other, settle(other, None, reading)
    return program, found


def doubtful(found: Analysis) -> bool:
    """Whether a wrong gradient may be one that was misread: it has no name, or one of what a script may add itself."""
    names = {mistake.name for mistake in found.name.mistakes} if found.name else set()
    return not found.right and not found.shapes and (not names or bool(names & set(ADDED_OUTSIDE)))


def tells(reading: Reading) -> bool:
    """Whether there are weights, and something changes the loss."""
    weights = any(slot.read().ndim == 2 and not is_bias(slot) for slot in reading.subject.slots)
    return weights and (not reading.errors or any(reading.errors))


def complete(reading: Reading, other: Reading) -> bool:
    """Whether a reading is right in as many parameters as another has: those that never move are in no loop."""
    known = reading.clean or not other.understood
    return reading.right and known and len(reading.subject.slots) >= len(other.subject.slots)


def trustworthy(reading: Reading) -> bool:
    """Whether no factor over all gradients was chosen to fit."""
    return not isinstance(reading.subject, Script) or reading.subject.cut.named


def unchecked(sources: Sources, reason: str, line: int | None) -> Verdict:
    return Verdict(sources.main, "unchecked", reason, line)


def why_not_found(sources: Sources, error: NotFoundError, target: str | None) -> tuple[str, int | None]:
    """One sentence: what was looked for, what was found, and what the program itself raised."""
    file, stage = sources.main, error.stage
    program = Program(sources)
    if target is not None and target not in {**program.classes(), **program.functions()}:
        known = ", ".join([*program.classes(), *program.functions()]) or "nothing"
        return f"{file} defines no {target}; it defines {known}", None
    if stage.cause is not None:
        missing = program.missing.get(getattr(stage.cause, "name", None) or "")
        if isinstance(stage.cause, NameError) and missing is not None:
            return missing.reason, missing.line
        place = user_line(stage.cause)
        where = f" ({place[0]}, line {place[1]})" if place else ""
        return f"{file} cannot be run: {type(stage.cause).__name__}: {stage.cause}{where}", place[1] if place else None
    raised = construction_error(program) if stage.depth == 0 else None
    if raised is not None:
        for name, missing in program.missing.items():
            if f"'{name}'" in raised[0]:
                return missing.reason, missing.line
        return f"{file} cannot be run: {raised[0]}", raised[1]
    if program.missing:
        first = next(iter(program.missing.values()))
        return first.reason, first.line
    defined = [*program.classes(), *program.functions()]
    if not defined:
        return f"{file} defines no class and no function: put the network into one, so that it can be called", None
    looked = f"looked for forward, loss and backward passes in {', '.join(defined[:8])}"
    return f"{file}: {stage.message}; {looked}; hand over an adapter with --adapter", None


def construction_error(program: Program) -> tuple[str, int] | None:
    """What the constructor of a class raises in the user's own lines when it is called as its arguments suggest."""
    for name, kind in program.classes().items():
        for arguments in itertools.islice(Maker(program, TRIED_SIZES[0]).calls(kind, name), 1):
            try:
                seeded(partial(kind, **arguments))
            except Exception as error:
                place = user_line(error)
                if place is not None:
                    return f"{name}(…) raises {type(error).__name__}: {error} ({place[0]}, line {place[1]})", place[1]
    return None
