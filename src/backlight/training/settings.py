"""What a run is made from: one frozen dataclass a command, which is its flags, its settings.toml and its keywords."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
import numpy as np

from backlight.data.points import SHAPES
from backlight.errors import SettingsError
from backlight.networks.activations import activation_named
from backlight.networks.deep_network import check_sizes

ActivationName = Literal["relu", "leaky_relu", "tanh", "sigmoid"]
OptimizerName = Literal["adam", "sgd", "momentum"]
CNN_RATES = {"adam": 0.002, "momentum": 0.02, "sgd": 0.2}  # that suit the convolutional network


@dataclass(frozen=True)
class MLPSettings:
    """A fully connected network, hand-written in NumPy.

    Attributes:
        data: moons, circles, blobs, spirals, xor, digits, mnist, or the path of a CSV file (class in the last column).
        layers: widths from the number of inputs to the number of classes, such as 2,4,3,2.
        activation: of the hidden layers: relu, leaky_relu, tanh, sigmoid or identity.
        optimizer: sgd (gradient descent), momentum (0.9) or adam.
        learning_rate: step on the mean loss.
        l2: λ of the penalty (λ/2) Σ‖W‖².
        steps: number of updates; one is a pass over all samples, or over a batch.
        batch_size: samples of an update; all of them if not given.
        samples: number of points to train on (generated data only).
        noise: standard deviation of the points' noise (generated data only).
        classes: number of classes K (blobs and spirals).
        seed: of weights, batches and data.
        record_every: steps between two recordings of all tensors.
        data_dir: folder with the full MNIST.
        init_scale: factor on the initial weights N(0, 1/√fan_in).
        output_derivative: a mistake to study: δ_L is multiplied by f′(z_L), as if the logits went through `activation`.

    Raises:
        SettingsError: for a value out of its range: rates, scales and counts above 0, l2, noise and seed 0 or more.
    """

    data: str = "moons"
    layers: tuple[int, ...] = (2, 8, 2)
    activation: Literal["tanh", "sigmoid", "relu", "leaky_relu", "identity"] = "tanh"
    optimizer: OptimizerName = "sgd"
    learning_rate: float = 0.5
    l2: float = 5e-5
    steps: int = 5000
    batch_size: int | None = None
    samples: int = 200
    noise: float = 0.2
    classes: int = 2
    seed: int = 0
    record_every: int = 100
    data_dir: Path | None = None
    init_scale: float = 1.0
    output_derivative: bool = False

    def __post_init__(self) -> None:
        check_choices(self)
        check_sizes(self.layers)
        check_positive(self, "learning_rate", "init_scale", "steps", "batch_size", "record_every", "samples")
        check_not_negative(self, "l2", "noise", "seed")


@dataclass(frozen=True)
class CNNSettings:
    """The four-layer convolutional network, in PyTorch.

    Attributes:
        data: digits (5,000 images that come with the package) or mnist (70,000).
        conv_activation: of the convolutional part.
        fc_activation: of the fully connected part.
        optimizer: adam, sgd or momentum (0.9).
        learning_rate: highest step on the mean loss; if not given, one that suits the optimizer.
        schedule: one-cycle (warm up, then down to almost 0) or constant.
        epochs: passes over the training images.
        batch_size: images of an update.
        seed: of weights, shuffling and dropout.
        record_every: steps between two recordings of all tensors.
        checkpoint_seconds: time between two checkpoints; there is also one after each epoch and when stopped.
        test_each_epoch: also record the test accuracy after each epoch (never used to choose anything).
        device: auto, cpu or cuda.
        threads: CPU threads; what PyTorch chooses if not given. Other numbers may round differently.
        data_dir: folder with the full MNIST.

    Raises:
        SettingsError: for a value out of its range: rates, counts and seconds above 0, the seed 0 or more.
    """

    data: Literal["digits", "mnist"] = "digits"
    conv_activation: ActivationName = "relu"
    fc_activation: ActivationName = "relu"
    optimizer: OptimizerName = "adam"
    learning_rate: float | None = None
    schedule: Literal["one-cycle", "constant"] = "one-cycle"
    epochs: int = 5
    batch_size: int = 64
    seed: int = 0
    record_every: int = 50
    checkpoint_seconds: float = 60.0
    test_each_epoch: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | None = None
    data_dir: Path | None = None

    def __post_init__(self) -> None:
        check_choices(self)
        check_positive(self, "learning_rate", "epochs", "batch_size", "record_every", "checkpoint_seconds", "threads")
        check_not_negative(self, "seed")

    @property
    def peak_rate(self) -> float:
        """The highest learning rate, which is the one that was given, or one that suits the optimizer."""
        return self.learning_rate or CNN_RATES[self.optimizer]

    @property
    def config(self) -> str:
        """Short name of the configuration, the prefix of its TensorBoard tags, such as relu-relu-adam."""
        return f"{self.conv_activation}-{self.fc_activation}-{self.optimizer}"


@dataclass(frozen=True)
class StudySettings:
    """Every combination of what is given several times, each with many seeds.

    Attributes:
        data: moons, circles, blobs, spirals, xor, digits, mnist, or the path of a CSV file; may be repeated.
        layers: widths such as 2,4,3,2; may be repeated.
        activation: of the hidden layers; may be repeated.
        optimizer: sgd (gradient descent), momentum (0.9) or adam; may be repeated.
        learning_rate: step on the mean loss; may be repeated.
        l2: λ of the penalty (λ/2) Σ‖W‖²; may be repeated.
        init_scale: factor on the initial weights N(0, 1/√fan_in); may be repeated.
        samples: number of points to train on (generated data only); may be repeated.
        noise: standard deviation of the points' noise (generated data only); may be repeated.
        seeds: number of networks of each combination; a seed decides weights, data and batches.
        first_seed: the first of the seeds.
        steps: number of updates.
        batch_size: samples of an update; all of them if not given.
        success: a network succeeds if its held-out accuracy exceeds this.
        dtype: float32, or float64 for the reference's digits.
        data_dir: folder with the full MNIST.

    Raises:
        SettingsError: for a value out of its range, or settings that contradict each other.
    """

    data: tuple[str, ...] = ("moons",)
    layers: tuple[str, ...] = ("2,8,2",)
    activation: tuple[str, ...] = ("tanh",)
    optimizer: tuple[str, ...] = ("sgd",)
    learning_rate: tuple[float, ...] = (0.5,)
    l2: tuple[float, ...] = (5e-5,)
    init_scale: tuple[float, ...] = (1.0,)
    samples: tuple[int, ...] = (200,)
    noise: tuple[float, ...] = (0.2,)
    seeds: int = 100
    first_seed: int = 0
    steps: int = 5000
    batch_size: int | None = None
    success: float = 0.9
    dtype: Literal["float32", "float64"] = "float32"
    data_dir: Path | None = None

    def __post_init__(self) -> None:
        for name in SWEPT:
            if not getattr(self, name):
                raise SettingsError(f"{name} needs at least one value")
        check_choices(self)
        for activation in self.activation:
            activation_named(activation)
        for optimizer in self.optimizer:
            check_choice("optimizer", optimizer, get_args(OptimizerName))
        for text in self.layers:
            widths(text)
        if self.seeds < 1:
            raise SettingsError(f"a study needs at least one seed, not {self.seeds}")
        check_positive(self, "learning_rate", "init_scale", "samples", "steps", "batch_size")
        check_not_negative(self, "l2", "noise", "first_seed")
        if not 0 <= self.success < 1:
            raise SettingsError(f"success is an accuracy to exceed, from 0 to below 1, not {self.success}")
        fixed = [name for name in self.data if name not in SHAPES]
        for name in ("samples", "noise"):
            if fixed and len(set(getattr(self, name))) > 1:
                raise SettingsError(f"{name} is of generated data: it cannot be swept with {fixed[0]}")
        if self.first_seed + self.seeds - 1 > LARGEST_SEED:
            raise SettingsError(f"seeds must be at most {LARGEST_SEED}, not {self.first_seed + self.seeds - 1}")


SWEPT = ("data", "samples", "noise", "layers", "activation", "optimizer", "learning_rate", "l2", "init_scale")


def widths(text: str) -> tuple[int, ...]:
    """(2, 4, 3, 2) from "2,4,3,2".

    Raises:
        SettingsError: if it is not a list of two or more whole numbers of at least 1.
    """
    try:
        layers = tuple(int(width) for width in text.split(","))
    except ValueError:
        layers = ()
    if len(layers) < 2 or min(layers) < 1:
        raise SettingsError(f"layers must be two or more whole numbers of at least 1, such as 2,4,3,2, not {text!r}")
    return layers


def as_swept(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Single values of swept settings as tuples of one, widths as text."""
    values = {name: plain(value) for name, value in settings.items()}
    for name in set(SWEPT) & set(values):
        given = values[name]
        if name == "layers" and not isinstance(given, str) and any(isinstance(width, Integral) for width in given):
            given = [given]  # one list of widths
        several = given if isinstance(given, list | tuple | range | np.ndarray) else [given]
        values[name] = tuple(widths_text(each) if name == "layers" else plain(each) for each in several)
    return values


