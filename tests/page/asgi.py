"""One request to an ASGI application, without a server: what a client sends and sees, to the byte."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass

import msgspec

HOST, PORT, TOKEN = "127.0.0.1", 8421, "the-secret-of-the-link"
KNOWN = {"host": f"{HOST}:{PORT}", "authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def document(self):
        return msgspec.json.decode(self.body)

    @property
    def words(self) -> str:
        return self.document()["error"]

    def events(self) -> list[tuple[str, object]]:
        """Of a stream of server-sent events; one that was cut off is left out."""
        found = []
        for block in self.body.decode().split("\n\n")[:-1]:
            name, data = block.split("\n")
            found.append((name.removeprefix("event: "), msgspec.json.decode(data.removeprefix("data: "))))
        return found


async def request(
    app,
    path: str,
    body: object = None,
    method: str | None = None,
    headers: dict[str, str] = KNOWN,
    query: str = "",
    chunks: Sequence[bytes] = (),
    enough: Callable[[bytes], bool] = lambda body: False,
) -> Answer:
    """POST of `body` as JSON or of `chunks` as they are, else GET; goes away when `enough` of the answer was seen."""
    parts = list(chunks) or [b"" if body is None else msgspec.json.encode(body)]
    left, seen, status, answered = asyncio.Event(), bytearray(), 0, {}

    async def receive():
        if parts:
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            answered.update((name.decode().lower(), value.decode()) for name, value in message["headers"])
        else:
            seen.extend(message.get("body", b""))
            if enough(bytes(seen)):
                left.set()

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method or ("GET" if body is None and not chunks else "POST"),
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": (HOST, 50000),
        "server": (HOST, PORT),
    }
    await asyncio.wait_for(app(scope, receive, send), 60)
    return Answer(status, answered, bytes(seen))


def run(scenario: Coroutine):
    return asyncio.run(scenario)
