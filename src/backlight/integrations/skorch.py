"""A skorch net trains, `backlight.watch` records."""

from typing import Any

from backlight.errors import MissingExtraError
from backlight.integrations.watcher import Watcher

try:
    from skorch import NeuralNet
    from skorch.callbacks import Callback
except ImportError:
    raise MissingExtraError("the callback needs skorch: pip install skorch") from None


class WatchCallback(Watcher, Callback):
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

    def on_train_begin(self, net: NeuralNet, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        self._begin(net.module_, net.optimizer_)

    def on_batch_end(
        self, net: NeuralNet, batch: Any = None, training: bool | None = None, loss: Any = None, **kwargs: Any
    ) -> None:
        if self.watch is not None and training:
            self.watch.scalars(self.watch.step - 1, loss=loss)

    def on_train_end(self, net: NeuralNet, X: Any = None, y: Any = None, **kwargs: Any) -> None:
        self._end()
