"""Trainings that the page starts: the settings are checked as on the command line, each runs in its own process."""

import asyncio
import importlib.util
import re
from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from backlight.data.points import SHAPES
from backlight.errors import SettingsError
from backlight.page.viewer.board import Board
from backlight.page.viewer.folder import FILE, RunsFolder
from backlight.page.viewer.jobs import Job, backlight
from backlight.training.settings import CNNSettings, MLPSettings, plain_settings, settings_from_plain

KINDS: dict[str, type] = {"mlp": MLPSettings, "cnn": CNNSettings}
DATA = {"mlp": (*SHAPES, "digits"), "cnn": ("digits",)}  # nothing that lies at a path, or has to be downloaded
HIDDEN = ("data_dir",)
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
MOST = 2  # at once
LARGEST = {"layers": 2048, "samples": 100_000, "batch_size": 100_000, "classes": 32, "threads": 64}
SUBJECT = "trainings"
TITLES = {"mlp": "fully connected network", "cnn": "convolutional network on digits"}


@dataclass(frozen=True)
class Wanted:
    """What the browser asks for."""

    kind: Literal["mlp", "cnn"]
    name: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class Field:
    """An entry of the form; one with `choices` needs no help, the others have none: numbers, and a list of them."""

    name: str
    help: str
    default: Any
    kind: Literal["whole", "number", "list", "switch", "choice"]
    choices: tuple[str, ...] = ()


def forms() -> dict[str, Any]:
    """What may be set, by kind of network."""
    missing = "" if importlib.util.find_spec("torch") else "this needs PyTorch: pip install 'backlight[torch]'"
    return {
        kind: {"title": TITLES[kind], "missing": missing if kind == "cnn" else "", "fields": form(kind)}
        for kind in KINDS
    }


def form(kind: str) -> list[Field]:
    settings = KINDS[kind]
    hints, helps = get_type_hints(settings), attributes(settings.__doc__ or "")
    found = []
    for each in fields(settings):
        if each.name in HIDDEN:
            continue
        default = None if each.default is MISSING else each.default
        shown, choices = shape(hints[each.name])
        if each.name == "data":
            shown, choices = "choice", DATA[kind]
        found.append(Field(each.name, "" if choices else helps.get(each.name, ""), default, shown, choices))
    return found


def shape(hint: Any) -> tuple[Any, tuple[str, ...]]:
    if get_origin(hint) is Literal:
        return "choice", get_args(hint)
    parts = get_args(hint) if type(None) in get_args(hint) else (hint,)
    if bool in parts:
        return "switch", ()
    if int in parts:
        return "whole", ()
    return ("number", ()) if float in parts else ("list", ())


def attributes(doc: str) -> dict[str, str]:
    """The lines of the docstring's list, by name."""
    return dict(re.findall(r"^ +(\w+): (.+)$", doc.partition("Attributes:")[2], re.MULTILINE))


def checked(wanted: Wanted) -> MLPSettings | CNNSettings:
    """
    Raises:
        SettingsError: for a setting that there is not, a value out of its range, or data that lie at a path.
    """
    kind = KINDS[wanted.kind]
    hidden = sorted(set(wanted.settings) - {each.name for each in fields(kind)} | set(wanted.settings) & set(HIDDEN))
    if hidden:
        raise SettingsError(f"{hidden[0]} cannot be set here")
    settings: MLPSettings | CNNSettings = settings_from_plain(kind, wanted.settings)
    return harmless(wanted.kind, settings)


def harmless(kind: str, settings: MLPSettings | CNNSettings) -> MLPSettings | CNNSettings:
    """
    Raises:
        SettingsError: for data that lie at a path, and for sizes that would fill the machine.
    """
    if settings.data not in DATA[kind] or settings.data_dir is not None:
        raise SettingsError(f"data must be one of {', '.join(DATA[kind])} here; the command line takes files as well")
    for name, largest in LARGEST.items():
        value = getattr(settings, name, None)
        biggest = max(value) if isinstance(value, tuple) else value
        if biggest is not None and biggest > largest:
            raise SettingsError(f"{name} may be at most {largest:,} here, not {biggest:,}")
    return settings


