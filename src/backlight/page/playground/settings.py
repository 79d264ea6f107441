"""What a playground is made from: the address of the page holds exactly this, and so does a request."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from backlight.data.points import TWO_CLASSES
from backlight.errors import SettingsError
from backlight.training.settings import OptimizerName

DataName = Literal["moons", "circles", "blobs", "spirals", "xor", "formula", "own"]
ActivationName = Literal["tanh", "sigmoid", "relu", "leaky_relu", "identity"]
MOST_LAYERS, MOST_UNITS, MOST_CLASSES, MOST_POINTS = 6, 12, 5, 2000  # beyond them pictures are too small, or many

Width = Annotated[int, Meta(ge=1, le=MOST_UNITS)]
Place = Annotated[float, Meta(ge=-1000, le=1000)]
Label = Annotated[int, Meta(ge=0, lt=MOST_CLASSES)]


class PlaygroundSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """A network of points in the plane and its training.

    Attributes:
        data: a shape; formula, for points above and below y = f(x); own, for `points`.
        formula: f(x), such as sin(3*x)/2.
        points: (x, y, class) of one's own.
        samples, noise, classes: of generated points; as many again are held out.
        hidden: widths of the hidden layers; activations: a name for each.
        optimizer, learning_rate, l2: as in `backlight train mlp`.
        batch_size: samples of an update; all of them if None.
        init_scale: factor on the initial weights N(0, 1/√fan_in).
        seed: of weights, batches and data.
    """

    data: DataName = "moons"
    formula: Annotated[str, Meta(max_length=200)] = "sin(3*x)/2"
    points: Annotated[tuple[tuple[Place, Place, Label], ...], Meta(max_length=MOST_POINTS)] = ()
    samples: Annotated[int, Meta(ge=10, le=MOST_POINTS)] = 200
    noise: Annotated[float, Meta(ge=0, le=2)] = 0.2
    classes: Annotated[int, Meta(ge=2, le=MOST_CLASSES)] = 2
    hidden: Annotated[tuple[Width, ...], Meta(max_length=MOST_LAYERS)] = (4, 3)
    activations: tuple[ActivationName, ...] = ("tanh", "tanh")
    optimizer: OptimizerName = "sgd"
    learning_rate: Annotated[float, Meta(gt=0, le=1e6)] = 0.3
    l2: Annotated[float, Meta(ge=0, le=100)] = 0.0
    batch_size: Annotated[int, Meta(ge=1, le=MOST_POINTS)] | None = None
    init_scale: Annotated[float, Meta(gt=0, le=100)] = 1.0
    seed: Annotated[int, Meta(ge=0, lt=2**31)] = 0

    def __post_init__(self) -> None:
        if len(self.activations) != len(self.hidden):
            raise SettingsError(f"{len(self.hidden)} hidden layers need as many activations, not {self.activations}")
        if self.data in TWO_CLASSES and self.classes != 2:
            raise SettingsError(f"{self.data} has 2 classes, not {self.classes}; blobs and spirals take up to 5")
        if self.data == "formula" and self.classes != 2:
            raise SettingsError("a formula parts the plane into 2 classes: above it and below it")

    def retrains(self, other: "PlaygroundSettings") -> bool:
        """Whether `other` differs only in what can change while a network trains."""
        return all(getattr(self, name) == getattr(other, name) for name in FIXED)


FIXED = ("data", "formula", "points", "samples", "noise", "classes", "hidden", "init_scale", "seed")
