"""What every route shares: JSON in and out, events, and errors in words."""

from collections.abc import AsyncIterator
from typing import Any, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from backlight.errors import BacklightError, SettingsError

Wanted = TypeVar("Wanted")


def answer(document: Any) -> Response:
    return Response(msgspec.json.encode(document), media_type="application/json")


async def asked(request: Request, kind: type[Wanted]) -> Wanted:
    """The body as `kind`, a frozen dataclass or a tagged msgspec struct.

    Raises:
        SettingsError: if it is something else.
    """
    try:
        return msgspec.json.decode(await request.body(), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"the request cannot be understood: {error}") from None
    except ClientDisconnect:
        raise SettingsError("the request is too long, or was cut off") from None


def refused(request: Request, error: Exception) -> Response:
    """Of a mistake that the user can mend, in the words of the error."""
    return JSONResponse({"error": str(error)}, 404 if isinstance(error, LookupError) else 400)


REFUSALS = {BacklightError: refused, LookupError: refused}


def event(name: str, document: Any) -> bytes:
    """One server-sent event; JSON has no line breaks."""
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(document) + b"\n\n"


def stream(events: AsyncIterator[bytes]) -> Response:
    return StreamingResponse(events, media_type="text/event-stream")
