"""The run folder: what training leaves behind, and all that any picture or report reads.

    settings.toml      what to hand to the command line to do it again
    environment.json   machine and versions
    facts.json         what training knows and no tensor shows (`recording.facts`)
    run.sqlite         scalars, summaries, norms, events (`recording.database`)
    run.sums           checksums of its pages (`recording.page_sums`); other files carry their own (`recording.seals`)
    snapshots/         arrays (.npy): training points in the plane, confusion matrix
    checkpoints/       weights and optimiser state (safetensors)
    tensorboard/       event files, for who prefers TensorBoard
    figures/           pictures

One process writes (`recording.run_writer`; a second one gets an error), any number read while it does.
"""

import errno
import json
import os
import sqlite3
import tomllib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backlight.errors import RunError
from backlight.notebook import shown
from backlight.recording.database import COLUMNS, VERSION, norms_of
from backlight.recording.facts import Facts, read_facts
from backlight.recording.histogram import Counts
from backlight.recording.page_sums import check_pages, has_sums
from backlight.recording.seals import damaged, read_json, read_text, unsealed_bytes
from backlight.recording.series import SummarySeries
from backlight.recording.settings_file import split_command
from backlight.recording.tensor_summary import PackedSummary, TensorSummary

TENSOR_QUERY = f"SELECT step, {', '.join(COLUMNS)} FROM tensors WHERE name = ? AND step BETWEEN ? AND ? ORDER BY step"
# Tensor by tensor, in the order of the key: of a long run only the rows that are asked for are read.
NONFINITE_QUERY = """
SELECT MIN(step) AS first, name, t.tensor, nan, positive_infinity + negative_infinity, size
FROM tensor_name n CROSS JOIN tensor t ON t.tensor = n.tensor AND t.step > ?
WHERE nan + positive_infinity + negative_infinity > 0 GROUP BY t.tensor ORDER BY first, t.tensor
"""
LAST_STEP_QUERY = """
SELECT MAX(last) FROM (
    SELECT MAX(step) AS last FROM step UNION ALL SELECT MAX(step) FROM norm UNION ALL
    SELECT MAX((SELECT MAX(step) FROM tensor t WHERE t.tensor = n.tensor)) FROM tensor_name n)
"""
LARGEST_STEP = 2**63 - 1  # that SQLite can hold


@dataclass(frozen=True)
class Event:
    """Something that happened: `time` in seconds since 1970, at `step`."""

    time: float
    step: int
    kind: str
    detail: str


@dataclass(frozen=True)
class NonFinite:
    """The first step at which a tensor held NaN or infinity, and how many of its `count` values."""

    step: int
    name: str
    nan: int
    infinite: int
    count: int


