"""Calling a function of unknown signature: each parameter is given the value that its name asks for."""

import inspect
import itertools
import re
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from backlight.checking.roles import is_activation, roles_of

Plan = tuple[tuple[str, str], ...]  # parameter → key of the pool
Pool = dict[str, Any]
Known = Mapping[str, str]
NOTHING_KNOWN: Known = {}
COMBINATIONS = 60
# Parameters with a default are still given these; all others keep their default.
WANTED = ("input", "labels", "outputs", "cache", "parameters", "penalty")


CALL_SECONDS = 0.5


class TooLongError(BaseException):
    """A call that took longer than it may; no `except Exception` of the user's code catches it."""


TIDYING = (weakref.__file__, sys.modules[weakref.WeakSet.__module__].__file__)
DEADLINES: list[float] = []  # of limits that no limit inside them outlasts


@contextmanager
def limited(seconds: float, firm: bool = False) -> Iterator[None]:
    """Ends what runs inside after so many seconds. In the main thread of Unix; elsewhere there is no limit.

    A limit inside it has its own time, and stops the outer clock; but not that of a firm one.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def end(_: int, frame: FrameType | None) -> None:
        if would_be_swallowed(frame):
            signal.setitimer(signal.ITIMER_REAL, 1e-3)
        else:
            raise TooLongError(f"it ran for more than {seconds:g} s")

    seconds = left(seconds)
    before = signal.signal(signal.SIGALRM, end)
    outer, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    if firm:
        DEADLINES.append(time.monotonic() + seconds)
    try:
        yield
    finally:
        if firm:
            DEADLINES.pop()
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, left(outer) if outer else 0.0)


def would_be_swallowed(frame: FrameType | None) -> bool:
    """Whether an exception raised here would only be printed: the interpreter is tidying up after a dead object."""
    while frame is not None:
        if frame.f_code.co_name == "__del__" or frame.f_code.co_filename in TIDYING:
            return True
        frame = frame.f_back
    return False


def left(seconds: float) -> float:
    """So many seconds, or what a firm limit leaves of them."""
    return min([seconds, *(max(deadline - time.monotonic(), 1e-3) for deadline in DEADLINES)])


class NoCallError(Exception):
    """No way to call the function was found; `cause` is what the most plausible try raised."""

    def __init__(self, name: str, cause: BaseException | None) -> None:
        super().__init__(f"{name}: {cause}")
        self.name = name
        self.cause = cause


@dataclass(frozen=True)
class Bound:
    """A function and the values its parameters take from the pool."""

    function: Callable[..., Any]
    plan: Plan

    def __call__(self, pool: Mapping[str, Any]) -> Any:
        positional = [pool[key] for name, key in self.plan if not name.endswith("=")]
        named = {name[:-1]: pool[key] for name, key in self.plan if name.endswith("=")}
        return self.function(*positional, **named)

    def takes(self, role: str) -> bool:
        return any(key.split(":")[0] == role for _, key in self.plan)


SLOW: set[tuple[Any, Plan]] = set()  # calls that took too long once, which are not tried again


def bind(
    function: Callable[..., Any], pool: Mapping[str, Any], accept: Callable[[Any], bool], known: Known = NOTHING_KNOWN
) -> Bound:
    """The first way of calling `function` with values of the pool whose result is accepted.

    `known`: keys of the pool for parameters whose meaning the function's own lines give away.
    """
    first: BaseException | None = None
    slow = 0
    likely = (plan for plan in plans(function, pool, known) if not robbed(plan, pool))
    for plan in itertools.islice(likely, COMBINATIONS):
        bound, call = Bound(function, plan), (getattr(function, "__code__", function), plan)
        if call in SLOW:
            continue
        try:
            with limited(CALL_SECONDS):
                result = bound(pool)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # the user's code may raise anything, SystemExit included
            first = first or error
            if isinstance(error, TooLongError):
                SLOW.add(call)
                slow += 1
            if slow > 1:
                break
            continue
        if accept(result):
            return bound
    raise NoCallError(getattr(function, "__name__", str(function)), first)


def robbed(plan: Plan, pool: Mapping[str, Any]) -> bool:
    """Whether a parameter called like labels (or inputs) is given something else, and no other is given these.

    A `t` may be the number of the step, too, and the only argument of a forward pass the input, whatever its name.
    """
    if len(plan) == 1 and "outputs" not in pool:
        return False
    keys = {key for _, key in plan}
    for role in ("labels", "input"):
        if role in pool and not keys & {role, "pairs"}:
            called = [(name, key) for name, key in plan if roles_of(name.strip("="))[:1] == (role,)]
            if any(key[0] not in "=!" and (name, key) != ("t", "many") for name, key in called):
                return True
    return False


def plans(function: Callable[..., Any], pool: Mapping[str, Any], known: Known = NOTHING_KNOWN) -> Iterator[Plan]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return
    options: list[list[tuple[str, str] | None]] = []
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        optional = parameter.default is not parameter.empty
        certain = known.get(parameter.name, "")
        if is_activation(parameter.default) and "activation:forced" in pool:
            certain = "activation:forced"
        elif len(parameters) == 1 and not roles_of(parameter.name) and {"outputs", "labels"} <= set(pool):
            pool = {"labels": pool["labels"], **pool}  # all that a loss after a forward pass may still need
        keys = [certain] if certain in pool else keys_for(parameter.name, pool, optional)
        spelled = f"{parameter.name}=" if optional or parameter.kind is parameter.KEYWORD_ONLY else parameter.name
        choices: list[tuple[str, str] | None] = [(spelled, key) for key in keys]
        forced = any(key.startswith("!") for key in keys)
        options.append([*choices, None] if optional and not forced else choices)
    place = {choice[0]: index for index, choices in enumerate(options) for choice in choices if choice}
    for plan in combinations(unclaimed_first(options), 0, frozenset()):
        yield tuple(sorted(plan, key=lambda choice: place[choice[0]]))


def unclaimed_first(options: Sequence[list[tuple[str, str] | None]]) -> list[list[tuple[str, str] | None]]:
    """Parameters whose names say nothing vary fastest, and what the names of others claim is their last choice."""
    told = [not choices or choices[0] is None or bool(roles_of(choices[0][0].strip("="))) for choices in options]
    claimed = {choices[0][1] for choices, tells in zip(options, told, strict=True) if tells and choices and choices[0]}
    known = [choices for choices, tells in zip(options, told, strict=True) if tells]
    unknown = [choices for choices, tells in zip(options, told, strict=True) if not tells]
    return known + [sorted(c, key=lambda choice: choice is not None and choice[1] in claimed) for c in unknown]


def combinations(options: list[list[tuple[str, str] | None]], start: int, used: frozenset[str]) -> Iterator[Plan]:
    """One choice from each list, no value twice; None leaves a parameter at its default."""
    if start == len(options):
        yield ()
        return
    for choice in options[start]:
        if choice is None:
            yield from combinations(options, start + 1, used)
        elif choice[1] not in used:
            for rest in combinations(options, start + 1, used | {choice[1]}):
                yield (choice, *rest)


def keys_for(name: str, pool: Mapping[str, Any], optional: bool) -> list[str]:
    """Keys of the pool that a parameter of this name may mean, most likely first.

    A pool's keys are roles, roles with an alternative ("activation:1"), or "=name" for values that the
    user's own code has given this name; "!name" stands before all others, also where there is a default.
    """
    if f"!{name}" in pool:
        return [f"!{name}"]
    exact = [f"={name}"] if f"={name}" in pool else []
    wanted = (*WANTED, "activation") if "activation:forced" in pool else WANTED
    roles = [role for role in roles_of(name) if not optional or role in wanted]
    matching = [key for role in roles for key in pool if key.split(":")[0] == role]
    if optional:
        return exact if exact and not roles else [*exact, *matching][:2]
    rest = [key for key in pool if key[0] not in "=!" and key not in matching]
    return [*exact, *matching] if exact else [*matching, *rest]


def one_step(function: Callable[..., Any], rate: float, samples: int, optimizer: str | None) -> Pool:
    """What a training function must be given so that it makes one plain step, also where it has defaults."""
    forced: Pool = {}
    for parameter in inspect.signature(function).parameters.values():
        name, roles = parameter.name, roles_of(parameter.name)
        number = isinstance(parameter.default, int) and not isinstance(parameter.default, bool)
        if re.search(r"decay|momentum|^mu$|every|interval|freq|tol\w*$|patience", name, re.IGNORECASE):
            periodic = re.search(r"every|interval|freq|patience", name, re.IGNORECASE)
            if periodic or parameter.default is parameter.empty:
                forced[f"!{name}"] = 10**9 if periodic else 0.0
        elif "rate" in roles:
            forced[f"!{name}"] = rate
        elif "many" in roles:
            forced[f"!{name}"] = 1
        elif "batch" in roles:
            forced[f"!{name}"] = samples
        elif "quiet" in roles:
            forced[f"!{name}"] = 10**9 if number else False
        elif optimizer is not None and re.match(r"optimi[sz]er|solver", name, re.IGNORECASE):
            forced[f"!{name}"] = optimizer
    return forced
