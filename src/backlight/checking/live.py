"""A network that somebody's own process has made already, on samples of their own: read in place, then put back."""

import ast
import copy
import inspect
import sys
import sysconfig
import textwrap
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from backlight.checking.chain import Chain, Ends, endings
from backlight.checking.check import CheckError
from backlight.checking.compose import Made
from backlight.checking.construct import Maker, Sizes
from backlight.checking.discover import LOSSES, NotFoundError, complete
from backlight.checking.feed import Encoding, Feed, Layout
from backlight.checking.layers import is_layer, is_mere_layer
from backlight.checking.memory import carry_out, memories
from backlight.checking.own_code import OwnCode
from backlight.checking.program import MAIN, Program
from backlight.checking.readings import FAILURES, Reading, adds_up, directional_errors, identify
from backlight.checking.source import Sources
from backlight.checking.store import is_number_array, slots
from backlight.checking.subject import Subject

LIBRARIES = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib"))
FEW = 40  # samples on which mistakes are told apart


class LiveProgram(Program):
    """The modules of a live network as they are in this process: nothing of theirs is executed again."""

    def __init__(self, network: Any, around: Mapping[str, Any]) -> None:
        self.missing, self.modules = {}, {}
        self.namespace = without_tests(around)
        homes = [sys.modules.get(kind.__module__) for kind in kinds(network)]
        for module in homes[::-1]:  # what stands beside the first layer goes before all else
            self.namespace |= vars(module) if module else {}
        self.packages = {kind.__module__.split(".")[0] for kind in kinds(network)}
        self.packages |= {str(around.get("__name__", "")).split(".")[0]}
        texts = {str(module.__name__): text_of(module) for module in homes if module}
        main = next(iter(texts), MAIN)
        self.sources = Sources(main, {main: "", **texts})
        self.trees = {name: tree for name, text in texts.items() if (tree := parsed(text)) is not None}

    def file_of(self, value: Any) -> str | None:
        """A name for what is the user's own: of the network's package, or outside of all libraries."""
        name = getattr(value, "__module__", None) or ""
        file = getattr(sys.modules.get(name), "__file__", None)
        package = name.split(".")[0]
        own = package in self.packages or name == "__main__"
        foreign = file is None or in_library(Path(file)) or package == __name__.split(".")[0]
        return name if own or not foreign else None

    def node_of(self, function: Callable[..., Any]) -> ast.FunctionDef | None:
        with suppress(OSError, TypeError):
            tree = parsed(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
            return next((node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)), None) if tree else None
        return None


def without_tests(around: Mapping[str, Any]) -> dict[str, Any]:
    """The caller's globals, but for the tests among them and the functions that are running: they would run again."""
    frame, running = sys._getframe(), set[types.CodeType]()
    while frame.f_back is not None:
        running.add(frame.f_code)
        frame = frame.f_back
    return {
        name: value
        for name, value in around.items()
        if not name.lower().startswith("test") and getattr(value, "__code__", None) not in running
    }


def in_library(file: Path) -> bool:
    return any(file.is_relative_to(folder) for folder in LIBRARIES)


def kinds(network: Any) -> list[type]:
    """Classes of a network, or of the layers in a list."""
    parts = network if isinstance(network, list | tuple) else [network]
    return [type(part) for part in parts if type(part).__module__ != "builtins" and not is_number_array(part)]


def text_of(module: types.ModuleType) -> str:
    with suppress(OSError, TypeError):
        return inspect.getsource(module)
    return ""


def parsed(text: str) -> ast.Module | None:
    with suppress(SyntaxError):
        return ast.parse(text)
    return None


@dataclass(frozen=True)
class Given(Feed):
    """Samples of the user's own, handed over as they are.

    Attributes:
        given_inputs, given_labels: what the user calls X and y.
    """

    given_inputs: Any = None
    given_labels: Any = None

    def inputs(self) -> Any:
        return copy.deepcopy(self.given_inputs)

    def labels(self) -> Any:
        return copy.deepcopy(self.given_labels)

    def sample(self, index: int) -> tuple[Any, Any]:
        return self.inputs(), self.labels()


