"""`backlight.diagnose`: why a run fails, or what is wrong with a model before it is trained."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backlight.diagnosis.diagnose import diagnose as diagnose_run
from backlight.diagnosis.finding import Diagnosis
from backlight.errors import SettingsError, missing_extra
from backlight.recording.run import Run

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from torch.optim import Optimizer


def diagnose(
    run: Run | Path | str | None = None,
    *,
    model: "Module | None" = None,
    loss_fn: "Callable[[Any, Tensor], Tensor] | None" = None,
    batch: Any = None,
    optimizer: "Optimizer | None" = None,
    step: "Callable[[Module, Any], Any] | None" = None,
    mute: Iterable[str] = (),
    seconds: float = 20.0,
) -> Diagnosis:
    """What keeps a run from learning, or a PyTorch model before it is trained: the cause first, with evidence.

    A model is run, some steps are trained on copies of it; model, optimizer and every random state are left as they
    were to the bit. Hooks of the user's own are not called on copies.

    Args:
        run: a run or its folder, during training or afterwards; or, instead of it, by name:
        model: any module, before training.
        loss_fn: a module or a function (outputs, labels) that gives one number.
        batch: (inputs, labels), tensors or arrays whose first axis is that of samples; or a DataLoader or another
            iterable of such pairs, of which the first is taken.
        optimizer: the one that is going to train the model; without it some probes are skipped.
        step: a function (model, (inputs, labels)) that makes one step of the user's training, with `optimizer`; it is
            called a few times on the model itself, and what it does to model and optimizer is undone.
        mute: codes or names of causes that are not asked for.
        seconds: after which no further probe of a model begins; those left are named as skipped.

    Raises:
        RunError: if there is no run in the folder.
        SettingsError: if neither or both are given, or for what is no model, loss, batch or optimizer, or if the model
            cannot be run on the batch.
        MissingExtraError: for a model, if PyTorch is not installed.
    """
    if (run is None) == (model is None):
        raise SettingsError("diagnose takes a run or its folder, or model=…, loss_fn=… and batch=…: one of the two")
    if run is not None:
        return diagnose_run(run, mute)
    if loss_fn is None or batch is None:
        raise SettingsError("a model is diagnosed with its loss and a batch: loss_fn=… and batch=(inputs, labels)")
    try:
        from backlight.diagnosis.probes.examine import examine
    except ModuleNotFoundError as error:
        raise missing_extra("diagnosing a model", error) from None
    assert model is not None
    return examine(model, loss_fn, batch, optimizer, step, mute, seconds)
