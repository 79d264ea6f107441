"""For each cause the settings that may cure it: one named setting, changed to one other value."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from backlight.training.settings import MLPSettings

LARGER_BATCH, MOST_WIDTH = 8, 64


@dataclass(frozen=True)
class Change:
    """One setting and its new value."""

    setting: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.setting} = {shown(self.after)} instead of {shown(self.before)}"

    def applied(self, settings: MLPSettings) -> MLPSettings:
        return replace(settings, **{self.setting: self.after})


def shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


Cure = Callable[[MLPSettings], Any]


def slower(factor: float) -> tuple[str, Cure]:
    return "learning_rate", lambda s: s.learning_rate / factor


def faster(factor: float) -> tuple[str, Cure]:
    return "learning_rate", lambda s: s.learning_rate * factor


def function(name: str) -> tuple[str, Cure]:
    return "activation", lambda s: name


def wider(s: MLPSettings) -> tuple[int, ...]:
    """Hidden layers four times as wide; one of eight units where there is none."""
    hidden = tuple(min(4 * width, MOST_WIDTH) for width in s.layers[1:-1]) or (8,)
    return (s.layers[0], *hidden, s.layers[-1])


def shallower(s: MLPSettings) -> tuple[int, ...]:
    """One hidden layer, the widest there is."""
    return (s.layers[0], max(s.layers[1:-1]), s.layers[-1]) if len(s.layers) > 3 else s.layers


def larger_batch(s: MLPSettings) -> int | None:
    return None if s.batch_size is None else s.batch_size * LARGER_BATCH


CURES: dict[str, tuple[tuple[str, Cure], ...]] = {
    "nonfinite-values": (slower(10), slower(100)),
    "learning-rate-too-high": (slower(10), slower(3), slower(100)),
    "learning-rate-too-low": (faster(10), faster(100), ("optimizer", lambda s: "adam")),
    "dead-units": (slower(10), function("leaky_relu"), function("tanh")),
    "born-dead": (function("leaky_relu"), function("tanh"), ("layers", wider)),
    "saturated-units": (slower(10), function("relu")),
    "vanishing-gradients": (function("relu"), ("layers", shallower), function("tanh")),
    "exploding-gradients": (slower(10), function("tanh")),
    "batch-too-small": (("batch_size", larger_batch), slower(10)),
    "too-small-model": (("layers", wider),),
    "overfitting": (("l2", lambda s: max(100 * s.l2, 1e-2)), ("samples", lambda s: 4 * s.samples)),
}


def changes(names: Sequence[str], settings: MLPSettings) -> list[Change]:
    """What may cure these causes, the likeliest first; a setting that has the value already is no change."""
    found = []
    for name in names:
        for setting, cure in CURES.get(name, ()):
            before, after = getattr(settings, setting), cure(settings)
            if after != before:
                found.append(Change(setting, before, after))
    return list(dict.fromkeys(found))
