"""The viewer's routes: the runs of one folder, live, in all views of the report; treatments and trainings."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from backlight.page.answers import answer, asked, event, stream
from backlight.page.viewer.about import about, differences
from backlight.page.viewer.answers import answers, boundary
from backlight.page.viewer.bands import band_picture
from backlight.page.viewer.board import Board
from backlight.page.viewer.curves import health, pictures, scalars
from backlight.page.viewer.folder import RunsFolder
from backlight.page.viewer.live import keep_looking, look
from backlight.page.viewer.report import whole_report
from backlight.page.viewer.training import Trainings, Wanted, forms
from backlight.page.viewer.treatment import Treatments
from backlight.page.viewer.verdict import Verdicts
from backlight.page.viewer.window import Window, chosen

Made = Callable[[Request], Any]


@dataclass(frozen=True)
class Named:
    """A run that something is to be done with."""

    run: str


class Viewer:
    """What the viewer's routes share.

    Args:
        runs: the only folder that is read.
        closing: ends streams.
    """

    def __init__(self, runs: Path, closing: asyncio.Event):
        self.runs, self.closing, self.board = RunsFolder.at(runs), closing, Board()
        self.verdicts = Verdicts()
        self.treatments = Treatments(self.board)
        self.trainings = Trainings(self.runs, self.board)

    def routes(self) -> list[BaseRoute]:
        return [*self._looking(), *self._doing()]

    def _looking(self) -> list[BaseRoute]:
        """Answers that are made in a thread, so that a long one holds up no other."""
        return [
            Route("/api/runs", threaded(lambda r: [asdict(row) for row in look(self.runs, {})[0].values()])),
            Route("/api/runs/news", self.news),
            Route("/api/runs/about", threaded(lambda r: about(name_of(r), self.runs.open(name_of(r))))),
            Route("/api/runs/verdict", threaded(lambda r: [self.verdicts.of(v) for v in self.chosen(r).values()])),
            Route("/api/runs/curves", threaded(lambda r: self.lines(r, scalars))),
            Route("/api/runs/health", threaded(lambda r: self.lines(r, health))),
            Route("/api/runs/bands", threaded(self.bands)),
            Route("/api/runs/boundary", threaded(lambda r: each_labelled(self.chosen(r), boundary))),
            Route("/api/runs/answers", threaded(lambda r: each_labelled(self.chosen(r), answers))),
            Route("/api/runs/differences", threaded(lambda r: differences(self.chosen(r)))),
            Route("/api/runs/forms", threaded(lambda r: forms())),
            Route("/api/runs/report", self.report),
        ]

    def _doing(self) -> list[BaseRoute]:
        return [
            Route("/api/runs/treat", self.treat, methods=["POST"]),
            Route("/api/runs/treat/cancel", self.cancel, methods=["POST"]),
            Route("/api/runs/train", self.train, methods=["POST"]),
            Route("/api/runs/train/resume", self.resume, methods=["POST"]),
            Route("/api/runs/train/stop", self.stop, methods=["POST"]),
        ]

    @asynccontextmanager
    async def life(self) -> AsyncIterator[None]:
        """Looks at the folder meanwhile; afterwards nothing that was started here goes on."""
        looking = asyncio.ensure_future(keep_looking(self.runs, self.board, self.closing))
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, self.trainings.end(), self.treatments.cancel(), return_exceptions=True)

    # --- looking -----------------------------------------------------------------------------------------------------

    async def news(self, request: Request) -> Response:
        async def events() -> AsyncIterator[bytes]:
            async for fresh in self.board.news(self.closing):
                yield event("news", fresh)

        return stream(events())

    def chosen(self, request: Request) -> Any:
        return chosen(self.runs, request.query_params)

    def lines(self, request: Request, topics: Callable[[Any], Any]) -> list[dict[str, Any]]:
        window = Window.of(request.query_params)
        return pictures(each_labelled(self.chosen(request), topics), window)

    def bands(self, request: Request) -> dict[str, Any]:
        tensor = request.query_params.get("tensor", "")
        return band_picture(self.chosen(request), tensor, Window.of(request.query_params))

    async def report(self, request: Request) -> Response:
        versions = self.chosen(request)
        return await asyncio.to_thread(whole_report, versions, "download" in request.query_params)

    # --- doing -------------------------------------------------------------------------------------------------------

    async def treat(self, request: Request) -> Response:
        name = (await asked(request, Named)).run
        await self.treatments.start(name, self.runs.folder(name))
        return answer({"run": name})

    async def cancel(self, request: Request) -> Response:
        await self.treatments.cancel()
        return answer({})

    async def train(self, request: Request) -> Response:
        wanted = await asked(request, Wanted)
        await self.trainings.start(wanted)
        return answer({"run": wanted.name})

    async def resume(self, request: Request) -> Response:
        name = (await asked(request, Named)).run
        await self.trainings.resume(name)
        return answer({"run": name})

    async def stop(self, request: Request) -> Response:
        name = (await asked(request, Named)).run
        self.trainings.stop(name)
        return answer({"run": name})


def threaded(made: Made) -> Callable[[Request], Any]:
    async def handler(request: Request) -> Response:
        return answer(await asyncio.to_thread(made, request))

    return handler


def each_labelled(versions: dict[str, Any], made: Callable[[Any], Any]) -> dict[str, Any]:
    return {label: made(version) for label, version in versions.items()}


def name_of(request: Request) -> str:
    return request.query_params.get("run", "")
