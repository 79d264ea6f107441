"""Requests to the live page, drawn from its own routes; nothing goes over a socket."""

import asyncio
import json
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from starlette.routing import Mount, Route

from backlight.page.app import application
from backlight.page.guard import Guard

PORT, TOKEN = 8421, "the-token-that-nobody-knows"
HOST = f"127.0.0.1:{PORT}"
LONGEST = 20.0  # seconds of a request; what takes longer hangs
SETTINGS = {"samples": 20, "hidden": [3], "activations": ["tanh"]}
BODIES: list[Any] = [
    {"settings": SETTINGS}, {"settings": SETTINGS, "legs": [{"step": 2, "settings": SETTINGS}], "step": 5},
    {"do": "step", "count": 2}, {"do": "epoch"}, {"do": "go", "branch": 0, "step": 3}, {"do": "pause"},
    {"do": "change", "settings": SETTINGS}, {"do": "probe", "point": [0.1, 0.2]}, {"do": "seeds", "count": 10},
    {"do": "stop-seeds"}, {"sample": 1}, {"text": "0,0,0\n1,1,1\n"}, {}, [], None,
]  # fmt: skip
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 30), st.floats(-3, 3), st.text(max_size=10),
    st.sampled_from([2**70, -1, 1e308, "", "moons", "formula", "own", "log(x)", [], {}, [[0, 0, 0]], "relu"]),
)  # fmt: skip
# Words with which a path may try to leave its folder, or a query to be taken for another.
PARTS = st.sampled_from(
    ["..", "%2e%2e", "/", "", "api", "static", "app.js", "index.html", "a", "\0", "%00", "ä", "x" * 300]
)
HEADER_VALUES = st.sampled_from([
    HOST, "localhost:8421", "evil.example", "", "0", "-1", "9" * 20, "1000001", "Bearer ", TOKEN[:-1],
    f"Bearer {TOKEN}", "gzip", "application/json", "\xff", "http://evil.example", f"http://{HOST}",
])  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A request as it is drawn."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def knows(self) -> bool:
        """Whether it has the token, where the server looks for it."""
        given = dict(self.headers).get("authorization", "")
        return (
            given == f"Bearer {TOKEN}" or given == TOKEN or (not given.removeprefix("Bearer ") and TOKEN in self.query)
        )


class Page:
    """The application, one playground in it, and a loop to ask it on."""

    def __init__(self) -> None:
        self.runs = Path(tempfile.mkdtemp(prefix="backlight-fuzz-"))
        self.loop = asyncio.new_event_loop()
        app = application(self.runs, PORT, TOKEN, asyncio.Event())
        assert isinstance(app, Guard)
        self.app, self.routes = app, paths_of(app.app.routes)  # type: ignore[attr-defined]  # the guard is around a Starlette
        self.session = ""

    def begin(self) -> None:
        """A session of its own, where the last one has ended."""
        good = (("host", HOST), ("authorization", f"Bearer {TOKEN}"))
        status, _, content = self.ask(Asked("POST", "/api/playground", "", good, json.dumps(BODIES[0]).encode()))
        self.session = json.loads(content)["session"] if status == 200 else self.session

    def requests(self) -> st.SearchStrategy[Asked]:
        methods = st.sampled_from(["GET", "POST", "POST", "POST", "HEAD", "PUT", "OPTIONS", "DELETE", "get", ""])
        paths = st.sampled_from(self.routes) | st.lists(PARTS, max_size=4).map(lambda parts: "/" + "/".join(parts))
        names = st.sampled_from(
            ["host", "origin", "authorization", "content-length", "content-type", "accept-encoding", "range"]
        )
        good = st.just((("host", HOST), ("authorization", f"Bearer {TOKEN}")))
        headers = st.one_of(good, good, st.lists(st.tuples(names, HEADER_VALUES), max_size=4).map(tuple))
        queries = st.sampled_from(
            ["", "", "token=", f"token={TOKEN}", f"token={TOKEN[:-1]}", "a=1&token=x", "%ff", "step=abc"]
        )
        return st.builds(Asked, methods, paths, queries, headers, bodies())

    def check(self, asked: Asked) -> None:
        if "{" in asked.path:
            if not self.session or "/events" not in asked.path:
                self.begin()
            asked = Asked(
                asked.method,
                re.sub(r"{\w+(:\w+)?}", self.session or "x", asked.path),
                asked.query,
                asked.headers,
                asked.body,
            )
        status, headers, content = self.ask(asked)
        assert 200 <= status < 500, (status, content[:300])
        assert b"Traceback" not in content
        assert TOKEN.encode() not in content
        assert headers.get(b"x-content-type-options") == b"nosniff", headers
        if asked.path.startswith("/api/") and not asked.knows:
            assert status in (401, 403, 405, 413, 421), (status, content[:300])
        if status == 200 and b'"play"' in asked.body:  # or it would train on and on beside what follows
            self.begin()

    def ask(self, asked: Asked) -> tuple[int, dict[bytes, bytes], bytes]:
        return self.loop.run_until_complete(asyncio.wait_for(self.answer(asked), LONGEST))

    async def answer(self, asked: Asked) -> tuple[int, dict[bytes, bytes], bytes]:
        """A stream is left after a few pieces."""
        sent: list[dict[str, Any]] = []
        left = asyncio.Event()
        body = [{"type": "http.request", "body": asked.body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            if body:
                return body.pop()
            with suppress(TimeoutError):
                await asyncio.wait_for(left.wait(), 0.3)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)
            if len(sent) > 4:
                left.set()

        await self.app(self.scope(asked), receive, send)
        start = next(message for message in sent if message["type"] == "http.response.start")
        content = b"".join(message.get("body", b"") for message in sent)
        return start["status"], dict(start["headers"]), content

    def scope(self, asked: Asked) -> dict[str, Any]:
        return {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "scheme": "http",
            "method": asked.method, "root_path": "",
            "path": asked.path, "raw_path": asked.path.encode("utf-8", "replace"),
            "query_string": asked.query.encode("latin-1"), "client": ("127.0.0.1", 1), "server": ("127.0.0.1", PORT),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in asked.headers],
        }  # fmt: skip


def paths_of(routes: list[Any], prefix: str = "") -> list[str]:
    """Those of all routes, with their parameters as they are written."""
    found = [prefix + route.path for route in routes if isinstance(route, Route)]
    mounts = [route for route in routes if isinstance(route, Mount)]
    return found + [
        f"{prefix}{route.path}/{name}" for route in mounts for name in ("index.html", "play.js", "../guard.py")
    ]


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A good one, one of which a value is another, or any bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=60))
    document = json.loads(json.dumps(draw(st.sampled_from(BODIES))))
    place = document
    while isinstance(place, dict) and place and draw(st.booleans()):
        key = draw(st.sampled_from(sorted(place)))
        if isinstance(place[key], dict) and draw(st.booleans()):
            place = place[key]
            continue
        place[key] = draw(LEAVES)
        break
    if isinstance(place, dict) and draw(st.integers(0, 4)) == 0:
        place[
            draw(st.sampled_from(["do", "seed", "noise", "hidden", "data", "points", "formula", "l2", "batch_size"]))
        ] = draw(LEAVES)
    return json.dumps(document).encode()
