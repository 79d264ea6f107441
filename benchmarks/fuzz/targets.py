"""What is fed with nonsense: a name, what is drawn, and a function that may raise nothing but a BacklightError."""

import gzip
import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from hypothesis import strategies as st

from backlight.data.idx import decompressed, parse_idx
from backlight.data.points import load_csv
from backlight.errors import BacklightError
from backlight.page.playground.commands import AnyCommand, Start
from backlight.page.playground.formula import FUNCTIONS, formula_values
from backlight.page.playground.points import csv_points, dataset_of
from backlight.recording.checkpoint import load_checkpoint, save_checkpoint
from backlight.recording.histogram import decode
from backlight.recording.salvage import PAGE, rows_of
from backlight.recording.seals import read_json, read_text, unsealed_bytes
from backlight.recording.tensorboard import records
from backlight.training.settings import CNNSettings, MLPSettings, StudySettings, settings_from_plain

from .command_line import command_lines, settings_files


@dataclass(frozen=True)
class Target:
    """`call` is given what is drawn; `share` is that of all cases."""

    name: str
    drawn: st.SearchStrategy[Any]
    call: Callable[[Any], object]
    share: float


WORDS = st.text(max_size=12)
NUMBERS = st.one_of(
    st.integers(-3, 1000), st.integers(), st.floats(), st.sampled_from([0, 1, 2**31, 2**63, 10**400, 1e308, -0.0])
)
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, WORDS)
JSON = st.recursive(
    LEAVES, lambda each: st.lists(each, max_size=4) | st.dictionaries(WORDS, each, max_size=4), max_leaves=8
)
SETTINGS: tuple[Any, ...] = (MLPSettings, CNNSettings, StudySettings)
GOOD = {
    "data": "moons", "layers": [2, 8, 2], "activation": "tanh", "optimizer": "sgd", "learning_rate": 0.5, "seed": 3,
    "steps": 10, "samples": 20, "noise": 0.1, "classes": 2, "batch_size": 5, "conv_activation": "relu", "epochs": 1,
    "threads": 1, "seeds": 5, "success": 0.9, "dtype": "float32", "data_dir": "x", "output_derivative": True,
}  # fmt: skip


@st.composite
def plain_settings(draw: st.DrawFn) -> tuple[type, dict[str, Any]]:
    """Names that exist, or not, with values that fit, or not."""
    kind = draw(st.sampled_from(SETTINGS))
    names = [*(field.name for field in fields(kind)), "nonsense"]
    chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=6))
    return kind, {name: draw(st.just(GOOD.get(name)) | JSON) for name in chosen}


CELLS = st.one_of(
    NUMBERS.map(str), st.sampled_from(["0", "1", "1.5", "-2", "nan", "inf", "", " ", '"', '"a"', "x"]), WORDS
)


