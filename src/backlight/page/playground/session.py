"""One tab's playground: a thread that owns the branches, obeys commands one after the other, and trains in between.

What others see of it is a `View`, which is exchanged as a whole: nobody waits for the training, and it for nobody.
"""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from backlight.data.batches import steps_per_epoch
from backlight.engine.stretch import Moment
from backlight.errors import SettingsError
from backlight.page.playground import commands
from backlight.page.playground.branch import Branch, Measured
from backlight.page.playground.picture import Plane, plane_of
from backlight.page.playground.points import dataset_of
from backlight.page.playground.seeds import CancelledError, Seeds, other_seeds
from backlight.page.playground.settings import PlaygroundSettings
from backlight.page.playground.trouble import Trouble, divergence

STRIDE = 0.025  # seconds of training between two looks at the commands; less than a picture takes
FINE = 20  # a stride is at most this part of the way so far, lest the first steps are missed
MOST_STEPS = 10_000_000
BEHIND = 0.2  # seconds of steps that are made up for after a delay
AT_ONCE = 20_000  # steps for which commands can wait
MOST_BRANCHES = 50
ENDED = "this playground has ended; reload the page"


Wish = commands.AnyCommand | commands.Start


@dataclass(frozen=True)
class SeedsJob:
    """`share` of the work that is done; the result, or what went wrong."""

    share: float
    result: Seeds | None = None
    error: str = ""


@dataclass(frozen=True)
class View:
    """All that a tab shows, of one instant."""

    branches: tuple[Branch, ...]
    number: int
    moment: Moment
    measured: Measured
    curve: tuple[Measured, ...]
    plane: Plane
    point: tuple[float, float]
    playing: bool
    trouble: Trouble | None

    @property
    def branch(self) -> Branch:
        return self.branches[self.number]

    @property
    def step(self) -> int:
        return self.branch.step_of(self.moment)


