"""Programs to be killed: forked from a process in which all modules are loaded, or started anew."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from backlight.recording.summarise import kernels

from .programs import few_digits

HEAVY = (
    "backlight.cli.entry", "backlight.reports.html.report", "backlight.reports.run_pictures",
    "backlight.training.run_study", "backlight.training.train_mlp",
)  # fmt: skip
HEAVIER = ("backlight.training.train_cnn", "torch._dynamo")
INTERRUPTED = 130  # the exit code after Ctrl-C
Program = Callable[[], object]


@dataclass(frozen=True)
class Child:
    """A process under way; what it says goes into the file `said`."""

    process: int
    said: Path

    def over(self) -> int | None:
        """Its exit code, that of a signal negative; None while it goes on. Not to be asked again once it is over."""
        found, status = os.waitpid(self.process, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if found else None

    def wait(self, seconds: float) -> int | None:
        """Its exit code; it is killed, and that None, if it takes longer."""
        until = time.monotonic() + seconds
        while (code := self.over()) is None:
            time.sleep(0.002)
            if time.monotonic() > until:
                os.kill(self.process, signal.SIGKILL)
                os.waitpid(self.process, 0)
                return None
        return code

    def signal(self, number: int) -> None:
        os.kill(self.process, number)

    def words(self) -> str:
        return self.said.read_text(encoding="utf-8", errors="replace")


def forked(program: Program, said: Path) -> Child:
    """Runs `program` in a copy of this process: what takes seconds to load need not be loaded for each kill."""
    sys.stdout.flush()
    held = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    process = os.fork()
    if process:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
        return Child(process, said)
    code = 1
    try:
        handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        code = ending(program) if unheld() else INTERRUPTED
    finally:
        os._exit(code)


def unheld() -> bool:
    """Lets Ctrl-C through; False if one was waiting, before there was a command to receive it."""
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        time.sleep(0)
    except KeyboardInterrupt:
        return False
    return True


def ending(program: Program) -> int:
    """The exit code, as Python would give it."""
    try:
        program()
        code = 0
    except SystemExit as request:
        code = request.code if isinstance(request.code, int) else 1
    except BaseException:
        traceback.print_exc()
        code = 1
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is over
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def started(arguments: list[str], said: Path) -> Child:
    """`python …` in a process of its own, which has to load everything first."""
    handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    words = [sys.executable, *arguments]
    actions = [(os.POSIX_SPAWN_DUP2, handle, 1), (os.POSIX_SPAWN_DUP2, handle, 2)]
    process = os.posix_spawn(sys.executable, words, os.environ, file_actions=actions, setsigdef=[signal.SIGINT])
    os.close(handle)
    return Child(process, said)


def loaded(names: set[str]) -> None:
    """What takes long to load of what these programs need, so that forks have it. Nothing here starts a thread."""
    with_torch = bool(names & {"cnn", "watched"})
    for name in (*HEAVY, *(HEAVIER if with_torch else ())):
        import_module(name)
    kernels()
    if with_torch:
        few_digits()