@st.composite
def csv_texts(draw: st.DrawFn) -> bytes:
    """Tables that nearly are some, or any bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    separator = draw(st.sampled_from([",", ";", "\t", ", "]))
    width = draw(st.integers(1, 3))
    numbers = st.lists(st.integers(-5, 5).map(str), min_size=width, max_size=width)
    good = st.builds(lambda features, label: [*features, label], numbers, st.sampled_from(["0", "1"]))
    rows = draw(st.lists(good, max_size=8)) + draw(st.lists(st.lists(CELLS, max_size=5), max_size=1))
    text = draw(st.sampled_from(["\n", "\r\n", "\r"])).join(separator.join(row) for row in rows)
    return text.encode("utf-8", "surrogatepass")


@st.composite
def idx_contents(draw: st.DrawFn) -> tuple[bytes, int]:
    """Heads that fit what follows, or do not; zipped or not."""
    dimensions = draw(st.integers(1, 3))
    sizes = draw(st.lists(st.one_of(st.integers(0, 4), st.integers(0, 2**32 - 1)), min_size=dimensions, max_size=4))
    content = bytes([0, 0, draw(st.sampled_from([8, 8, 8, 9, 13])), len(sizes)])
    content += b"".join(size.to_bytes(4, "big") for size in sizes) + draw(st.binary(max_size=70))
    content = content[: draw(st.sampled_from([len(content), len(content) // 2, 3]))]
    if draw(st.booleans()):
        content = gzip.compress(content, 1)
        content = turned(content, draw(st.lists(st.integers(0, 8 * len(content) - 1), max_size=2)))
    return content, dimensions


def turned(content: bytes, places: list[int]) -> bytes:
    changed = bytearray(content)
    for place in places:
        changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


PARTS = [
    *FUNCTIONS, "x", "(", ")", "+", "-", "*", "/", "^", "**", "2", "1e308", "9" * 30, ".", ",", "pi", "e", "x x",
    "lambda", "__import__('os')", "[", "]", "x.real", "if", "'", "\n", "\0", "not", "<", "@", ":=", "1j", "True",
]  # fmt: skip
EXPRESSIONS = st.recursive(
    st.sampled_from(["x", "2", "0", "1e308", "pi", "-x", ".5"]),
    lambda each: st.one_of(
        st.builds("({} {} {})".format, each, st.sampled_from("+-*/^"), each),
        st.builds("{}({})".format, st.sampled_from(sorted(FUNCTIONS)), each),
    ),
    max_leaves=6,
)
FORMULAS = st.one_of(EXPRESSIONS, st.lists(st.sampled_from(PARTS), max_size=12).map("".join), st.text(max_size=200))


@st.composite
def altered(draw: st.DrawFn, content: bytes) -> bytes:
    """A good file, cut and with bits turned, or any bytes."""
    if draw(st.integers(0, 5)) == 0:
        return draw(st.binary(max_size=300))
    kept = draw(st.integers(0, len(content)))
    places = draw(st.lists(st.integers(0, max(0, 8 * kept - 1)), max_size=3)) if kept else []
    return turned(content[:kept], places)


# --- calls -----------------------------------------------------------------------------------------------------------


def read_settings(drawn: tuple[Any, dict[str, Any]]) -> None:
    settings_from_plain(*drawn)


def read_csv(content: bytes) -> None:
    SCRATCH.write_bytes(content)
    data = load_csv(SCRATCH)
    assert np.isfinite(data.train.X).all()
    assert len(data.train)
    assert data.classes > 1


def read_idx(drawn: tuple[bytes, int]) -> None:
    content, dimensions = drawn
    parse_idx(decompressed(content, SCRATCH), dimensions, SCRATCH)


def read_formula(text: str) -> None:
    assert formula_values(text, np.linspace(-1, 1, 5)).shape == (5,)


def read_points(content: bytes) -> None:
    csv_points(content.decode("utf-8", "replace"))


def read_command(document: Any) -> None:
    with suppress(msgspec.MsgspecError, ValueError):  # JSON knows neither all numbers nor all texts
        content = json.dumps(document).encode()
        with suppress(msgspec.MsgspecError):
            msgspec.json.decode(content, type=AnyCommand)
        start = msgspec.json.decode(content, type=Start)
        if start.settings.samples <= 50:
            dataset_of(start.settings)


def read_events(content: bytes) -> None:
    ends = [record.end for record in records(content)]
    assert ends == sorted(ends)
    assert not content or ends[-1] == len(content)


def read_checkpoint(content: bytes) -> None:
    SCRATCH.write_bytes(content)
    load_checkpoint(SCRATCH)


def read_small_files(content: bytes) -> None:
    SCRATCH.write_bytes(content)
    for read in (lambda: read_json(SCRATCH, "facts", True), lambda: read_text(SCRATCH, "settings", True),
                 lambda: unsealed_bytes(SCRATCH, "x")):  # fmt: skip
        with suppress(BacklightError):
            read()


def read_page(content: bytes) -> None:
    page = content.ljust(PAGE, b"\0")
    list(rows_of(page, [page, None, page]))


def read_histogram(content: bytes) -> None:
    with suppress(ValueError):  # what it says it raises
        decode(content)


def checkpoint_bytes() -> bytes:
    save_checkpoint(SCRATCH, {"W1": np.ones((2, 3)), "b1": np.zeros(3, np.float32)}, {"step": 3})
    return SCRATCH.read_bytes()


def event_bytes() -> bytes:
    from backlight.recording.tensorboard import EventFile

    with tempfile.TemporaryDirectory() as folder, EventFile(Path(folder)) as events:
        for step in range(3):
            events.scalars(step, {"loss": 1.0})
        events.flush()
        return events.path.read_bytes()


SCRATCH = Path(tempfile.mkdtemp(prefix="backlight-fuzz-")) / "file"
FIELDS = ("data", "formula", "points", "samples", "noise", "classes", "hidden", "activations", "optimizer", "seed")
COMMAND_NAMES = ("do", "settings", "step", "count", "branch", "point", "speed", "legs")
POINT_SETTINGS = st.fixed_dictionaries({}, optional={name: JSON | st.just(GOOD.get(name)) for name in FIELDS})
COMMANDS = st.fixed_dictionaries({}, optional={name: JSON for name in COMMAND_NAMES}) | st.fixed_dictionaries(
    {"settings": POINT_SETTINGS}
)
SMALL = st.binary(max_size=200) | st.sampled_from(
    [b'{"crc32": "0"}', b"# crc32 00000000\nx", b"\ncrc32 12345678", b"[" * 9999]
)

TARGETS = [
    Target("command line", command_lines(), command_lines.run, 0.07),
    Target("settings files", settings_files(), settings_files.run, 0.04),
    Target("settings", plain_settings(), read_settings, 0.17),
    Target("CSV", csv_texts(), read_csv, 0.12),
    Target("IDX", idx_contents(), read_idx, 0.12),
    Target("playground formula", FORMULAS, read_formula, 0.12),
    Target("playground points", csv_texts(), read_points, 0.08),
    Target("playground commands", COMMANDS, read_command, 0.06),
    Target("event files", altered(event_bytes()), read_events, 0.05),
    Target("checkpoints", altered(checkpoint_bytes()), read_checkpoint, 0.04),
    Target("small files of a run", SMALL, read_small_files, 0.03),
    Target("pages of a damaged database", st.binary(max_size=400), read_page, 0.02),
    Target("histograms", st.binary(max_size=60), read_histogram, 0.02),
]