class Session:
    """Starts with the thread that trains; `close` ends it.

    Raises:
        SettingsError, DataError: for a start that cannot be made.
    """

    def __init__(self, start: commands.Start):
        self.waiting: queue.Queue[tuple[Wish | None, Future[None]]] = queue.Queue()
        self.speed: float | None = None
        self.playing, self.closed, self.gate = False, threading.Event(), threading.Lock()
        self.seeds: SeedsJob | None = None
        self.stop_seeds = threading.Event()
        self.stride, self.since, self.owed, self.until = 1, 0.0, 0.0, MOST_STEPS
        for leg in start.legs:
            dataset_of(leg.settings)  # a way that cannot be gone is refused now, not somewhere on it
        self.begin(start.settings)
        self.publish()
        self.ask(start)
        threading.Thread(target=self.work, name="backlight-playground", daemon=True).start()

    def ask(self, command: Wish) -> "Future[None]":
        """Is done when the command was obeyed; holds the error of one that could not be.

        Raises:
            LookupError: after `close`.
        """
        done: Future[None] = Future()
        with self.gate:
            if self.closed.is_set():
                raise LookupError(ENDED)
            self.waiting.put((command, done))
        return done

    def close(self) -> None:
        self.stop_seeds.set()
        with self.gate:
            self.closed.set()
            self.waiting.put((None, Future()))

    def work(self) -> None:
        while not self.closed.is_set():
            try:
                command, done = self.waiting.get(timeout=self.patience())
            except queue.Empty:
                self.train()
                continue
            if command is not None and done.set_running_or_notify_cancel():
                self.obey(command, done)
        self.refuse()

    def refuse(self) -> None:
        """Tells those who wait for a command that it will not be obeyed any more."""
        while not self.waiting.empty():
            done = self.waiting.get()[1]
            if done.set_running_or_notify_cancel():
                done.set_exception(LookupError(ENDED))

    def patience(self) -> float | None:
        """Seconds to wait for a command before the next stride; for ever while nothing is trained."""
        if not self.playing:
            return None
        return 0.0 if self.speed is None else max(0.0001, min(0.05, (1 - self.owed) / self.speed))

    def obey(self, command: Wish, done: "Future[None]") -> None:
        try:
            HANDLERS[type(command)](self, command)
            self.publish()
            done.set_result(None)
        except Exception as error:
            done.set_exception(error)

    def publish(self) -> None:
        branch = self.branch
        self.view = View(
            tuple(self.branches), self.number, self.moment, self.measured, branch.curve, self.plane, self.point,
            self.playing, self.trouble,
        )  # fmt: skip

    @property
    def branch(self) -> Branch:
        return self.branches[self.number]

    def begin(self, settings: PlaygroundSettings) -> None:
        """A new network; nothing of the one before is kept."""
        data = dataset_of(settings)
        root = Branch.root(settings, data)
        self.branches, self.plane = [root], plane_of(data)
        x, y = data.train.X[0]
        self.point = (float(x), float(y))
        self.seeds, self.stride = None, 1
        self.stop_seeds.set()
        self.stand(0, root.kept[0])

    def stand(self, number: int, moment: Moment) -> None:
        self.number, self.moment = number, moment
        self.measured = self.branch.keep(moment)
        self.trouble = None
        if not self.measured.finite:
            self.playing = False
            self.trouble = divergence(self.branch, self.measured.step)

    def train(self) -> None:
        """A stride, or as many steps as the speed has made due."""
        now = time.monotonic()
        step = self.branch.step_of(self.moment)
        count = min(self.stride, max(1, (step - self.branch.first) // FINE))
        if self.speed is not None:
            due = self.owed + (now - self.since) * self.speed
            self.owed = min(due, max(1.0, BEHIND * self.speed))
            count = min(count, int(self.owed))
            self.owed -= count
        self.since = now
        count = max(0, min(count, self.until - step))
        self.playing = step + count < self.until
        if count:
            self.stand(self.number, self.branch.trainer.advance(self.moment, count))
            passed = max(1e-6, time.monotonic() - now)
            self.stride = max(1, min(2 * max(self.stride, 1), int(count * STRIDE / passed)))
        if count or not self.playing:  # else there is nothing new to be seen
            self.publish()

    def go(self, number: int, step: int) -> None:
        if number >= len(self.branches):
            raise SettingsError(f"there is no branch {number}; there are {len(self.branches)}, counted from 0")
        branch = self.branches[number]
        if step < branch.first and branch.origin is not None:
            return self.go(branch.origin.branch, step)
        if step > branch.last + AT_ONCE:
            self.stand(number, branch.at(branch.last))
            self.run(None, step)
            return None
        while step > branch.last:  # in strides, so that there is a curve of the way
            stride = min(step - branch.last, max(1, (branch.last - branch.first) // FINE))
            branch.keep(branch.trainer.advance(branch.kept[-1], stride))
        self.stand(number, branch.at(max(step, branch.first)))
        return None

    def run(self, speed: float | None, until: int) -> None:
        """Trains on, from command to command, as far as `until`."""
        if self.trouble is None:
            self.speed, self.until, self.playing = speed, until, True
            self.since, self.owed = time.monotonic(), 0.0

    def change(self, settings: PlaygroundSettings) -> None:
        branch = self.branch
        if settings == branch.settings:
            return
        if not settings.retrains(branch.settings):
            self.playing = False
            self.begin(settings)
            return
        if len(self.branches) >= MOST_BRANCHES:
            raise SettingsError(f"{MOST_BRANCHES} branches are the most; start anew")
        if branch.last == branch.first and branch.origin is None:  # nothing was done under the settings before
            self.begin(settings)
            return
        if branch.last == branch.first and branch.origin is not None:
            origin = branch.origin
            parent = self.branches[origin.branch]
            self.branches[self.number] = parent.branched(origin.branch, parent.at(origin.step), settings)
        else:
            self.branches.append(branch.branched(self.number, self.moment, settings))
            self.number = len(self.branches) - 1
        self.stand(self.number, self.branch.kept[0])


def restore(session: Session, start: commands.Start) -> None:
    """The way from the initial weights to the moment that an address names."""
    for leg in start.legs:
        session.go(session.number, leg.step)
        session.change(leg.settings)
    session.go(session.number, start.step)


def play(session: Session, command: commands.Play) -> None:
    session.run(command.speed, MOST_STEPS)


def pause(session: Session, command: commands.Pause) -> None:
    session.playing = False


def advance(session: Session, command: commands.Advance) -> None:
    session.playing = False
    session.go(session.number, session.branch.step_of(session.moment) + command.count)


def epoch(session: Session, command: commands.Epoch) -> None:
    """To the end of the epoch: a step is one where it sees all samples."""
    branch = session.branch
    samples = len(branch.data.train)
    per_epoch = steps_per_epoch(samples, min(branch.settings.batch_size or samples, samples))
    advance(session, commands.Advance(per_epoch - session.moment.step % per_epoch))


def go(session: Session, command: commands.Go) -> None:
    session.playing = False
    session.go(command.branch, command.step)


def change(session: Session, command: commands.Change) -> None:
    session.change(command.settings)


def probe(session: Session, command: commands.Probe) -> None:
    session.point = command.point


def seeds(session: Session, command: commands.OtherSeeds) -> None:
    """In a thread of its own: the session goes on obeying."""
    session.stop_seeds.set()
    stop, view = threading.Event(), session.view
    session.stop_seeds, session.seeds = stop, SeedsJob(0.0)

    def report(share: float) -> None:
        if stop.is_set():
            raise CancelledError
        session.seeds = SeedsJob(share)

    def find() -> None:
        try:
            result = SeedsJob(1.0, other_seeds(view.branch, view.step, command.count, report))
        except CancelledError:
            return
        except Exception as error:
            result = SeedsJob(1.0, None, str(error))
        if not stop.is_set():
            session.seeds = result

    threading.Thread(target=find, name="backlight-seeds", daemon=True).start()


def stop_seeds(session: Session, command: commands.StopSeeds) -> None:
    session.stop_seeds.set()
    session.seeds = None


HANDLERS: dict[type, Callable[[Session, Any], None]] = {
    commands.Start: restore,
    commands.Play: play,
    commands.Pause: pause,
    commands.Advance: advance,
    commands.Epoch: epoch,
    commands.Go: go,
    commands.Change: change,
    commands.Probe: probe,
    commands.OtherSeeds: seeds,
    commands.StopSeeds: stop_seeds,
}
