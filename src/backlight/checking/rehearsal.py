"""A script's own way of putting its layers together, gone through again with the widths wanted here.

The statements that make layers are executed as they stand; while they are, the constructor of every dense layer
is given other widths. So loops, helper functions, chained `add` and classes that hold their layers all work alike.
"""

import ast
import functools
import inspect
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from backlight.checking.binding import TooLongError, limited
from backlight.checking.construct import Maker
from backlight.checking.layers import is_dense, is_layer, is_network
from backlight.checking.lazy import postponed
from backlight.checking.program import Program
from backlight.checking.roles import roles_of, size_role
from backlight.checking.store import children, slots
from backlight.checking.subject import seeded

SECONDS = 1.0  # for one statement
SCENES = 4  # so many places where layers are made are looked at
# Calls that train, show or load: what follows from them is no part of the network.
ELSEWHERE = re.compile(
    r"fit|\w*train\w*|learn|sgd|plot\w*|show|savefig|print|input|predict\w*|\w*accuracy\w*|figure|scatter|step|"
    r"forward|backward|update\w*|optimi[sz]e|evaluate|minimize|\w*test\w*|solve|save|run|legend|title|[xy]label",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Scene:
    """Statements that make layers: of a function, or ("") those of the script itself."""

    name: str
    function: Callable[..., Any] | None
    statements: Sequence[ast.stmt]


def scenes(program: Program, makers: set[str]) -> list[Scene]:
    """Where classes of these names are called outside of classes, the script itself first."""
    found: list[Scene] = []
    for tree in program.trees.values():
        outside = [s for s in tree.body if not isinstance(s, ast.ClassDef | ast.FunctionDef)]
        found.append(Scene("", None, outside))
        functions = [s for s in tree.body if isinstance(s, ast.FunctionDef) and s.name in program.functions()]
        found += [Scene(f.name, program.functions()[f.name], f.body) for f in functions]
    return [scene for scene in found if any(calls_any(s, makers) for s in scene.statements)]


def calls_any(node: ast.AST, names: set[str]) -> bool:
    return any(called(part) in names for part in ast.walk(node) if isinstance(part, ast.Call))


def called(call: ast.Call) -> str:
    return str(getattr(call.func, "id", getattr(call.func, "attr", "")))


@dataclass
class Cast:
    """The layers that were made, in order; of the dense ones, the widths that the script asked for.

    Attributes:
        dense: names of the classes whose layers have widths.
        holders: names of the classes whose objects hold other layers.
        widths: what to give instead; None to leave them as they are.
    """

    dense: frozenset[str]
    holders: frozenset[str]
    widths: Sequence[tuple[int, int]] | None = None
    layers: list[Any] = field(default_factory=list)
    asked: list[tuple[Any, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Rehearsal:
    """A scene in the widths of `maker`; `program` may be a patched one.

    Attributes:
        lengths: number of dense layers of each network that the scene makes, one after the other.
    """

    scene: str
    maker: Maker
    lengths: tuple[int, ...]
    dense: frozenset[str]
    holders: frozenset[str]

    def carry_out(self, program: Program) -> tuple[dict[str, Any], list[Any]]:
        """The scene's variables, and its layers in the order in which they were made."""
        widths = [pair for n in self.lengths for pair in itertools.pairwise(self.maker.sizes.of_depth(n))]
        scene = next(scene for scene in scenes(program, layer_makers(program)) if scene.name == self.scene)
        cast = Cast(self.dense, self.holders, widths)
        return seeded(partial(play, program, scene, self.maker, cast)), cast.layers

    def variable(self, name: str, program: Program) -> Any:
        return self.carry_out(program)[0][name]

    def layers(self, first: int, count: int, program: Program) -> list[Any]:
        return self.carry_out(program)[1][first : first + count]


def rehearsals(program: Program, maker: Maker) -> Iterator[Rehearsal]:
    for scene in scenes(program, layer_makers(program))[:SCENES]:
        dense = frozenset(name for name, kind in program.classes().items() if is_layer(kind) and is_dense(kind))
        holders = frozenset(name for name, kind in program.classes().items() if is_network(kind))
        for _ in range(2):  # which layers have weights or layers of their own shows once they are made
            cast = Cast(dense - holders, holders)
            with suppress(Exception):
                seeded(partial(play, program, scene, maker, cast))
            holders = cast.holders
            dense = cast.dense | {type(layer).__name__ for layer in cast.layers if has_matrix(layer)} - holders
        if cast.asked:
            yield Rehearsal(scene.name, maker, tuple(chain_lengths(cast.asked)), dense, holders)


def layer_classes(program: Program, maker: Maker) -> set[str]:
    """Names of classes of which the script puts several objects one behind the other: layers, not networks."""
    chained = [rehearsal for rehearsal in rehearsals(program, maker) if max(rehearsal.lengths) > 1]
    return {type(layer).__name__ for rehearsal in chained for layer in rehearsal.carry_out(program)[1]}


def assembled(program: Program, maker: Maker) -> Iterator[tuple[str, Callable[[Program], Any]]]:
    """(description, builder) of what the script makes of layers: its own network objects, then plain lists."""
    for rehearsal in rehearsals(program, maker):
        variables, layers = rehearsal.carry_out(program)
        kinds = tuple(program.classes().values())
        for name, value in variables.items():
            if isinstance(value, kinds) and type(value) not in {type(layer) for layer in layers} and has_arrays(value):
                inside = ", ".join(type(layer).__name__ for layer in layers)
                yield f"{type(value).__name__}([{inside}])", partial(rehearsal.variable, name)
        for name, value in variables.items():
            if isinstance(value, list) and len(value) > 1 and all(layer_of(layers, part) for part in value):
                yield described(value), partial(rehearsal.variable, name)
        for first, count in stacks(layers, rehearsal):
            yield described(layers[first : first + count]), partial(rehearsal.layers, first, count)


def parts(value: Any) -> Iterator[Any]:
    """What an object holds, itself or in a list or dict."""
    for _, child in children(value):
        yield child
        if isinstance(child, list | tuple | dict):
            yield from (inner for _, inner in children(child))


def layer_of(layers: Sequence[Any], value: Any) -> bool:
    return any(layer is value for layer in layers)


def described(layers: Sequence[Any]) -> str:
    return f"[{', '.join(type(layer).__name__ for layer in layers)}]"


def has_arrays(value: Any) -> bool:
    return any(slot.read().dtype.kind == "f" for slot in slots(value))


def has_matrix(layer: Any) -> bool:
    return any(slot.read().dtype.kind == "f" and slot.read().ndim == 2 and 1 not in slot.read().shape
               for slot in slots(layer))  # fmt: skip


def stacks(layers: Sequence[Any], rehearsal: Rehearsal) -> Iterator[tuple[int, int]]:
    """(first, count) of the layers of each network: its dense ones and what follows them."""
    starts = [index for index, layer in enumerate(layers) if type(layer).__name__ in rehearsal.dense]
    firsts = [starts[n] for n in itertools.accumulate((0, *rehearsal.lengths[:-1])) if n < len(starts)]
    for first, end in itertools.pairwise([*firsts, len(layers)]):
        yield first, end - first


def chain_lengths(asked: Sequence[tuple[Any, Any]]) -> Iterator[int]:
    """Dense layers one behind the other: a new network begins where inputs are not what came out before."""
    length, before = 0, None
    for inputs, outputs in asked:
        if length and inputs is not None and inputs != before:
            yield length
            length = 0
        length, before = length + 1, outputs
    yield length


def layer_makers(program: Program) -> set[str]:
    """Names of classes that are layers or hold layers."""
    return {name for name, kind in program.classes().items() if is_layer(kind) or is_network(kind)}


def play(program: Program, scene: Scene, maker: Maker, cast: Cast) -> dict[str, Any]:
    """Executes the scene's statements; gives the variables that they made."""
    before = dict(program.namespace)
    if scene.function is not None:
        before |= next(iter(maker.calls(scene.function, scene.name)), {})
    variables = dict(before)
    makers = layer_makers(program)
    with resized(program, cast):
        for statement in flattened(scene.statements, makers):
            perform(statement, variables, maker)
    return {name: value for name, value in variables.items() if value is not before.get(name)}


def flattened(statements: Sequence[ast.stmt], makers: set[str]) -> Iterator[ast.stmt]:
    """Statements in order; of what trains or tries several networks in a loop, the body once."""
    for statement in statements:
        if not isinstance(statement, ast.If | ast.For | ast.While | ast.With | ast.Try):
            yield statement
        elif calls_any(statement, makers):
            whole = isinstance(statement, ast.For) and not trains(statement)
            yield from [statement] if whole else [*first_round(statement), *flattened(statement.body, makers)]


def first_round(statement: ast.stmt) -> list[ast.stmt]:
    """`for a in b` as a = next(iter(b))."""
    if not isinstance(statement, ast.For):
        return []
    first = ast.parse(f"next(iter({ast.unparse(statement.iter)}))", mode="eval").body
    return [ast.fix_missing_locations(ast.copy_location(ast.Assign([statement.target], first), statement))]


def trains(node: ast.AST) -> bool:
    return any(ELSEWHERE.fullmatch(called(part)) for part in ast.walk(node) if isinstance(part, ast.Call))


def perform(statement: ast.stmt, variables: dict[str, Any], maker: Maker) -> None:
    """One statement; samples and labels become those of the check, and what fails is left out."""
    samples = {} if sizes_alone(statement) else sample_names(statement)
    if maker.feed is not None and samples:
        feed = maker.feed
        variables |= {name: feed.inputs() if role == "input" else feed.labels() for name, role in samples.items()}
        return
    later = postponed(statement)
    if later is not None:
        variables |= later
    elif not trains(statement):
        execute(statement, variables)


def sample_names(statement: ast.stmt) -> dict[str, str]:
    """Names bound here that sound like samples or labels, with the role that they sound like."""
    bound = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    first = {name: roles_of(name)[:1] for name in bound if len(name) > 1 or name in "xXyYtT"}
    return {name: role[0] for name, role in first.items() if role in (("input",), ("labels",))}


def sizes_alone(statement: ast.stmt) -> bool:
    """`D = 64`, `N, D = X.shape`, `K = len(classes)`: numbers, whatever their names sound like."""
    value = getattr(statement, "value", None)
    return constant(statement) or (value is not None and re.search(r"\.shape|\blen\(", ast.unparse(value)) is not None)


def execute(statement: ast.stmt, variables: dict[str, Any], file: str = "<script>") -> None:
    """The user's own statement, in a process of its own; what fails is left out."""
    if isinstance(statement, ast.Return):
        statement = ast.copy_location(
            ast.Assign([ast.Name("returned", ast.Store())], statement.value or ast.Constant(None)), statement
        )
    with suppress(Exception, TooLongError, SystemExit), limited(SECONDS):
        exec(compile(ast.fix_missing_locations(ast.Module([statement], [])), file, "exec"), variables)


def constant(statement: ast.stmt) -> bool:
    try:
        ast.literal_eval(getattr(statement, "value", None) or ast.Name("x"))
    except (ValueError, TypeError, SyntaxError):
        return False
    return True


@contextmanager
def resized(program: Program, cast: Cast) -> Iterator[None]:
    """While this lasts, layers that are made enter the cast, the dense ones with its widths."""
    kinds = [kind for name, kind in program.classes().items() if is_layer(kind) and name not in cast.holders]
    kept = [(kind, vars(kind).get("__init__")) for kind in kinds]
    building: list[Any] = []
    for kind in kinds:
        kind.__init__ = entering(kind, kind.__init__, cast, building)  # type: ignore[misc]  # put back below
    try:
        yield
    finally:
        for kind, own in kept:
            if own is None:
                del kind.__init__  # type: ignore[misc]  # as it was
            else:
                kind.__init__ = own  # type: ignore[misc]  # as it was


def entering(kind: type, original: Callable[..., None], cast: Cast, building: list[Any]) -> Callable[..., None]:
    names = [name for name in inspect.signature(original).parameters if name != "self"]

    @functools.wraps(original)
    def make(self: Any, *given: Any, **named: Any) -> None:
        if any(part is self for part in building):  # called by the constructor of a class derived from this one
            return original(self, *given, **named)
        if kind.__name__ in cast.dense:
            given, named = with_widths(cast, names, given, named)
        building.append(self)
        try:
            original(self, *given, **named)
        finally:
            building.pop()
        if any(layer_of(cast.layers, part) for part in parts(self)):
            cast.holders |= {kind.__name__}
        else:
            cast.layers.append(self)
        return None

    return make


def with_widths(
    cast: Cast, names: Sequence[str], given: tuple[Any, ...], named: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A dense layer's arguments with the widths of the cast: by name where names tell, else the first two numbers."""
    called = [*names, *["*"] * len(given)]
    places: list[tuple[int | str, str, Any]] = [(i, called[i], value) for i, value in enumerate(given)]
    places += [(name, name, value) for name, value in named.items()]
    wide = [(key, name, value) for key, name, value in places if is_width(name, value)]
    shaped = [(key, name, value) for key, name, value in places if is_shape(value)]
    inputs = [place for place in wide if size_role(place[1]) == "input"]
    before, after = None, None
    if len(wide) >= 2:
        before = inputs[0] if inputs else wide[0]
        after = next(place for place in wide if place is not before)
    elif wide:
        before, after = (wide[0], None) if inputs and len(names) > 1 else (None, wide[0])
    asked = (before[2] if before else None, after[2] if after else None)
    asked = tuple(shaped[0][2]) if shaped and not wide else asked
    cast.asked.append(asked)
    if cast.widths is None:
        return given, named
    new = cast.widths[min(len(cast.asked), len(cast.widths)) - 1]
    changed = {place[0]: width for place, width in ((before, new[0]), (after, new[1])) if place is not None}
    changed |= {shaped[0][0]: type(shaped[0][2])(new)} if shaped and not wide else {}
    given = tuple(changed.get(index, value) for index, value in enumerate(given))
    return given, {name: changed.get(name, value) for name, value in named.items()}


def is_width(name: str, value: Any) -> bool:
    number = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return number and not {"seed", "penalty", "rate"} & set(roles_of(name))


def is_shape(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(type(v) is int for v in value)
