"""The page's routes, put together."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from backlight.page.answers import REFUSALS
from backlight.page.guard import Guard
from backlight.page.playground.branch import Branch
from backlight.page.playground.points import dataset_of
from backlight.page.playground.routes import Sessions, playground_routes
from backlight.page.playground.settings import PlaygroundSettings
from backlight.page.viewer.routes import Viewer

STATIC = Path(__file__).parent / "static"


def application(runs: Path, port: int, token: str, closing: asyncio.Event) -> ASGIApp:
    """What answers on 127.0.0.1:port; `runs` is the only folder that it reads, `closing` ends streams."""
    compiled = threading.Event()
    sessions = Sessions(compiled)
    viewer = Viewer(runs, closing)
    routes = [
        Route("/", index),
        Mount("/static", StaticFiles(directory=STATIC)),
        *playground_routes(sessions, closing),
        *viewer.routes(),
    ]

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        threading.Thread(target=compile_engine, args=(compiled,), name="backlight-compiling", daemon=True).start()
        async with viewer.life():
            yield
        sessions.sweep(everything=True)

    hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))
    return Guard(Starlette(routes=routes, exception_handlers=REFUSALS, lifespan=lifespan), hosts, token)


async def index(request: Request) -> Response:
    """No secret is in it: the token stays in the browser."""
    return FileResponse(STATIC / "index.html")


def compile_engine(compiled: threading.Event) -> None:
    """Trains a network by one step: the first time on a machine, that takes half a minute."""
    settings = PlaygroundSettings()
    Branch.root(settings, dataset_of(settings)).at(1)
    compiled.set()