def flags(settings: MLPSettings | CNNSettings) -> list[str]:
    """
    >>> flags(MLPSettings(layers=(2, 4, 2)))[:2]
    ['--data=moons', '--layers=2,4,2']
    """
    words = []
    for name, value in plain_settings(settings).items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(flag)
        elif value is not False and value is not None:
            words.append(f"{flag}={','.join(map(str, value)) if isinstance(value, list | tuple) else value}")
    return words


class Trainings:
    """Those that this server started. Posts them under "trainings": name, state, and the last thing each said."""

    def __init__(self, runs: RunsFolder, board: Board):
        self._runs, self._board = runs, board
        self._jobs: dict[str, Job] = {}
        self._states: dict[str, dict[str, str]] = {}
        self._starting = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, wanted: Wanted) -> None:
        """
        Raises:
            SettingsError: for settings that do not do, a name that is taken or none, or if two go on already.
        """
        settings = checked(wanted)
        if not NAME.fullmatch(wanted.name):
            raise SettingsError(
                "a run's name has 1 to 64 letters, digits, dots, dashes or underscores, no dot at first"
            )
        folder = self._runs.root / wanted.name
        async with self._starting:
            if folder.exists() or folder.is_symlink() or self._going_on(wanted.name):
                raise SettingsError(f"{wanted.name}: there is such a folder already; choose another name")
            await self._train(wanted.name, ["train", wanted.kind, f"--run={folder}", *flags(settings)])

    async def resume(self, name: str) -> None:
        """
        Raises:
            RunError: if there is no such run.
            SettingsError: if its settings are not of the kind that the page may start, or if two go on already.
        """
        run = self._runs.open(name)
        kind = run.command[-1] if run.command in {("train", each) for each in KINDS} else ""
        if not kind:
            raise SettingsError(f"{name}: the loop is your own; only runs of `backlight train` can be gone on with")
        harmless(kind, settings_from_plain(KINDS[kind], run.settings))
        async with self._starting:
            if self._going_on(name):
                raise SettingsError(f"{name}: it is being trained")
            await self._train(name, ["train", kind, f"--run={run.folder}", "--resume"])

    def stop(self, name: str) -> None:
        """
        Raises:
            SettingsError: if this server trains no such run.
        """
        if not self._going_on(name):
            raise SettingsError(f"{name}: no training of this name was started here, or it has ended")
        self._post(name, "stopping", "")
        self._jobs[name].interrupt()

    async def end(self) -> None:
        """Of the server: whatever goes on is stopped as by Ctrl-C."""
        await asyncio.gather(*(job.end() for job in self._jobs.values() if job.going_on))
        await asyncio.gather(*self._tasks)

    async def _train(self, name: str, words: list[str]) -> None:
        going_on = [each for each in self._jobs if self._going_on(each)]
        if len(going_on) >= MOST:
            raise SettingsError(f"{' and '.join(going_on)} are being trained; stop one of them first")
        self._post(name, "starting", "")
        job = await Job.start(backlight(*words), lambda line: self._post(name, "training", line))
        self._jobs[name] = job
        task = asyncio.ensure_future(self._follow(name, job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, name: str, job: Job) -> None:
        status = await job.ended()
        last = job.lines[-1] if job.lines else ""
        there = (self._runs.root / name / FILE).is_file()
        if status == 0:
            self._post(name, "ended", last)
        else:
            self._post(name, "failed" if not there or last.startswith("backlight:") else "ended", last)

    def _going_on(self, name: str) -> bool:
        return name in self._jobs and self._jobs[name].going_on

    def _post(self, name: str, state: str, line: str) -> None:
        stopping = self._states.get(name, {}).get("state") == "stopping" and state == "training"
        self._states = {**self._states, name: {"state": "stopping" if stopping else state, "line": line}}
        self._board.post(SUBJECT, dict(self._states))
