"""Trying the cures of a run, one run at a time, while the page goes on."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from backlight.diagnosis.catalogue import CAUSES
from backlight.errors import SettingsError
from backlight.page.viewer.board import Board
from backlight.page.viewer.jobs import Job, backlight
from backlight.reports.treatment_text import SAID

SUBJECT = "treatment"
PATIENCE = 2.0  # seconds: there is nothing to save


def command(folder: Path) -> list[str]:
    return backlight("treat", str(folder), "--json")


class Treatments:
    """Posts what the treatment says and what became of it under "treatment"."""

    def __init__(self, board: Board, words: Callable[[Path], list[str]] = command):
        self._board, self._words = board, words
        self._job: Job | None = None
        self._starting = asyncio.Lock()
        self._run = ""
        self._cancelled = False
        self._task: asyncio.Task[None] | None = None

    async def start(self, name: str, folder: Path) -> None:
        """
        Raises:
            SettingsError: if one goes on already.
        """
        async with self._starting:
            if self._job is not None and self._job.going_on:
                raise SettingsError(f"a treatment of {self._run} goes on; wait for it, or cancel it first")
            self._run, self._cancelled = name, False
            self._board.post(SUBJECT, self._document("going on", []))
            self._job = await Job.start(self._words(folder), lambda line: self._say())
            self._task = asyncio.ensure_future(self._follow(self._job))

    async def cancel(self) -> None:
        if self._job is not None and self._job.going_on:
            self._cancelled = True
            await self._job.end(PATIENCE)
        if self._task is not None:
            await self._task

    def _say(self) -> None:
        if self._job is not None:
            self._board.post(SUBJECT, self._document("going on", list(self._job.lines)))

    async def _follow(self, job: Job) -> None:
        status = await job.ended()
        lines = list(job.lines)
        if self._cancelled:
            self._board.post(SUBJECT, self._document("cancelled", lines))
            return
        try:
            result = told(json.loads(job.output)) if status in (0, 1) else None
        except (ValueError, KeyError, TypeError):
            result = None
        if result is None:
            last = lines[-1] if lines else f"it ended with status {status} and without a word"
            self._board.post(SUBJECT, self._document("failed", lines, error=last))
        else:
            self._board.post(SUBJECT, self._document("done", lines, result=result))

    def _document(self, state: str, lines: list[str], **more: Any) -> dict[str, Any]:
        return {"run": self._run, "state": state, "lines": lines, **more}


def told(document: dict[str, Any]) -> dict[str, Any]:
    """What `backlight treat --json` prints, with words."""
    cause = CAUSES.get(document["finding"])
    change = document["change"]
    return {
        "outcome": document["outcome"],
        "words": SAID[document["outcome"]],
        "cause": f"{cause.code}: {cause.title}" if cause else "",
        "setting": change["setting"] if change else "",
        "before": change["before"] if change else None,
        "after": change["after"] if change else None,
        "instruction": document["instruction"],
        "needed": document["needed"],
        "arms": [
            {"label": each["label"], "accuracy": each["accuracy"], **each["success"]} for each in document["arms"]
        ],
    }
