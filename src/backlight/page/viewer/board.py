"""The last word on each of many subjects, for streams that tell a browser what is new."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any


class Board:
    """Belongs to the event loop: other threads must not post.

    Attributes:
        listened: set while a stream waits for news; without any, nobody needs to look for some.
    """

    def __init__(self) -> None:
        self.listened = asyncio.Event()
        self._listeners = 0
        self._number = 0
        self._words: dict[str, tuple[int, Any]] = {}
        self._changed = asyncio.Event()

    def post(self, subject: str, document: Any) -> None:
        """None: there is no such subject any more."""
        if self._words.get(subject, (0, None))[1] == document:
            return
        self._number += 1
        self._words[subject] = (self._number, document)
        self._changed.set()
        self._changed = asyncio.Event()

    def word(self, subject: str) -> Any:
        return self._words.get(subject, (0, None))[1]

    async def news(self, closing: asyncio.Event) -> AsyncIterator[dict[str, Any]]:
        """First all there is, then what has changed since, until `closing`."""
        told = -1
        self._listeners += 1
        self.listened.set()
        try:
            while not closing.is_set():
                changed = self._changed
                fresh = {subject: word for subject, (number, word) in self._words.items() if number > told}
                if fresh or told < 0:
                    told = self._number
                    yield fresh
                    continue  # something may have been posted while this was sent
                await first_of(changed, closing)
        finally:
            self._listeners -= 1
            if not self._listeners:
                self.listened.clear()


async def first_of(*events: asyncio.Event, seconds: float | None = None) -> None:
    """Waits until one of the events is set, or the time is over."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()
