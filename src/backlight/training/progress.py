"""Progress of a training run: a bar on a terminal, a plain line now and then elsewhere."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

PLAIN_SECONDS = 10.0


class Progress:
    """Shows step, loss, accuracy, speed and time left; a context manager.

    Args:
        total: number of steps.
        samples_per_step: for the speed in samples a second.
        first_step: steps already done by an earlier part of the run.
        stream: where to; a terminal gets a bar, anything else plain lines.
    """

    def __init__(self, total: int, samples_per_step: int, first_step: int = 0, stream: TextIO | None = None):
        self.total, self.samples_per_step, self.first_step = total, samples_per_step, first_step
        self.stream = stream if stream is not None else sys.stderr
        self._began = self._shown = time.monotonic()
        self._bar = rich_bar(self.stream, total, first_step) if self.stream.isatty() else None

    def __enter__(self) -> "Progress":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, step: int, loss: float, accuracy: float) -> None:
        now = time.monotonic()
        speed = (step - self.first_step) * self.samples_per_step / max(now - self._began, 1e-9)
        text = f"loss {loss:.4f} · accuracy {accuracy:.4f} · {speed:,.0f} samples/s"
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=step, description=text)
        elif now - self._shown > PLAIN_SECONDS:
            self._shown = now
            left = (self.total - step) * self.samples_per_step / max(speed, 1e-9)
            self.note(f"step {step}/{self.total} · {text} · {left:.0f} s left")

    def note(self, text: str) -> None:
        """A line that stays."""
        if self._bar is not None:
            self._bar.console.print(text, highlight=False)
        else:
            print(text, file=self.stream, flush=True)


def rich_bar(stream: TextIO, total: int, first_step: int) -> "RichProgress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    bar = RichProgress(*columns, console=Console(file=stream))
    bar.add_task("", total=total, completed=first_step)
    return bar