@dataclass(frozen=True)
class Run:
    """Reads a run folder; safe while it is being written. Made by `Run.open`.

    Every method raises RunError where the record cannot be read.

    Attributes:
        folder: where it lies.
    """

    folder: Path

    @classmethod
    def open(cls, folder: Path | str) -> "Run":
        """The run in a folder.

        Raises:
            RunError: if there is none, a damaged one, or one of another version of Backlight.
        """
        folder = Path(folder)
        if not (folder / "run.sqlite").is_file():
            if has_sums(folder):
                raise damaged(folder / "run.sqlite", "it is missing, or no file")
            raise RunError(f"{folder}: no run there (run.sqlite is missing)")
        run = cls(folder)
        ((version,),) = run._query("PRAGMA user_version")
        if version != VERSION:
            raise RunError(
                f"{folder}: record of version {version}, this Backlight reads version {VERSION}; run it again"
            )
        check_pages(folder)
        return run

    @property
    def sealed(self) -> bool:
        """Whether the files have checksums; those of runs that were recorded before there were any have none."""
        return has_sums(self.folder)

    def _repr_html_(self) -> str:
        return shown("run", self)

    @property
    def command(self) -> tuple[str, ...]:
        """The words of the command line that made it, such as ("train", "cnn")."""
        return split_command(self._settings_document())[0]

    @property
    def settings(self) -> dict[str, Any]:
        """What was handed to that command, as plain values."""
        return split_command(self._settings_document())[1]

    @property
    def environment(self) -> dict[str, Any]:
        """Machine and versions.

        Raises:
            RunError: if environment.json is missing or damaged.
        """
        return read_json(self.folder / "environment.json", "environment", self.sealed)

    def facts(self) -> Facts | None:
        """What training knows and no tensor shows; None where it was not written.

        Raises:
            RunError: if the file is damaged.
        """
        return read_facts(self.folder)

    def scalar_names(self) -> list[str]:
        """Such as train/loss, in alphabetical order."""
        return [name for (name,) in self._query("SELECT DISTINCT name FROM step ORDER BY name")]

    def scalar(self, name: str) -> tuple[Counts, NDArray[np.float64]]:
        """(steps, values) in order of step, both (T,); NaN where NaN was recorded, empty for an unknown name."""
        rows = self._query("SELECT step, value FROM step WHERE name = ? ORDER BY step", (name,))
        return np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.float64)

    def tensor_names(self) -> list[str]:
        """In order of the name. `act/` are activations, `param/`, `grad/` and `update/` those of parameters."""
        return sorted(self.tensor_order())

    def tensor_order(self) -> list[str]:
        """The names in the order in which tensors were first recorded: activations in that of the forward pass."""
        present = "SELECT name FROM tensor_name n WHERE EXISTS (SELECT 1 FROM tensor t WHERE t.tensor = n.tensor)"
        return [name for (name,) in self._query(f"{present} ORDER BY tensor")]

    def tensors_with_units(self) -> list[str]:
        """In that order, those of which it is recorded what their units passed, by the first record."""
        first = "(SELECT units FROM tensor t WHERE t.tensor = n.tensor LIMIT 1)"
        return [name for (name,) in self._query(f"SELECT name FROM tensor_name n WHERE {first} > 0 ORDER BY tensor")]

    def tensor(self, name: str) -> tuple[Counts, list[TensorSummary]]:
        """(steps, summaries) in order of step."""
        rows = self._tensor_rows(name)
        summaries = [TensorSummary.unpacked(PackedSummary(*map(nan_if_null, row[1:]))) for row in rows]
        return np.array([row[0] for row in rows], np.int64), summaries

    def last_scalar(self, name: str) -> tuple[int, float] | None:
        """(step, value) of the last one recorded."""
        query = "SELECT step, value FROM step WHERE name = ? ORDER BY step DESC LIMIT 1"
        return next(((step, nan_if_null(value)) for step, value in self._query(query, (name,))), None)

    def series(self, name: str, first: int = 0, last: int = LARGEST_STEP) -> SummarySeries:
        """The summaries of a tensor at steps first … last as arrays: what pictures of long runs are made from."""
        return SummarySeries.from_rows(name, self._tensor_rows(name, first, last))

    def recorded_steps(self) -> int:
        """The number of steps of which there are summaries."""
        ((number,),) = self._query("SELECT COUNT(DISTINCT step) FROM tensor")
        return int(number)

    def last_step(self) -> int | None:
        """The last step of which anything is recorded."""
        ((last,),) = self._query(LAST_STEP_QUERY)
        return None if last is None else int(last)

    def norms(self, name: str) -> tuple[Counts, NDArray[np.float32]]:
        """(steps, Euclidean norms) of a `grad/` tensor in every step, or of a `param/` tensor in every recorded one."""
        numbers = self._query("SELECT tensor FROM tensor_name WHERE name = ?", (name,))
        if not numbers:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        return norms_of(self._query("SELECT step, packed FROM norm ORDER BY step"), numbers[0][0])

    def costs(self) -> tuple[Counts, NDArray[np.float64], NDArray[np.float64]]:
        """(steps, seconds that watching took, seconds of the training itself) of recorded steps."""
        rows = self._query("SELECT step, watching, training FROM cost ORDER BY step")
        steps, watching, training = np.array(rows, np.float64).reshape(-1, 3).T
        return steps.astype(np.int64), watching, training

    def first_nonfinite(self, after: int = -1) -> list[NonFinite]:
        """Tensors that held NaN or infinity, with the first step beyond `after`, in the order in which it came about.

        Within a step a forward pass comes first, in its order, then gradients against it, then updates.
        """
        found = [(NonFinite(step, name, nan, infinite, count), number) for step, name, number, nan, infinite, count
                 in self._query(NONFINITE_QUERY, (after,))]  # fmt: skip
        return [
            each
            for each, number in sorted(found, key=lambda pair: (pair[0].step, place_in_step(pair[0].name, pair[1])))
        ]

    def events(self) -> list[Event]:
        """What happened, in the order in which it did."""
        return [Event(*row) for row in self._query("SELECT time, step, kind, detail FROM event ORDER BY rowid")]

    def ending(self) -> Event | None:
        """How it ended: the last event that is "finished", "stopped" or "diverged"; None while it goes on."""
        last = next((event for event in reversed(self.events()) if event.kind in (*ENDINGS, "resume")), None)
        return None if last is None or last.kind == "resume" else last

    def lost(self) -> tuple[str, ...]:
        """What repairs (`recording.repair`) could not save, in words."""
        repairs = [event.detail for event in self.events() if event.kind == "repaired"]
        return tuple(each for detail in repairs for each in json.loads(detail))

    @property
    def is_finished(self) -> bool:
        """Whether its last ending is that it finished, and nothing was begun after."""
        last = self.ending()
        return last is not None and last.kind == "finished"

    def snapshot(self, name: str) -> NDArray[Any]:
        """An array that was kept whole, such as train_points (N, 3) or test_confusion (10, 10).

        Raises:
            FileNotFoundError: if there is none of that name.
            RunError: if it is damaged.
        """
        path = self.folder / "snapshots" / f"{name}.npy"
        if not os.path.lexists(path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        content = unsealed_bytes(path, f"snapshots/{name}")
        try:
            array: NDArray[Any] = np.load(BytesIO(content), allow_pickle=False)
        except (EOFError, ValueError, MemoryError) as error:
            raise damaged(path, error) from None
        return array

    def _tensor_rows(self, name: str, first: int = 0, last: int = LARGEST_STEP) -> list[tuple[Any, ...]]:
        return self._query(TENSOR_QUERY, (name, first, last))

    def _query(self, query: str, arguments: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._fetch("mode=ro", query, arguments)
        except sqlite3.OperationalError as refusal:  # in a read-only folder SQLite cannot keep its index of the log
            self._check_no_log(refusal)
            try:
                return self._fetch("immutable=1", query, arguments)
            except sqlite3.DatabaseError as error:
                raise RunError(f"{self.folder / 'run.sqlite'}: {error}") from None
        except sqlite3.DatabaseError as error:
            raise RunError(f"{self.folder / 'run.sqlite'}: {error}") from None

    def _check_no_log(self, refusal: sqlite3.Error) -> None:
        """Raises RunError if rows stand in the log alone: read without it, the run would look shorter than it is."""
        log = self.folder / "run.sqlite-wal"
        if not log.exists() or not log.stat().st_size:
            return
        if os.access(self.folder, os.W_OK):
            raise RunError(f"{self.folder / 'run.sqlite'}: {refusal}") from None
        raise RunError(
            f"{log}: holds the last rows of a run that was killed, and cannot be read in a read-only folder; "
            "copy the folder and open the copy"
        )

    def _fetch(self, mode: str, query: str, arguments: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        address = f"{(self.folder / 'run.sqlite').resolve().as_uri()}?{mode}"
        with closing(sqlite3.connect(address, uri=True)) as database:
            database.execute("PRAGMA mmap_size = 1073741824")  # bytes; pages are read where they lie
            return database.execute(query, arguments).fetchall()

    def _settings_document(self) -> dict[str, Any]:
        path = self.folder / "settings.toml"
        try:
            return tomllib.loads(read_text(path, "settings", self.sealed))
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise damaged(path, error) from None


ENDINGS = ("finished", "stopped", "diverged")
KINDS = ("param", "act", "grad", "update")  # in the order in which a step comes by their values


def place_in_step(name: str, number: int) -> tuple[int, int]:
    """Sorts tensors by when a step comes by their values: gradients against the order of the forward pass."""
    kind = name.split("/", 1)[0]
    place = KINDS.index(kind) if kind in KINDS else len(KINDS)
    return place, -number if kind == "grad" else number


def in_order_of_training(names: Sequence[str]) -> list[str]:
    """Sorts names that stand in the order of recording by when a step comes by their values."""
    numbers = {name: number for number, name in enumerate(names)}
    return sorted(names, key=lambda name: place_in_step(name, numbers[name]))


def nan_if_null(value: Any) -> Any:
    """SQLite stores NaN as NULL."""
    return float("nan") if value is None else value
