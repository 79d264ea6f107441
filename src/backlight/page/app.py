"""The page's routes, put together."""

import asyncio
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
from backlight.page.viewer import Viewer

STATIC = Path(__file__).parent / "static"


def application(runs: Path, port: int, token: str, closing: asyncio.Event) -> ASGIApp:
    """What answers on 127.0.0.1:port; `runs` is the only folder that it reads, `closing` ends streams."""
    viewer = Viewer(runs, closing)
    routes = [
        Route("/", index),
        Mount("/static", StaticFiles(directory=STATIC)),
        *viewer.routes(),
    ]

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        async with viewer.life():
            yield

    hosts = frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost"))
    return Guard(Starlette(routes=routes, exception_handlers=REFUSALS, lifespan=life), hosts, token)


async def index(request: Request) -> Response:
    """No secret is in it: the token stays in the browser."""
    return FileResponse(STATIC / "index.html")
