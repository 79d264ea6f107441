"""One run: killed, looked at, killed again now and then, and then gone on with to its end."""

import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from backlight.recording.run import Run

from . import programs
from .children import INTERRUPTED, Child, forked, started
from .evidence import Seen, differences, lost, record_of, seen, unreadable
from .kinds import Kind, networks_in, networks_trained

PHASES = {"starting": 0.2, "training": 0.35, "saving": 0.25, "finishing": 0.2}
AGAIN, MOST_IN_A_ROW = 0.4, 5
LOOK_SECONDS = 0.002
PATIENCE = 300.0  # seconds after which a program counts as one that hangs
BY_COMMAND = ("mlp", "cnn", "study")  # these must never show a traceback


@dataclass(frozen=True)
class Reference:
    """An uninterrupted run: its record, and when it had its first step, its last one, and its end."""

    record: dict[str, Any]
    end: int
    first: float
    trained: float
    over: float


@dataclass(frozen=True)
class Kill:
    """One kill and what was wrong after it; `reached` is the progress at that time."""

    phase: str
    reached: int
    faults: list[str]


@dataclass
class Case:
    """A run with all its kills; `faults` are those of its end."""

    kind: str
    fresh: bool
    kills: list[Kill] = field(default_factory=list)
    ending: str = ""
    faults: list[str] = field(default_factory=list)


def launched(kind: Kind, folder: Path, resume: bool = False, pictures: bool = False, fresh: bool = False) -> Child:
    said = folder.parent.with_name(f"{folder.parent.name}.said")  # beside a disk that is full, not on it
    if fresh:
        words = [*(["--resume"] if resume else []), *(["--pictures"] if pictures else [])]
        return started(["-m", "benchmarks.crash.programs", kind.name, str(folder), *words], said)

    def program() -> None:
        if not pictures:
            programs.without_pictures()
        kind.program(folder, resume)

    return forked(program, said)


def measured(kind: Kind, folder: Path, pictures: bool, fresh: bool) -> Reference:
    """Runs it undisturbed."""
    began = time.monotonic()
    child = launched(kind, folder, False, pictures, fresh)
    reached: dict[int, float] = {}
    code = None
    while code is None:
        reached.setdefault(kind.progress(folder), time.monotonic() - began)
        time.sleep(LOOK_SECONDS)
        code = child.over()
    if code:
        raise RuntimeError(f"{kind.name} fails by itself: {child.words()}")
    over = time.monotonic() - began
    end = kind.progress(folder)
    steps = {step: seconds for step, seconds in reached.items() if step >= 0} or {end: over}
    return Reference(record_of(folder), end, min(steps.values()), steps.get(end, over), over)


def attacked(
    kind: Kind, folder: Path, reference: Reference, phase: str, rng: Random, fresh: bool, number: int = signal.SIGKILL
) -> Case:
    """Sends a run a signal in `phase`, now and then again while it goes on, and lets it finish."""
    shutil.rmtree(folder, ignore_errors=True)
    case = Case(kind.name, fresh)
    pictures = phase == "finishing" and not fresh
    child = launched(kind, folder, False, pictures, fresh)
    while True:
        kill = struck(child, kind, folder, reference, phase, rng, number, bool(case.kills))
        if kill is None:
            break
        case.kills.append(kill)
        again = rng.random() < AGAIN and len(case.kills) < MOST_IN_A_ROW
        if not again or not kind.resumes or finished(folder) or not (folder / "run.sqlite").exists():
            break
        phase = rng.choices(list(PHASES), list(PHASES.values()))[0]
        child = launched(kind, folder, True, pictures, fresh)
    if case.kills:
        case.ending, case.faults = completed(kind, folder, reference, number == signal.SIGKILL)
    return case


