"""`backlight page`: the server, on loopback and nowhere else."""

import asyncio
import secrets
import socket
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import uvicorn

from backlight.errors import SettingsError
from backlight.page.app import application

HOST, PORT = "127.0.0.1", 8421


def serve(
    runs: Path, port: int | None = None, browser: bool = False, say: Callable[[str], object] = lambda link: None
) -> None:
    """Serves until Ctrl-C or SIGTERM; `say` is called with the link once the server listens.

    Args:
        runs: folder whose runs are shown, made if need be; nothing outside it is.
        port: 8421 if not given, or any that is free where that one is taken.

    Raises:
        SettingsError: if the port that was asked for cannot be had.
    """
    runs.mkdir(parents=True, exist_ok=True)
    listening = listen(port)
    number, token, closing = listening.getsockname()[1], secrets.token_urlsafe(24), asyncio.Event()
    config = uvicorn.Config(
        application(runs, number, token, closing),
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        lifespan="on",
    )
    server = PageServer(config, closing, lambda: announce(f"http://{HOST}:{number}/?token={token}", browser, say))
    with listening, suppress(KeyboardInterrupt):  # Ctrl-C is how it is stopped, and uvicorn hands it on afterwards
        server.run([listening])


class PageServer(uvicorn.Server):
    """Says when it listens, and tells open streams to end when it is to stop."""

    def __init__(self, config: uvicorn.Config, closing: asyncio.Event, ready: Callable[[], object]):
        super().__init__(config)
        self.closing, self.ready = closing, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.closing.set()
        await super().shutdown(sockets)


def announce(link: str, browser: bool, say: Callable[[str], object]) -> None:
    say(link)
    if browser:
        webbrowser.open(link)


def listen(port: int | None) -> socket.socket:
    if port is not None and not 0 <= port < 65536:
        raise SettingsError(f"a port lies between 0 and 65535 (0 for any that is free), not {port}")
    for number in (PORT, 0) if port is None else (port,):
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, number))
            return listening
        except OSError:
            listening.close()
    raise SettingsError(f"port {port} cannot be had; choose another one, or leave --port out for one that is free")
