"""Looking for networks over one flat vector: what takes such a vector, and how it is cut."""

import inspect
import itertools
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from backlight.checking.binding import Bound, Pool, plans
from backlight.checking.construct import PENALTY, Maker, Sizes, call_with
from backlight.checking.flat import Functions, Owner, Plan, functions_of, started
from backlight.checking.flat_layout import unrolled
from backlight.checking.guesses import makes_parameters
from backlight.checking.layers import methods, required
from backlight.checking.program import Program
from backlight.checking.roles import BACKWARD, FORWARD, LOSS, is_called, roles_of, size_role, tokens
from backlight.checking.store import is_number_array
from backlight.checking.subject import seeded
from backlight.networks.activations import Array

VECTOR = r"\w*(theta|param|weight|flat|unroll|pack|vec|coef)\w*|w|wb|p|v|pesos|pesi|poids|gewichte"
STARTS = r".*(init|theta0|theta_0|x0|start|random).*"
SIZE_WORD = r"sizes?|dims?|num|n|nb|units|nodes|neurons|layers?|widths?|count|shape|features"
SECONDS = 4.0  # for finding out how a program's vector is cut
PLANS = 4  # ways to call one function
FEEDS = 3  # in so many layouts of the samples, a vector is looked for
FOUND: dict[tuple[Program, Sizes], list[list[Plan]]] = {}  # in each of the layouts


def flat_networks(program: Program, maker: Maker) -> Iterator[Plan]:
    """Every vector of the program that is a whole network's parameters. How it is cut does not depend on the feed."""
    if maker.feed is None or not cuts_vectors(program):
        return
    tries = FOUND.setdefault((program, maker.sizes), [])
    if len(tries) < FEEDS and not any(tries):
        end = time.monotonic() + SECONDS
        plans_of = (plan_of(program, maker, owner, end) for owner in owners(program, maker))
        tries.append([plan for plan in plans_of if plan is not None])
    for plan in tries[-1]:  # objects keep the samples that they were made with
        fresh = next((owner for owner in owners(program, maker) if owner.name == plan.owner.name), plan.owner)
        yield replace(plan, owner=fresh)


def cuts_vectors(program: Program) -> bool:
    """Whether the source makes matrices out of something, and vectors out of matrices."""
    texts = program.sources.texts.values()
    shaped = any(re.search(r"reshape|\.resize|\bsplit\(", text) for text in texts)
    return shaped and any(re.search(r"concatenate|[hv]stack|ravel|flatten|r_\[|append|reshape\(-1", t) for t in texts)


def owners(program: Program, maker: Maker) -> Iterator[Owner]:
    yield Owner("")
    for name, kind in program.classes().items():
        if len(methods(kind)) > 2:
            yield from made_by(kind, name, maker)
    for name, function in program.functions().items():
        if encloses(function):
            yield from made_by(function, name, maker)


def encloses(function: Callable[..., Any]) -> bool:
    """Whether a function has functions of its own."""
    return any(inspect.iscode(constant) for constant in function.__code__.co_consts)


def made_by(function: Callable[..., Any], name: str, maker: Maker) -> Iterator[Owner]:
    """The first arguments under which something with functions comes out."""
    for arguments in itertools.islice(maker.calls(function, name), 8):
        with suppress(Exception):
            if functions_of(seeded(partial(call_with, function, arguments))):
                yield Owner(name, arguments)
                return


def plan_of(program: Program, maker: Maker, owner: Owner, end: float) -> Plan | None:
    """How the vector that the owner's functions take is cut: seen in the likeliest that can be called."""
    made = owner.make(program)
    functions = functions_of(made) if owner.name else dict(program.functions())
    names, kept = vector_names(program, functions, made), kept_vector(made)
    if not names and kept is None:
        return None
    starts = list(first_vectors(functions, maker))
    lengths = list(dict.fromkeys([length for length, _ in starts] + ([len(getattr(made, kept))] if kept else [])))
    best: Plan | None = None
    for name in sorted(
        names or functions, key=lambda n: (not is_called(rf"{LOSS}|{BACKWARD}", n), is_called(FORWARD, n))
    ):
        for sizes in sizes_for(program, maker, functions[name], name):
            for call in calls(functions[name], names.get(name), pool_of(maker) | sizes):
                if time.monotonic() > end:
                    return best
                layout = unrolled(call if names else keeping(made, kept, call), lengths)
                if layout is None:
                    continue
                start = next((start for length, start in starts if length == layout.length), None)
                setter = (
                    f".{kept}" if not names else name if owner.name and returns_nothing(call, layout.length) else ""
                )
                plan = Plan(owner, layout, all_sizes(program, maker, functions) | sizes, names, setter, start)
                if layout.complete:
                    return plan
                best = best or plan
    return best


