"""Networks whose parameters are one flat vector: found by what their functions cut it into, shown as its parts."""

import inspect
import itertools
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np

from backlight.checking.binding import Bound, Pool, plans
from backlight.checking.construct import PENALTY, Maker, Sizes, call_with
from backlight.checking.flat_layout import Region, Unrolled, unrolled
from backlight.checking.guesses import makes_parameters
from backlight.checking.layers import methods, required
from backlight.checking.program import Program
from backlight.checking.roles import BACKWARD, FORWARD, LOSS, is_called, roles_of, size_role, tokens
from backlight.checking.store import is_number_array
from backlight.checking.subject import seeded
from backlight.networks.activations import Array

VECTOR = r"\w*(theta|param|weight|flat|unroll|pack|vec|coef)\w*|w|wb|p|v|pesos|pesi|poids|gewichte"
STARTS = r".*(init|theta0|theta_0|x0|start|random).*"
SIZE_WORDS = {
    "size",
    "sizes",
    "dim",
    "dims",
    "num",
    "n",
    "nb",
    "units",
    "nodes",
    "neurons",
    "layer",
    "layers",
    "width",
    "widths",
    "count",
    "shape",
    "features",
}
SECONDS = 4.0  # for finding out how a program's vector is cut
PLANS = 4  # ways to call one function
Functions = dict[str, Callable[..., Any]]


@dataclass(frozen=True)
class Owner:
    """What has the functions: an object of a class, what a function has made, or ("") the module."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def make(self, program: Program) -> Any:
        return seeded(lambda: call_with(program.namespace[self.name], self.arguments)) if self.name else None


class Flat(dict[str, Array]):
    """One vector as a dict of its parts, which are views into it.

    Attributes:
        vector, regions: the vector and how it is cut.
        owner: the object whose methods are the network's; None for functions of the module.
        functions: those of the owner.
        setter: the function that the owner takes the vector by, or ".attribute" that it keeps it under; "" where each
            function is handed it.
        names: arguments that are the vector, by function.
        sizes: widths, by the names of the arguments that ask for them.
    """

    __slots__ = ("functions", "names", "owner", "regions", "setter", "sizes", "vector")

    def __init__(self, vector: Array, regions: Sequence[Region], owner: Any, sizes: Pool) -> None:
        super().__init__({region.name: region.of(vector) for region in regions})
        self.vector, self.regions, self.owner, self.sizes = vector, regions, owner, sizes
        self.functions, self.setter = functions_of(owner), ""
        self.names: dict[str, str] = {}

    def __getattr__(self, name: str) -> Any:
        if name in Flat.__slots__ or name not in self.functions:
            raise AttributeError(name)
        return self.functions[name]

    def install(self) -> None:
        """Hands the vector to an owner that keeps it, or what it is cut into."""
        if self.setter.startswith("."):
            setattr(self.owner, self.setter[1:], self.vector)
        elif self.setter:
            self.functions[self.setter](self.vector.copy())


def functions_of(owner: Any) -> Functions:
    """By name: an object's methods, a closure itself, several closures in a tuple or dict."""
    if isinstance(owner, FunctionType):
        return {owner.__name__: owner}
    if isinstance(owner, tuple | list):
        return {name: function for part in owner for name, function in functions_of(part).items()}
    if isinstance(owner, dict):
        return {str(name): function for name, function in owner.items() if isinstance(function, FunctionType)}
    own = [] if owner is None else [name for name in methods(type(owner)) if name != "__init__"]
    return {name: getattr(owner, name) for name in own}


@dataclass(frozen=True)
class Plan:
    """How a flat network is made again, also from a patched program."""

    owner: Owner
    layout: Unrolled
    sizes: Pool
    names: dict[str, str]
    setter: str
    start: Owner | None  # the function that makes the first vector, by name and arguments

    def build(self, program: Program) -> Flat:
        owner = self.owner.make(program)
        network = Flat(self.first(program, owner), self.layout.regions, owner, self.sizes)
        network.names, network.setter = self.names, self.setter
        return network

    def first(self, program: Program, owner: Any) -> Array:
        if self.start is not None:
            with suppress(Exception):
                vector = started(functions_of(owner) | program.functions(), self.start)
                if len(vector) == self.layout.length:
                    return vector
        return np.random.default_rng(0).normal(0.0, 0.3, self.layout.length)

    def shown(self, unmade: str) -> str:
        return self.start.name if self.start else unmade


def started(functions: Functions, start: Owner) -> Array:
    made = np.asarray(seeded(lambda: call_with(functions[start.name], start.arguments)))
    if made.dtype.kind != "f" or made.size < 4 or made.size != max(made.shape):
        raise ValueError("this is no vector of parameters")
    return made.astype(float).ravel()


FOUND: dict[tuple[Program, Sizes], list[Plan]] = {}


def flat_networks(program: Program, maker: Maker) -> Iterator[Plan]:
    """Every vector of the program that is a whole network's parameters. How it is cut does not depend on the feed."""
    if maker.feed is None or not cuts_vectors(program):
        return
    key = (program, maker.sizes)
    if not FOUND.get(key):
        end = time.monotonic() + SECONDS
        FOUND[key] = []
        for owner in owners(program, maker):
            plan = plan_of(program, maker, owner, end)
            if plan is not None:
                FOUND[key].append(plan)
    for plan in FOUND[key]:  # objects keep the samples that they were made with
        fresh = next((o for o in owners(program, maker) if o.name == plan.owner.name), plan.owner)
        yield Plan(fresh, plan.layout, plan.sizes, plan.names, plan.setter, plan.start)


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
    """The attribute with the longest vector, of an object that keeps no matrices."""
    kept = {n: v for n, v in getattr(made, "__dict__", {}).items() if is_number_array(v) and v.dtype.kind == "f"}
    vectors = sorted((name for name, value in kept.items() if value.ndim == 1), key=lambda name: -kept[name].size)
    return vectors[0] if vectors else None


def keeping(made: Any, attribute: str | None, call: Callable[[Array], Any]) -> Callable[[Array], Any]:
    def kept(vector: Array) -> Any:
        setattr(made, str(attribute), vector)
        return call(vector)

    return kept


def vector_argument(function: Callable[..., Any]) -> str | None:
    """The one argument that is called like all parameters; several are parameters one by one."""
    called = [name for name in asked(function) if re.fullmatch(VECTOR, name, re.IGNORECASE)]
    return called[0] if len(called) == 1 else None


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
    return bool(set(tokens(name)) & SIZE_WORDS) or type(example) is int or listed


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
