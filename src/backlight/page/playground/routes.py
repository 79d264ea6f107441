"""The playground's routes: begin a session, watch it, tell it what to do."""

import asyncio
import secrets
import threading
import time
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from backlight.errors import SettingsError
from backlight.page.answers import answer, asked, event, stream
from backlight.page.playground.backward import one_pass
from backlight.page.playground.branch import Branch, Measured
from backlight.page.playground.commands import AnyCommand, Start
from backlight.page.playground.picture import picture
from backlight.page.playground.points import csv_points
from backlight.page.playground.session import ENDED, Session, View

PICTURES = 30  # a second, at most
MOST_SESSIONS = 24
MOST_FAINT = 100  # points of a curve in the background
GRACE = 10.0  # seconds that a session outlives its stream, so that a connection that broke can be taken up again


class Text(Struct, frozen=True):
    text: Annotated[str, Meta(max_length=900_000)]


class Sample(Struct, frozen=True):
    sample: Annotated[int, Meta(ge=0, le=1_000_000)] = 0


class Sessions:
    """The sessions of all tabs; one that nobody watches for `grace` seconds is closed.

    Args:
        compiled: set once the engine's code is there; training waits for it by itself.
    """

    def __init__(self, compiled: threading.Event, grace: float = GRACE) -> None:
        self.compiled, self.grace = compiled, grace
        self.open: dict[str, Session] = {}
        self.watchers: dict[str, int] = {}
        self.left: dict[str, float] = {}

    def add(self, session: Session) -> str:
        name = secrets.token_urlsafe(9)
        self.open[name], self.watchers[name], self.left[name] = session, 0, time.monotonic()
        return name

    def __getitem__(self, name: str) -> Session:
        if name not in self.open:
            raise LookupError(ENDED)
        return self.open[name]

    def watched(self, name: str, change: int) -> None:
        if name in self.open:
            self.watchers[name] += change
            self.left[name] = time.monotonic()

    def sweep(self, everything: bool = False) -> None:
        for name in list(self.open):
            if everything or (self.watchers[name] == 0 and time.monotonic() - self.left[name] > self.grace):
                self.open.pop(name).close()
                del self.watchers[name], self.left[name]

    def sweep_later(self) -> None:
        asyncio.get_running_loop().call_later(1.1 * self.grace, self.sweep)


def playground_routes(sessions: Sessions, closing: asyncio.Event) -> list[BaseRoute]:
    async def begin(request: Request) -> Response:
        start = await asked(request, Start)
        sessions.sweep()
        if len(sessions.open) >= MOST_SESSIONS:
            raise SettingsError(f"{MOST_SESSIONS} playgrounds are open; close some tabs")
        session = await asyncio.to_thread(Session, start)
        sessions.sweep_later()  # lest its tab is closed before it watches
        return answer({"session": sessions.add(session)})

    async def command(request: Request) -> Response:
        session = sessions[request.path_params["name"]]
        await asyncio.wrap_future(session.ask(await asked(request, AnyCommand)))  # type: ignore[arg-type]  # a union is no `type`
        return answer({})

    async def watch(request: Request) -> Response:
        name = request.path_params["name"]
        return stream(frames(sessions, name, sessions[name], closing))

    async def backward(request: Request) -> Response:
        view = sessions[request.path_params["name"]].view
        wanted = await asked(request, Sample)
        return answer(await asyncio.to_thread(one_pass, view.branch, view.moment, wanted.sample))

    async def csv(request: Request) -> Response:
        return answer({"points": csv_points((await asked(request, Text)).text)})

    return [
        Route("/api/playground", begin, methods=["POST"]),
        Route("/api/playground/csv", csv, methods=["POST"]),
        Route("/api/playground/{name}", command, methods=["POST"]),
        Route("/api/playground/{name}/events", watch),
        Route("/api/playground/{name}/backward", backward, methods=["POST"]),
    ]


async def frames(sessions: Sessions, name: str, session: Session, closing: asyncio.Event) -> AsyncIterator[bytes]:
    """What changed, as fast as it changes and the tab takes it, at most PICTURES times a second."""
    sessions.watched(name, +1)
    sent, seeds, compiling, known = None, None, False, Known()
    try:
        while not closing.is_set() and not session.closed.is_set():
            began, view = time.monotonic(), session.view
            if view is not sent:
                yield event("frame", await asyncio.to_thread(frame, view, known))
                sent = view
            if compiling == sessions.compiled.is_set():
                compiling = not compiling
                yield event("compiling", compiling)
            if session.seeds is not seeds:
                seeds = session.seeds
                yield event("seeds", seeds)
            await asyncio.sleep(max(0.002, 1 / PICTURES - (time.monotonic() - began)))
    finally:
        sessions.watched(name, -1)
        if not closing.is_set():
            sessions.sweep_later()


class Known:
    """What a tab has been told already: its data, and how much of which curve."""

    def __init__(self) -> None:
        self.data: object = None
        self.curve: tuple[Any, ...] = ()
        self.others: object = None


def frame(view: View, known: Known) -> dict[str, Any]:
    branch = view.branch
    document: dict[str, Any] = {
        "step": view.step,
        "playing": view.playing,
        "number": view.number,
        "branches": [
            {"origin": each.origin, "first": each.first, "last": each.last, "settings": each.settings}
            for each in view.branches
        ],
        "measured": view.measured,
        "trouble": view.trouble,
        "point": view.point,
        "curve": news((*before(view.branches, view.number), *view.curve), known),
        **picture(branch, view.moment, view.plane, view.point),
    }
    lengths = [each.last if number != view.number else 0 for number, each in enumerate(view.branches)]
    if branch.data is not known.data or (view.number, lengths) != known.others:
        known.others = (view.number, lengths)
        document["others"] = [thin(each.curve) for number, each in enumerate(view.branches) if number != view.number]
    if branch.data is not known.data:
        known.data = branch.data
        document["data"] = {
            "name": branch.data.name,
            "classes": branch.data.classes,
            "centre": view.plane.centre,
            "half": view.plane.half,
            "train": [
                [*point, int(y)] for point, y in zip(branch.data.train.X.tolist(), branch.data.train.y, strict=True)
            ],
            "test": [
                [*point, int(y)] for point, y in zip(branch.data.test.X.tolist(), branch.data.test.y, strict=True)
            ],
        }
    return document


def before(branches: Sequence[Branch], number: int) -> tuple[Measured, ...]:
    """The curve of the way to where a branch begins."""
    branch = branches[number]
    if branch.origin is None:
        return ()
    parent = branches[branch.origin.branch]
    way = (*before(branches, branch.origin.branch), *parent.curve)
    return tuple(each for each in way if each.step < branch.first)


def thin(curve: Sequence[Measured]) -> list[Measured]:
    """Enough of the curve of a branch that is not the one looked at."""
    every = -(-len(curve) // MOST_FAINT)
    return [*curve[:-1:every], curve[-1]]


def news(curve: tuple[Any, ...], known: Known) -> dict[str, Any]:
    """The points that a tab does not have yet, and how many of its own it keeps."""
    old = known.curve
    kept = len(old) if len(curve) >= len(old) > 0 and curve[len(old) - 1] is old[-1] and curve[0] is old[0] else 0
    known.curve = curve
    return {"keep": kept, "points": [tuple(point) for point in curve[kept:]]}