def vector_names(program: Program, functions: Functions, made: Any) -> dict[str, str]:
    """The arguments that are the vector, by function: called so, or the first one of a closure."""
    closed = made is not None and not isinstance(made, tuple(program.classes().values()))
    found = {n: vector_argument(f) or (first_argument(f) if closed else None) for n, f in functions.items()}
    return {name: argument for name, argument in found.items() if argument is not None}


def kept_vector(made: Any) -> str | None:
    """The attribute with the longest vector, of an object that keeps no matrices but samples."""
    kept = {n: v for n, v in getattr(made, "__dict__", {}).items() if is_number_array(v) and v.dtype.kind == "f"}
    if any(v.ndim == 2 and not {"input", "labels"} & set(roles_of(name)) for name, v in kept.items()):
        return None
    vectors = sorted((name for name, value in kept.items() if value.ndim == 1), key=lambda name: -kept[name].size)
    return next((name for name in vectors if not {"input", "labels"} & set(roles_of(name))), None)


def keeping(made: Any, attribute: str | None, call: Callable[[Array], Any]) -> Callable[[Array], Any]:
    def kept(vector: Array) -> Any:
        setattr(made, str(attribute), vector)
        return call(vector)

    return kept


def vector_argument(function: Callable[..., Any]) -> str | None:
    """The first argument that is called like all parameters together: Theta1 and Theta2 are handed one by one."""
    called = [name for name in asked(function) if re.fullmatch(VECTOR, name, re.IGNORECASE)]
    return next((name for name in called if not name[-1].isdigit() or len(called) == 1), None)


def returns_nothing(call: Callable[[Array], Any], length: int) -> bool:
    """Whether a function keeps the vector, or what it cuts it into."""
    with suppress(Exception):
        return seeded(partial(call, np.linspace(-0.5, 0.5, length))) is None
    return False


def first_argument(function: Callable[..., Any]) -> str | None:
    return next(iter(required(function)), None)


def asked(function: Callable[..., Any]) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []


def first_vectors(functions: Functions, maker: Maker) -> Iterator[tuple[int, Owner]]:
    """(length, function) of what makes a vector out of widths or nothing."""
    for name, function in functions.items():
        if is_called(STARTS, name) or makes_parameters(name, required(function)):
            for arguments in itertools.islice(maker.calls(function, name), PLANS):
                with suppress(Exception):
                    start = Owner(name, arguments)
                    yield len(started(functions, start)), start
                    break


def sizes_for(program: Program, maker: Maker, function: Callable[..., Any], name: str) -> Iterator[Pool]:
    """Widths for the arguments of a function that are called like sizes."""
    parameters = [p for p in inspect.signature(function).parameters.values() if p.kind is not p.VAR_POSITIONAL]
    hints = maker.hints(name, [p.name for p in parameters])
    options: dict[str, list[Any]] = {}
    for parameter in parameters:
        default = None if parameter.default is parameter.empty else parameter.default
        hint = hints.get(parameter.name)
        if is_size(parameter.name, hint if hint is not None else default):
            values = maker.known(parameter, None if isinstance(hint, type) else hint, default)
            options |= {f"!{parameter.name}": values} if values else {}
    for chosen in itertools.islice(itertools.product(*options.values()), PLANS):
        yield dict(zip(options, chosen, strict=True))


def all_sizes(program: Program, maker: Maker, functions: Functions) -> Pool:
    found: Pool = {}
    for name, function in (program.functions() | functions).items():
        with suppress(Exception):
            found = next(sizes_for(program, maker, function, name), {}) | found
    return found


def is_size(name: str, example: Any) -> bool:
    """Whether an argument is a width (or some): by the words of its name, or since the program hands a number over."""
    if {"samples", "batch", "many", "seed"} & set(roles_of(name)) or size_role(name) is None:
        return False
    listed = isinstance(example, list | tuple) and len(example) > 0 and all(type(v) is int for v in example)
    spelled = any(re.fullmatch(SIZE_WORD, word) for word in tokens(name))
    return spelled or type(example) is int or listed


def pool_of(maker: Maker) -> Pool:
    feed = maker.feed
    assert feed is not None
    inputs, labels = (feed.inputs(), feed.labels()) if not feed.single else feed.sample(0)
    return {"input": inputs, "labels": labels, "penalty": PENALTY, "size_list": maker.sizes.all, "rate": 0.1,
            "samples": len(feed.X), "many": 1, "batch": len(feed.X), "seed": 0}  # fmt: skip


def calls(function: Callable[..., Any], argument: str | None, pool: Pool) -> Iterator[Callable[[Array], Any]]:
    known = {argument: "parameters"} if argument else {}
    pool = pool | ({"parameters": None} if argument else {})
    for plan in itertools.islice(plans(function, pool, known), PLANS):
        yield partial(called_with, Bound(function, plan), pool)


def called_with(bound: Bound, pool: Pool, vector: Array) -> Any:
    return bound(pool | {"parameters": vector})
