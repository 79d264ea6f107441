"""The viewer's routes: what is in the runs folder."""

import asyncio
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from backlight.page.answers import answer
from backlight.recording.overview import list_runs


def viewer_routes(runs: Path, closing: asyncio.Event) -> list[BaseRoute]:
    async def listed(request: Request) -> Response:
        found = await asyncio.to_thread(list_runs, runs)
        return answer([each.document() for each in found])

    return [Route("/api/runs", listed)]