def widths_text(layers: Any) -> str:
    return layers if isinstance(layers, str) else ",".join(map(str, layers))


def plain(value: Any) -> Any:
    """NumPy's numbers as Python's."""
    return value.item() if isinstance(value, np.generic) else value


Settings = TypeVar("Settings", MLPSettings, CNNSettings, StudySettings)


LARGEST_SEED = 2**31 - 1


def check_choices(settings: Any) -> None:
    """Raises SettingsError for a value that is not among those of its Literal type, or too large a seed."""
    for name, hint in get_type_hints(type(settings)).items():
        if get_origin(hint) is Literal:
            check_choice(name, getattr(settings, name), get_args(hint))
    if getattr(settings, "seed", 0) > LARGEST_SEED:
        raise SettingsError(f"seed must be at most {LARGEST_SEED}, not {settings.seed}")


def check_choice(name: str, value: object, choices: Sequence[Any]) -> None:
    if value not in choices:
        raise SettingsError(f"unknown {name} {value!r}; choose one of {', '.join(choices)}")


def check_positive(settings: Any, *names: str) -> None:
    for name, value in each_value(settings, names):
        if not 0 < value <= sys.float_info.max:  # which NaN, infinity and whole numbers without end are not
            raise SettingsError(f"{name} must be a number above 0, not {value}")


