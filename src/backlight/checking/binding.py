"""Calling a function of unknown signature: each parameter is given the value that its name asks for."""

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from backlight.checking.roles import roles_of

Plan = tuple[tuple[str, str], ...]  # parameter → key of the pool
Pool = dict[str, Any]
COMBINATIONS = 60
# Parameters with a default are still given these; all others keep their default.
WANTED = ("input", "labels", "outputs", "cache", "parameters", "penalty")


class NoCallError(Exception):
    """No way to call the function was found; `cause` is what the most plausible try raised."""

    def __init__(self, name: str, cause: BaseException | None) -> None:
        super().__init__(f"{name}: {cause}")
        self.name, self.cause = name, cause


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


def bind(function: Callable[..., Any], pool: Mapping[str, Any], accept: Callable[[Any], bool]) -> Bound:
    """The first way of calling `function` with values of the pool whose result is accepted."""
    first: BaseException | None = None
    for plan in itertools.islice(plans(function, pool), COMBINATIONS):
        bound = Bound(function, plan)
        try:
            result = bound(pool)
        except (KeyboardInterrupt, TimeoutError, MemoryError):
            raise
        except BaseException as error:  # the user's code may raise anything, SystemExit included
            first = first or error
            continue
        if accept(result):
            return bound
    raise NoCallError(getattr(function, "__name__", str(function)), first)


def plans(function: Callable[..., Any], pool: Mapping[str, Any]) -> Iterator[Plan]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return
    options: list[list[tuple[str, str] | None]] = []
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        optional = parameter.default is not parameter.empty
        keys = keys_for(parameter.name, pool, optional)
        spelled = f"{parameter.name}=" if optional or parameter.kind is parameter.KEYWORD_ONLY else parameter.name
        choices: list[tuple[str, str] | None] = [(spelled, key) for key in keys]
        options.append([*choices, None] if optional else choices)
    for combination in itertools.product(*options):
        used = [key for _, key in filter(None, combination)]
        if len(used) == len(set(used)):  # no value twice
            yield tuple(filter(None, combination))


def keys_for(name: str, pool: Mapping[str, Any], optional: bool) -> list[str]:
    """Keys of the pool that a parameter of this name may mean, most likely first.

    A pool's keys are roles, roles with an alternative ("activation:1"), or "=name" for values that the
    user's own code has given this name.
    """
    exact = [f"={name}"] if f"={name}" in pool else []
    roles = [role for role in roles_of(name) if not optional or role in WANTED]
    matching = [key for role in roles for key in pool if key.split(":")[0] == role]
    if optional:
        return exact if exact and not roles else [*exact, *matching][:2]
    rest = [key for key in pool if not key.startswith("=") and key not in matching]
    return [*exact, *matching, *rest]
