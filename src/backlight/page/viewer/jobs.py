"""Work in a process of its own: it cannot hold up the page, can be stopped at any time, and ends with the server."""

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Sequence

KEPT = 20  # of the lines it says
PATIENCE = 15.0  # seconds that an interrupted job has to save what it has done
LONGEST = 1 << 20  # bytes of a line


class Job:
    """A subprocess. No shell: the words are handed over as they are.

    Attributes:
        lines: what it said last on its error stream.
        output: what it wrote, once it has ended.
    """

    def __init__(self, process: asyncio.subprocess.Process, said: Callable[[str], object]):
        self.lines: deque[str] = deque(maxlen=KEPT)
        self.output = b""
        self._process, self._said = process, said
        self._interrupted = False
        self._ended = asyncio.ensure_future(self._followed())

    @classmethod
    async def start(cls, words: Sequence[str], said: Callable[[str], object]) -> "Job":
        """Args:
        words: the program and its arguments.
        said: called with each line of the error stream.
        """
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
            start_new_session=True,  # Ctrl-C at the server's terminal reaches it once, from us
            limit=LONGEST,
        )
        return cls(process, said)

    @property
    def going_on(self) -> bool:
        return not self._ended.done()

    def interrupt(self) -> None:
        """As Ctrl-C does: training ends after its step, and can be gone on with. A second one would cut that off."""
        if self._process.returncode is None and not self._interrupted:
            self._interrupted = True
            self._process.send_signal(signal.SIGINT)

    async def ended(self) -> int:
        """Its exit status, once it has ended."""
        return await asyncio.shield(self._ended)

    async def end(self, patience: float = PATIENCE) -> None:
        """Interrupts it, and kills what is still there so many seconds later."""
        self.interrupt()
        try:
            await asyncio.wait_for(self.ended(), patience)
        except TimeoutError:
            self._process.kill()
            await self.ended()

    async def _followed(self) -> int:
        stdout, stderr = self._process.stdout, self._process.stderr
        assert stdout is not None
        assert stderr is not None
        _, self.output = await asyncio.gather(self._listen(stderr), stdout.read())
        return await self._process.wait()

    async def _listen(self, stream: asyncio.StreamReader) -> None:
        async for raw in stream:
            line = raw.decode("utf-8", "replace").rstrip()
            if line:
                self.lines.append(line)
                self._said(line)


# A server that a shell runs in the background is deaf to SIGINT, and so would be what it starts.
HEARING = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from backlight.cli import main; main()"
)


def backlight(*words: str) -> list[str]:
    """The command line of this very installation, which ends on SIGINT."""
    return [sys.executable, "-c", HEARING, *words]