def given_feeds(X: Any, y: Any, widths: Sequence[int]) -> Iterator[Given]:
    """Every way to read X and y as N samples with K outputs, the usual one first; `widths` may be K.

    Raises:
        CheckError: if the two do not have equally many samples in any of them.
    """
    inputs, labels = np.asarray(X, dtype=float), np.asarray(y)
    if inputs.ndim not in (1, 2) or labels.ndim > 2 or labels.dtype.kind not in "biuf":
        raise CheckError(
            f"X has shape {inputs.shape} and y has shape {labels.shape} of {labels.dtype}: a matrix of samples and "
            "their labels as numbers are what can be checked"
        )
    ways: list[tuple[Layout, np.ndarray[Any, Any]]] = [("rows", inputs), ("columns", inputs.T)]
    if inputs.ndim == 1:
        ways = [("single vector", inputs[None, :])]
    found = False
    for layout, rows in ways:
        for classes, numbers, encoding in readings_of(labels, len(rows), widths):
            found = True
            yield Given(rows, numbers, classes, layout, encoding, X, y)
    if not found:
        raise CheckError(f"X of shape {inputs.shape} and y of shape {labels.shape} are not equally many samples")


def readings_of(labels: np.ndarray[Any, Any], count: int, widths: Sequence[int]) -> Iterator[tuple[int, Any, Encoding]]:
    """(K, labels as numbers, encoding) for labels of `count` samples."""
    whole = labels.dtype.kind in "biu" or bool(np.all(labels == np.round(labels)))
    if labels.size == count:
        flat = labels.reshape(count)
        column: Encoding = "row" if labels.shape == (1, count) and count > 1 else "column"
        encoding: Encoding = "integers" if labels.ndim < 2 else column
        classes = [width for width in widths if width > max(1, flat.max())] if whole and flat.min() >= 0 else []
        for width in dict.fromkeys([*classes, 1]):
            yield width, flat.astype(np.int64) if whole else flat.astype(float), encoding
    if labels.ndim == 2 and labels.shape[0] == count and labels.shape[1] > 1:
        yield labels.shape[1], labels.argmax(axis=1), "one-hot"
    if labels.ndim == 2 and labels.shape[1] == count and labels.shape[0] > 1:
        yield labels.shape[0], labels.argmax(axis=0), "one-hot"
    if labels.ndim == 1 and count == 1 and labels.size > 1:
        yield labels.size, labels.argmax(axis=0, keepdims=True), "one-hot"


def live_reading(network: Any, X: Any, y: Any, around: Mapping[str, Any]) -> Reading:
    """The reading of a live network under which it is most right, on the user's own samples.

    Raises:
        CheckError: if no loss with a backward pass was found.
    """
    X, y = copy.deepcopy(X), copy.deepcopy(y)  # the network may hold the user's own arrays, and is written to
    widths = [width for slot in reversed(list(slots(network))) for width in slot.read().shape[::-1]]
    if not widths:
        raise CheckError(f"{described(network)} holds no arrays of numbers, so there is nothing to differentiate by")
    failures: list[NotFoundError] = []
    for surroundings in ({}, around):  # what stands beside the caller is for networks that have no loss of their own
        found = list(live_readings(LiveProgram(network, surroundings), network, (X, y), widths, failures))
        if found:
            return min(found, key=lambda reading: reading.rank)
    raise CheckError(why_not(network, failures))


def live_readings(
    program: LiveProgram, network: Any, samples: tuple[Any, Any], widths: Sequence[int], failures: list[NotFoundError]
) -> Iterator[Reading]:
    """Readings with a loss, up to the first one that is right."""
    for feed in given_feeds(*samples, list(dict.fromkeys(widths))):
        sizes = Sizes(feed.X.shape[1], (5, 6), feed.classes)
        for subject in live_subjects(program, Maker(program, sizes, feed), network, failures):
            reading = None
            with suppress(*FAILURES):
                reading = live_read(subject, sizes) if subject.has_loss else None
            if reading is not None:
                yield reading
                if reading.rank[:3] == (False, False, False):
                    return


def live_read(subject: Subject, sizes: Sizes) -> Reading:
    form, fit = identify(subject)
    subject.accumulates = adds_up(subject)
    return Reading(subject, sizes, form, fit, directional_errors(subject))


