"""Progress of long work: a bar on a terminal, a plain line now and then elsewhere."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

PLAIN_SECONDS = 10.0


class Bar:
    """A bar on a terminal, a plain line now and then elsewhere; a context manager.

    Args:
        total: how much there is to do, in whole units.
        first: how much is done already.
        stream: where to; a terminal gets a bar, anything else plain lines.
    """

    def __init__(self, total: int, first: int = 0, stream: TextIO | None = None):
        self.total = total
        self.first = first
        self.stream: TextIO = stream if stream is not None else sys.stderr
        self._began = self._shown = time.monotonic()
        self._bar = rich_bar(self.stream, total, first) if self.stream.isatty() else None

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def speed(self, done: float) -> float:
        """Units a second, since the bar began."""
        return (done - self.first) / max(time.monotonic() - self._began, 1e-9)

    def show(self, unit: str, done: float, text: str) -> None:
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done, description=text)
        elif time.monotonic() - self._shown > PLAIN_SECONDS:
            self._shown = time.monotonic()
            left = f" · {(self.total - done) / self.speed(done):.0f} s left" if done > self.first else ""
            self.note(f"{unit} {done:.0f}/{self.total} · {text}{left}")

    def note(self, text: str) -> None:
        """A line that stays."""
        if self._bar is not None:
            self._bar.console.print(text, highlight=False)
        else:
            print(text, file=self.stream, flush=True)


class Progress(Bar):
    """Step, loss, accuracy, speed and time left of one training run.

    Args:
        total: number of steps.
        samples_per_step: for the speed in samples a second.
        first_step: steps already done by an earlier part of the run.
        stream: as for Bar.
    """

    def __init__(self, total: int, samples_per_step: int, first_step: int = 0, stream: TextIO | None = None):
        super().__init__(total, first_step, stream)
        self.samples_per_step = samples_per_step

    def update(self, step: int, loss: float, accuracy: float) -> None:
        speed = self.speed(step) * self.samples_per_step
        self.show("step", step, f"loss {loss:.4f} · accuracy {accuracy:.4f} · {speed:,.0f} samples/s")


class NetworkProgress(Bar):
    """Networks trained, networks a second and time left of a study."""

    def update(self, networks: float) -> None:
        self.show("network", networks, f"{self.speed(networks):,.3g} networks/s")


def rich_bar(stream: TextIO, total: int, first_step: int) -> "RichProgress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    bar = RichProgress(*columns, console=Console(file=stream))
    bar.add_task("", total=total, completed=first_step)
    return bar
