"""For each cause the settings that may cure it: one named setting, changed to one other value."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from backlight.training.settings import CNN_RATES, CNNSettings, MLPSettings

LARGER_BATCH, MOST_WIDTH = 8, 64
GAINS = {"relu": math.sqrt(2), "leaky_relu": math.sqrt(2), "tanh": 5 / 3}  # He et al. 2015; LeCun et al. 1998


@dataclass(frozen=True)
class Change:
    """One setting and its new value; `name` is the cause that it is meant for."""

    name: str
    setting: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.setting} = {shown(self.after)} instead of {shown(self.before)}"

    def applied(self, settings: Any) -> Any:
        return replace(settings, **{self.setting: self.after})


def shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


Cure: TypeAlias = tuple[str, Callable[[Any], Any]]  # a setting, and its new value from all the old ones
Cures: TypeAlias = Mapping[str, tuple[Cure, ...]]


def rate(factor: float) -> Cure:
    return "learning_rate", lambda s: factor * value_of(s, "learning_rate")


def to(setting: str, value: Any) -> Cure:
    return setting, lambda s: value


def wider(s: MLPSettings) -> tuple[int, ...]:
    """Hidden layers four times as wide; one of eight units where there is none."""
    hidden = tuple(max(width, min(4 * width, MOST_WIDTH)) for width in s.layers[1:-1]) or (8,)
    return (s.layers[0], *hidden, s.layers[-1])


def shallower(s: MLPSettings) -> tuple[int, ...]:
    """One hidden layer, the widest there is."""
    return (s.layers[0], max(s.layers[1:-1]), s.layers[-1]) if len(s.layers) > 3 else s.layers


def larger_batch(s: MLPSettings | CNNSettings) -> int | None:
    return None if s.batch_size is None else s.batch_size * LARGER_BATCH


def usual_scale(s: MLPSettings) -> float:
    """1, which keeps the variance of a linear layer; where that is what there is, the activation's gain."""
    return 1.0 if s.init_scale != 1 else GAINS.get(s.activation, 1.0)


WIDER: Cure = ("layers", wider)
SHALLOWER: Cure = ("layers", shallower)
LARGER: Cure = ("batch_size", larger_batch)
SCALE: Cure = ("init_scale", usual_scale)
MENDED = to("output_derivative", False)
LEAKY, TANH, RELU = (to("activation", name) for name in ("leaky_relu", "tanh", "relu"))

MLP_CURES: Cures = {
    "nonfinite-values": (rate(0.1), rate(0.01), SCALE),
    "output-slope": (MENDED,),
    "wrong-gradient": (MENDED,),
    "initial-scale": (SCALE, TANH),
    "learning-rate-too-high": (rate(0.1), rate(1 / 3), rate(0.01)),
    "learning-rate-too-low": (rate(10), rate(100), to("optimizer", "adam")),
    "dead-units": (rate(0.1), LEAKY, TANH, SCALE),
    "born-dead": (LEAKY, TANH, WIDER, SCALE),
    "saturated-units": (SCALE, rate(0.1), rate(0.01), RELU),
    "vanishing-gradients": (RELU, SHALLOWER, TANH, SCALE),
    "exploding-gradients": (rate(0.1), SCALE, TANH),
    "batch-too-small": (LARGER, rate(0.1)),
    "too-small-model": (WIDER, to("l2", 0.0), rate(10), rate(0.1), RELU, SHALLOWER),
    "overfitting": (("l2", lambda s: max(100 * s.l2, 1e-2)), ("samples", lambda s: 4 * s.samples)),
}
CONV_LEAKY, FC_LEAKY, CONV_RELU, FC_RELU = (
    to(f"{part}_activation", name) for name in ("leaky_relu", "relu") for part in ("conv", "fc")
)
USUAL_RATE: Cure = ("learning_rate", lambda s: CNN_RATES[s.optimizer])
CNN_CURES: Cures = {
    "nonfinite-values": (USUAL_RATE, rate(0.1)),
    "learning-rate-too-high": (USUAL_RATE, rate(0.1)),
    "learning-rate-too-low": (USUAL_RATE, rate(10), to("optimizer", "adam")),
    "dead-units": (USUAL_RATE, FC_LEAKY, CONV_LEAKY),
    "born-dead": (CONV_LEAKY, FC_LEAKY),
    "saturated-units": (USUAL_RATE, FC_RELU, CONV_RELU),
    "vanishing-gradients": (CONV_RELU, FC_RELU, rate(10)),
    "exploding-gradients": (USUAL_RATE, rate(0.1)),
    "batch-too-small": (LARGER, USUAL_RATE),
    "too-small-model": (USUAL_RATE, CONV_RELU, FC_RELU),
}


def value_of(settings: Any, setting: str) -> Any:
    usual = setting == "learning_rate" and isinstance(settings, CNNSettings)
    return settings.peak_rate if usual else getattr(settings, setting)


def changes(cures: Cures, names: Sequence[str], settings: Any) -> list[Change]:
    """What may cure these causes, the likeliest first; a setting that has the value already is no change."""
    found: dict[tuple[str, Any], Change] = {}
    for name in names:
        for setting, value in cures.get(name, ()):
            before, after = value_of(settings, setting), value(settings)
            if after != before:
                found.setdefault((setting, after), Change(name, setting, before, after))
    return list(found.values())