def live_subjects(program: LiveProgram, maker: Maker, network: Any, failures: list[NotFoundError]) -> Iterator[Subject]:
    """The network with its own functions and each loss, then as layers that a loop runs."""
    objects = isinstance(network, list | tuple) and any(is_layer(type(layer)) for layer in network)
    if not objects:
        made, restores = made_already(network), list(memories(network))
        for attempt in range(LOSSES):
            carry_out(restores)
            try:
                yield complete(program, maker, made, False, attempt)
            except NotFoundError as error:
                failures.append(error)
                break
    if objects or is_mere_layer(type(network)):
        yield from live_chains(program, maker, list(network) if objects else [network])


def live_chains(program: LiveProgram, maker: Maker, layers: list[Any]) -> Iterator[Chain]:
    """As `chains`, with these layers; without a softmax at the end, too, which many a loss takes in."""
    assert maker.feed is not None
    shown = f"[{', '.join(type(layer).__name__ for layer in layers)}]"
    shorter = [layers[:-1]] if "softmax" in type(layers[-1]).__name__.lower() and len(layers) > 1 else []
    restores = list(memories(layers))
    for stack in [layers, *shorter]:
        ends: list[Ends] = []
        with suppress(Exception):
            ends = list(endings(program, LiveChain(program, shown, partial(same, stack), maker.feed, None)))
        for end in ends:
            carry_out(restores)
            chain = LiveChain(program, shown, partial(same, stack), maker.feed, end)
            with suppress(Exception):
                if chain.find_places():
                    yield chain


class LiveChain(Chain):
    """Layers that may have been used before: what they kept of their input then is written to like a parameter."""

    def forward(self, x: Any) -> tuple[Any, list[Any]]:
        return super().forward(np.array(x))


def same(layers: list[Any], program: Program) -> list[Any]:
    return layers


def made_already(network: Any) -> Made:
    return Made(described(network), network, lambda program: network, isinstance(network, dict | list))


def thinned(reading: Reading) -> Reading:
    """The same on the first few samples, which tell one mistake from another as well as all of them do."""
    subject = reading.subject
    feed = subject.feed
    if not isinstance(feed, Given) or len(feed.X) <= FEW or not isinstance(subject, OwnCode | Chain):
        return reading
    inputs, labels = (few(part, len(feed.X)) for part in (feed.given_inputs, feed.given_labels))
    subject.feed = replace(feed, X=feed.X[:FEW], y=feed.y[:FEW], given_inputs=inputs, given_labels=labels)
    if isinstance(subject, OwnCode):
        counts: dict[str, Any] = {key: FEW for key in ("samples", "batch") if key in subject.recipe.extra}
        subject.recipe = replace(subject.recipe, feed=subject.feed, extra={**subject.recipe.extra, **counts})
    return live_read(subject, reading.sizes)


def few(samples: Any, count: int) -> Any:
    if isinstance(samples, list | tuple):
        return samples[:FEW] if len(samples) == count else type(samples)(row[:FEW] for row in samples)
    return samples[:FEW].copy() if samples.shape[0] == count else samples[:, :FEW].copy()


def live_step(network: Any, plain: Reading) -> Reading | None:
    """The same with gradients from one step of the network's own training; None where no such step was found."""
    if not isinstance(plain.subject, OwnCode):
        return None
    maker = Maker(plain.subject.program, plain.sizes, plain.subject.feed)
    with suppress(NotFoundError, *FAILURES):
        subject = complete(plain.subject.program, maker, made_already(network), True, 0)
        if subject.has_loss and subject.names == plain.subject.names:
            return live_read(subject, plain.sizes)
    return None


def described(network: Any) -> str:
    if isinstance(network, list | tuple):
        return f"[{', '.join(type(layer).__name__ for layer in network)}]"
    return type(network).__name__


def why_not(network: Any, failures: Sequence[NotFoundError]) -> str:
    stage = max((error.stage for error in failures), key=lambda stage: stage.depth, default=None)
    message = stage.message if stage else "no loss whose derivative the layers could be given was found"
    cause = stage.cause if stage else None
    raised = f" ({type(cause).__name__}: {cause})" if cause is not None else ""
    return f"{described(network)}: {message}{raised}; `backlight check FILE --adapter` takes any network"