def check_not_negative(settings: Any, *names: str) -> None:
    for name, value in each_value(settings, names):
        if not 0 <= value <= sys.float_info.max:
            raise SettingsError(f"{name} must be 0 or more, not {value}")


def each_value(settings: Any, names: Sequence[str]) -> Iterator[tuple[str, float]]:
    """(name, value) of every setting that is given, one pair per value of a swept one."""
    for name in names:
        value = getattr(settings, name)
        for single in value if isinstance(value, tuple) else (value,):
            if single is not None:
                yield name, single


def plain_settings(settings: MLPSettings | CNNSettings | StudySettings) -> dict[str, Any]:
    """Settings as TOML can hold them."""
    values = asdict(settings)
    return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}


def settings_from_plain(kind: type[Settings], values: dict[str, Any]) -> Settings:
    """The inverse of `plain_settings`.

    Raises:
        SettingsError: for a value of the wrong type or a name that `kind` does not have.
    """
    unknown = set(values) - {field.name for field in fields(kind)}
    if unknown:
        raise SettingsError(f"unknown settings: {', '.join(sorted(unknown))}")
    try:
        return msgspec.convert(values, kind, dec_hook=lambda wanted, value: wanted(value))
    except msgspec.ValidationError as error:
        raise SettingsError(f"settings: {error}") from None
