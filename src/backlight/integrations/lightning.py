"""Lightning's Trainer trains, `backlight.watch` records."""

from typing import Any

from backlight.errors import MissingExtraError, SettingsError
from backlight.integrations.watcher import Watcher

try:
    import lightning.pytorch as pl
except ImportError:
    try:
        import pytorch_lightning as pl  # type: ignore[no-redef]  # the same library, by its older name
    except ImportError:
        raise MissingExtraError("the callback needs Lightning: pip install lightning") from None


class WatchCallback(Watcher, pl.Callback):
    """Records what happens inside a LightningModule from the first training batch to the end of the fit.

    `Trainer(callbacks=[WatchCallback(run="runs/mine")]).fit(module)`; sanity checking is not recorded. Steps have the
    numbers of `trainer.global_step`, and each holds the loss that its batches were trained on, as train/loss.

    Args:
        run: folder to make and write, the next free one under runs/ if not given; each fit needs another.
        every, budget, include, exclude, names, tensorboard: as of `backlight.watch`.

    Attributes:
        watch: the recording under way or done, with its `folder` and its `cost`; None before the first.

    Raises:
        SettingsError: when training begins, for several optimizers or a setting out of its range.
        RunError: when training begins, if the folder holds a run already or cannot be written.
    """

    _losses: list[Any]  # of the backward passes since the last step

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if len(trainer.optimizers) > 1:
            raise SettingsError(
                f"this callback records the steps of one optimizer, the module has {len(trainer.optimizers)}; call "
                "backlight.watch(module, optimizer, run=...) for one of them in the module's on_train_start instead"
            )
        self._losses = []
        self._begin(pl_module, trainer.optimizers[0], first_step=trainer.global_step)

    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Any) -> None:
        scaler = getattr(trainer.precision_plugin, "scaler", None)  # has scaled this loss already
        self._losses.append(loss.detach() / (1.0 if scaler is None else scaler.get_scale()))

    def on_before_optimizer_step(self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Any) -> None:
        if self.watch is not None and self._losses:
            self.watch.scalars(loss=sum(self._losses))  # Lightning divides each by how many are accumulated
        self._losses.clear()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._end()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self.__exit__(type(exception), exception, exception.__traceback__)
