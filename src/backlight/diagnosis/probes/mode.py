"""Are dropout and batch norm on while training, and off while testing?"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

from backlight.diagnosis.finding import Evidence, Finding
from backlight.diagnosis.probes.clearing import run_step
from backlight.diagnosis.probes.steady import SAME
from backlight.diagnosis.probes.subject import Subject
from backlight.diagnosis.probes.words import difference
from backlight.watching.functions import FunctionMode, function_name


def dropout_at_test(subject: Subject) -> Iterator[Finding]:
    """Outputs that differ from call to call in evaluation mode, or batch norm that goes on using the batch. Models
    that draw a sample on purpose (a normal variable) get a note."""
    copy = subject.copy()
    copy.model.eval()
    drawn: list[str] = []
    with torch.no_grad(), FunctionMode(noting_draws(drawn)):
        changed = difference(copy.outputs(subject.batch), copy.outputs(subject.batch))
    if changed > SAME:
        text = "largest difference of two outputs for the same inputs in evaluation mode, in units of their size"
        meant = bool(drawn) and all("rand" in each or "normal" in each for each in drawn)
        yield Finding("dropout-at-test", "note" if meant else "slows", (Evidence(text, changed, SAME, "above"),))
    elif "batch_norm" in drawn:
        text = "calls of batch norm that use the batch's own statistics in evaluation mode"
        calls = float(drawn.count("batch_norm"))
        yield Finding("dropout-at-test", "slows", (Evidence(text, calls, 0.0, "above"),))


def noting_draws(drawn: list[str]) -> Callable[..., Any]:
    """Calls that draw random numbers, and batch norm on the batch's statistics, by name."""

    def call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = function_name(function)
        if name == "batch_norm":
            training = kwargs.get("training", args[5] if len(args) > 5 else False)
            running = kwargs.get("running_mean", args[1] if len(args) > 1 else None)
            if training and running is not None:  # without running statistics there is nothing else it could use
                drawn.append(name)
        elif "dropout" in name:
            if kwargs.get("training", args[2] if len(args) > 2 else True) and kwargs.get(
                "p", args[1] if len(args) > 1 else 0.5
            ):
                drawn.append(name)
        elif "rand" in name or "normal" in name or "bernoulli" in name:
            drawn.append(name)
        return function(*args, **kwargs)

    return call


def eval_mode_in_training(subject: Subject) -> Iterator[Finding]:
    """Evaluation mode as the model is handed over, or as the user's step leaves it, where that makes a difference."""
    training = mode_of_step(subject) if subject.step is not None else subject.model.training
    if training:
        return
    torch.manual_seed(0)
    one, other = subject.copy(), subject.copy()
    one.model.train()
    other.model.eval()
    with torch.no_grad():
        changed = difference(one.outputs(subject.batch), other.outputs(subject.batch))
    if changed > SAME:
        text = "model.training before a step"
        how = "largest difference of outputs in training and evaluation mode, in units of their size"
        evidence = Evidence(text, 0.0, 1.0, "below"), Evidence(how, changed, SAME, "above")
        yield Finding("eval-mode-in-training", "slows", evidence)


def mode_of_step(subject: Subject) -> bool:
    """Whether the model is in training mode when the user's step calls it."""
    modes: list[bool] = []

    def hook(module: nn.Module, _: Any) -> None:
        modes.append(module.training)

    handle = subject.model.register_forward_pre_hook(hook)
    try:
        run_step(subject)
    finally:
        handle.remove()
    return modes[0] if modes else subject.model.training
