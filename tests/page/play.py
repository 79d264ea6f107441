"""What the playground's tests share: small settings, a branch, and a session that is closed afterwards."""

import threading
import time
from base64 import b64decode
from contextlib import contextmanager

import numpy as np

from backlight.page.playground.branch import Branch
from backlight.page.playground.commands import Start
from backlight.page.playground.points import dataset_of
from backlight.page.playground.session import Session
from backlight.page.playground.settings import PlaygroundSettings

PATIENCE = 60.0  # seconds; the engine may have to be compiled
BROKEN = {"activations": ("identity", "identity"), "learning_rate": 100.0}  # NaN after seven steps


def small(**changes) -> PlaygroundSettings:
    return PlaygroundSettings(**{"samples": 60, "noise": 0.1, **changes})


def root(**changes) -> Branch:
    settings = small(**changes)
    return Branch.root(settings, dataset_of(settings))


@contextmanager
def session_of(start: Start | PlaygroundSettings):
    session = Session(start if isinstance(start, Start) else Start(start))
    try:
        yield session
    finally:
        session.close()


def do(session: Session, *commands) -> None:
    for command in commands:
        session.ask(command).result(PATIENCE)


def until(condition, seconds: float = PATIENCE, every: float = 0.002):
    """The first true value of `condition()`."""
    deadline, tick = time.perf_counter() + seconds, threading.Event()
    while time.perf_counter() < deadline:
        found = condition()
        if found:
            return found
        tick.wait(every)
    raise AssertionError("it never came true")


def same(one, other) -> None:
    """To the bit, NaN included."""
    assert one.parameters.tobytes() == other.parameters.tobytes()
    assert one.state.tobytes() == other.state.tobytes()


def floats(text: str) -> np.ndarray:
    return np.frombuffer(b64decode(text), np.float64)


def cells(text: str) -> np.ndarray:
    return np.frombuffer(b64decode(text), np.uint8)