def struck(
    child: Child, kind: Kind, folder: Path, reference: Reference, phase: str, rng: Random, number: int, resuming: bool
) -> Kill | None:
    """Sends the signal at an instant of the phase; None if the program was over before."""
    resumed = seen(folder).resumed
    target = rng.randrange(max(reference.end, 1))
    over = {
        "starting": lambda: waited(child, lambda: False, rng.uniform(0, reference.first)),
        "training": lambda: waited(child, lambda: kind.progress(folder) >= target) or pause(rng.uniform(0, 0.02)),
        "saving": lambda: waited(child, lambda: kind.progress(folder) >= target),
        "finishing": lambda: (
            waited(child, lambda: kind.progress(folder) >= reference.end)
            or pause(rng.uniform(0, reference.over - reference.trained))
        ),
    }[phase]()
    if over:
        return None
    before = seen(folder)
    if phase == "saving" and kind.saves and waited(child, lambda: partial(folder / kind.saves), look=0.0):
        return None
    if phase == "saving":
        pause(rng.uniform(0, 0.003))
    reached = kind.progress(folder)
    if child.over() is not None:
        return None
    child.signal(number)
    code = child.wait(PATIENCE)
    if before.resumed == resumed:  # it may have been about to rewind: what is recorded again may be missing until then
        before = Seen(frozenset() if resuming or reached < 0 else before.rows, before.blocks, resumed)
    faults = [] if number == signal.SIGKILL else ill_mannered(code, child.words())
    return Kill(phase, reached, faults + unreadable(folder) + lost(before, folder))


def ill_mannered(code: int | None, words: str) -> list[str]:
    """What is wrong with the way in which a command ended after Ctrl-C; 0 if it was as good as done."""
    faults = [] if code in (INTERRUPTED, 0) else [f"after Ctrl-C it ended with {code}: {words[-400:]}"]
    return faults + ([f"after Ctrl-C a traceback: {words[-1500:]}"] if "Traceback" in words else [])


def waited(child: Child, ready: Callable[[], bool], seconds: float = PATIENCE, look: float = LOOK_SECONDS) -> bool:
    """Until `ready` or the time is over; True if the program ended meanwhile."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not ready():
        if child.over() is not None:
            return True
        time.sleep(look)
    return False


def pause(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def partial(folder: Path) -> bool:
    """Whether a file is being written there just now."""
    return any(folder.glob(".*.partial"))


def finished(folder: Path) -> bool:
    exists = (folder / "run.sqlite").exists()
    return exists and any(event.kind == "finished" for event in Run.open(folder).events())


def completed(kind: Kind, folder: Path, reference: Reference, killed: bool = True) -> tuple[str, list[str]]:
    """Goes on to the end; how that was done, and what was wrong with it."""
    begun = (folder / "run.sqlite").exists()
    done = set(seen(folder).blocks)
    over = begun and finished(folder)
    faults = []
    if not begun and kind.resumes:  # nothing to resume: the command has to say so, and a new start has to work
        faults += told(kind, folder, True, 1, "there is no run to resume", "no run there")
        faults += told(kind, folder, False, 0)
        ending = "killed before there was a run: begun anew"
    elif not begun:
        faults += told(kind, folder, False, 0)
        ending = "killed before there was a run: begun anew"
    elif not kind.resumes:
        faults += told(kind, folder, False, 1, "a run is already there")
        return "cannot be resumed: refused", faults
    elif over and kind.name != "study":
        faults += told(kind, folder, True, 1, "this run is finished")
        ending = "killed when all was done"
    else:
        faults += told(kind, folder, True, 0)
        ending = "resumed"
    if kind.name == "study" and not faults and not over:
        repeated = networks_trained(folder) + networks_in(folder, done) - programs.NETWORKS
        faults += [f"{repeated} networks of a study are trained twice"] if repeated else []
    return ending, faults or differences(folder, reference.record, killed)


def told(kind: Kind, folder: Path, resume: bool, code: int, *words: str) -> list[str]:
    """Runs it to its end: nothing if it ends with `code` and says one of `words`, in one line and no traceback."""
    child = launched(kind, folder, resume)
    over = child.wait(PATIENCE)
    said = child.words()
    if over != code or (words and not any(word in said for word in words)):
        return [f"it ended with {over} instead of {code}: {said[-400:]}"]
    if kind.name in BY_COMMAND and "Traceback" in said:
        return [f"a traceback: {said[-400:]}"]
    return []
