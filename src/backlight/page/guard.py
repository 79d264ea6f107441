"""Who may ask: one secret, one host, one origin, bodies of a bounded size; and what a browser may do with answers.

A page of somebody else's can make a browser send requests to loopback. Under a name of its own (DNS rebinding) the
Host header gives it away; across origins the Origin header does. Another user of the machine can reach the port but
does not know the token. It travels in a header or, where a browser cannot set one, in the query; never as a cookie,
which browsers would also send to other ports of this host.
"""

import hmac
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 1_000_000  # of a body
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "frame-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Guard:
    """ASGI middleware: refuses before the application sees anything.

    Attributes:
        hosts: the values of a Host header that are this server, such as 127.0.0.1:8421.
        token: that every request below /api/ must know.
    """

    app: ASGIApp
    hosts: frozenset[str]
    token: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        refusal = self.refusal(scope)
        if refusal is not None:
            status, words = refusal
            await JSONResponse({"error": words}, status, HEADERS)(scope, receive, send)
            return
        await self.app(scope, bounded(receive), with_headers(send))

    def refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and words, or None for who may pass."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get("host", ""), headers.get("origin")
        if host not in self.hosts:
            return 421, "this server answers on loopback alone"
        if origin is not None and origin != f"http://{host}":
            return 403, "the request comes from another page"
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return 405, "only GET and POST are answered"
        if scope["path"].startswith("/api/") and not self.knows_token(scope, headers):
            return 401, "the token is missing or old; open the link that `backlight page` printed"
        length = headers.get("content-length", "0")
        if not length.isdecimal() or len(length) > 9 or int(length) > MOST_BYTES:
            return 413, f"a body may have at most {MOST_BYTES:,} bytes"
        return None

    def knows_token(self, scope: Scope, headers: dict[str, str]) -> bool:
        query = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        given = headers.get("authorization", "").removeprefix("Bearer ") or query
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())


def bounded(receive: Receive) -> Receive:
    """Reads at most MOST_BYTES, whatever the length that was announced; what is beyond ends the request."""
    seen = 0

    async def read() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        return message if seen <= MOST_BYTES else {"type": "http.disconnect"}

    return read


def with_headers(send: Send) -> Send:
    """Adds HEADERS to each answer that does not set them itself."""

    async def write(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name.lower() for name, _ in message["headers"]}
            added = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in own]
            message = {**message, "headers": [*message["headers"], *added]}
        await send(message)

    return write
