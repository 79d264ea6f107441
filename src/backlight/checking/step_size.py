"""The step size of an update, by which parameters change against their gradients."""

import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from backlight.checking.chain import RATE
from backlight.checking.own_code import OwnCode, Step
from backlight.checking.roles import roles_of


def step_size(subject: OwnCode, step: Step) -> float:
    """What was handed over, or what the network or the module keeps by such a name."""
    if any(key == "rate" or (key[0] == "!" and "rate" in roles_of(key[1:])) for _, key in step.plan):
        return RATE
    for parameter in parameters_of(step.reference.resolve(subject.program, subject.network)):
        if roles_of(parameter.name)[:1] == ("rate",) and isinstance(parameter.default, float):
            return parameter.default
    kept: dict[str, Any] = dict(vars(subject.network)) if hasattr(subject.network, "__dict__") else {}
    for value in list(kept.values()):  # a configuration's
        kept = {**(vars(value) if hasattr(value, "__dict__") else {}), **kept}
    for name, value in {**subject.program.namespace, **kept}.items():
        if isinstance(value, float | int) and not isinstance(value, bool) and roles_of(name)[:1] == ("rate",):
            return float(value)
    return 1.0


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    with suppress(TypeError, ValueError):
        return list(inspect.signature(function).parameters.values())
    return []
