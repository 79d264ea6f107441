"""The Trainer of Hugging Face's transformers trains, `backlight.watch` records."""

from collections.abc import Mapping
from typing import Any

from backlight.errors import MissingExtraError
from backlight.integrations.watcher import Watcher

try:
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
except ImportError:
    raise MissingExtraError("the callback needs transformers: pip install transformers accelerate") from None


class WatchCallback(Watcher, TrainerCallback):
    """Records what happens inside a model from the first training batch to the end of `Trainer.train`.

    `Trainer(model, args, train_dataset=data, callbacks=[WatchCallback(run="runs/mine")]).train()`. Steps have the
    numbers of `state.global_step`; a loss that the Trainer logs, the mean since its last log, stands as train/loss at
    the step just made.

    The Trainer does not tell its callbacks of an exception. Around `train`, the callback as a context manager does:

        with WatchCallback(run="runs/mine") as callback:
            Trainer(model, args, train_dataset=data, callbacks=[callback]).train()

    Otherwise a record that broke off is completed when the next training begins or the program ends.

    Args:
        run: folder to make and write, the next free one under runs/ if not given; each training needs another.
        every, budget, include, exclude, names, tensorboard: as of `backlight.watch`.

    Attributes:
        watch: the recording under way or done, with its `folder` and its `cost`; None before the first.

    Raises:
        SettingsError: when training begins, for a setting out of its range.
        RunError: when training begins, if the folder holds a run already or cannot be written.
    """

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: Any = None,
        optimizer: Any = None,
        **kwargs: Any,
    ) -> None:
        self._begin(model, optimizer, first_step=state.global_step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        if self.watch is not None and logs is not None and "loss" in logs:
            self.watch.scalars(self.watch.step - 1, loss=logs["loss"])

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._end()
