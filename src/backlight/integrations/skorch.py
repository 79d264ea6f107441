"""A skorch net trains, `backlight.watch` records."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from backlight.errors import MissingExtraError
from backlight.watching.watch import Watch, watch

try:
    from skorch import NeuralNet
    from skorch.callbacks import Callback
except ImportError:
    raise MissingExtraError("the callback needs skorch: pip install skorch") from None


class WatchCallback(Callback):
    """Records what happens inside `net.module_` from the first training batch to the end of `fit` or `partial_fit`.

    `NeuralNetClassifier(Module, callbacks=[WatchCallback(run="runs/mine")]).fit(X, y)`. Steps are counted from the
    beginning of each training, and each holds the loss of its batch, as train/loss.

    skorch does not tell its callbacks of an exception other than KeyboardInterrupt. Around `fit`, the callback as a
    context manager does:

        with WatchCallback(run="runs/mine") as callback:
            NeuralNetClassifier(Module, callbacks=[callback]).fit(X, y)

    Otherwise a record that broke off is completed when the next training begins or the program ends.

    Args:
        run: folder to make and write, the next free one under runs/ if not given, as a search over parameters needs
            it: each training needs another.
        every, budget, include, exclude, names, tensorboard: as of `backlight.watch`.

    Attributes:
        watch: the recording under way or done, with its `folder` and its `cost`; None before the first, and in copies.

    Raises:
        SettingsError: when training begins, for a setting out of its range.
        RunError: when training begins, if the folder holds a run already or cannot be written.
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

    def __enter__(self) -> "WatchCallback":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.watch_ is not None:
            self.watch_.__exit__(kind, error, traceback)

    def __getstate__(self) -> dict[str, Any]:
        """A net that is pickled or copied leaves its recording behind."""
        return {**self.__dict__, "watch_": None}

    def on_train_begin(self, net: NeuralNet, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        if self.watch_ is not None:
            self.watch_.close()  # of a training that broke off: partial_fit keeps the optimizer
        self.watch_ = watch(net.module_, net.optimizer_, **self.get_params(deep=False))

    def on_batch_end(
        self, net: NeuralNet, batch: Any = None, training: bool | None = None, loss: Any = None, **kwargs: Any
    ) -> None:
        if self.watch_ is not None and training:
            self.watch_.scalars(self.watch_.step - 1, loss=loss)

    def on_train_end(self, net: NeuralNet, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        if self.watch_ is not None:
            self.watch_.close()
