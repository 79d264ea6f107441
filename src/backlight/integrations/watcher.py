"""What the callbacks of all libraries share: the settings of `backlight.watch`, a recording begun and ended."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from backlight.watching.watch import Watch, watch


class Watcher:
    """Holds the settings until a training begins, then its recording; as a context manager it learns of an exception.

    A recording that is left open is completed when the next training begins or the program ends.
    """

    def __init__(
        self,
        run: Path | str | None = None,
        *,
        every: int | None = None,
        budget: float | None = 0.02,
        include: str | Sequence[str] = "*",
        exclude: str | Sequence[str] = (),
        names: Mapping[str, str] | None = None,
        tensorboard: bool = False,
    ):
        self.run = run
        self.every = every
        self.budget = budget
        self.include = include
        self.exclude = exclude
        self.names = names
        self.tensorboard = tensorboard
        self.watch_: Watch | None = None  # the underscore tells skorch that this is no parameter

    @property
    def watch(self) -> Watch | None:
        return self.watch_

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.watch_ is not None:
            self.watch_.__exit__(kind, error, traceback)

    def __getstate__(self) -> dict[str, Any]:
        """A callback that is pickled or copied leaves its recording behind."""
        return {**self.__dict__, "watch_": None}

    def _begin(self, model: Any, optimizer: Any, first_step: int = 0) -> None:
        self._end()  # of a training that broke off: the optimizer may be the same
        self.watch_ = watch(
            model, optimizer, self.run, every=self.every, budget=self.budget, include=self.include,
            exclude=self.exclude, names=self.names, tensorboard=self.tensorboard, first_step=first_step,
        )  # fmt: skip

    def _end(self) -> None:
        if self.watch_ is not None:
            self.watch_.close()
