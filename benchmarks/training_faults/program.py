"""A training program as values and a few hooks: what an operator changes, and what the two trainers carry out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from backlight.data.dataset import Samples
from backlight.networks.activations import Array
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.networks.layer import LayerPass

Model = Literal["mlp", "cnn", "recurrent", "attention"]
LossName = Literal[
    "cross-entropy", "softmax-first", "log-softmax-first", "probabilities", "log-epsilon", "sum", "naive-exponential",
    "detached",
]  # fmt: skip


class Data(NamedTuple):
    """What is trained on, what the program itself tests on, and what it should have been tested on."""

    train: Samples
    test: Samples
    clean: Samples


class Weights(NamedTuple):
    """Views of one layer's weights and biases, or of their gradients: writing changes the network."""

    name: str
    weights: NDArray[Any]
    biases: NDArray[Any]


DataChange: TypeAlias = Callable[[Data, np.random.Generator], Data]
StartChange: TypeAlias = Callable[[Sequence[Weights], np.random.Generator], None]
StepChange: TypeAlias = Callable[[int, Sequence[Weights]], None]
GradientChange: TypeAlias = Callable[[Sequence[Weights]], None]
Backward: TypeAlias = Callable[[DeepNeuralNetwork, list[LayerPass], Array, float], list[Array]]
Schedule: TypeAlias = Callable[[float], float]
ModelChange: TypeAlias = Callable[[Any], None]


def constant(progress: float) -> float:
    return 1.0


def every_parameter(name: str) -> bool:
    return True


@dataclass(frozen=True)
class Program:
    """A program that trains one network.

    Attributes:
        base: name of the healthy program that it comes from.
        model: "mlp" is the hand-written NumPy network, the others are small PyTorch models of digits.
        data: moons, circles, blobs, spirals, xor, or digits.
        layers: widths of an "mlp"; the first and the last are taken from the data.
        width: of a PyTorch model (channels, hidden units, features).
        loss, loss_setting: what is minimised; the setting is ε, how often a softmax is applied, or a penalty's weight.
        schedule: factor on learning_rate as a function of the share of steps done.
        shuffled: whether each epoch has an order of its own.
        clear_every: steps between two times at which gradients are set to zero; 0 for never.
        batch_norm, dropout, evaluation_mode, training_mode: of PyTorch models; the modes are what `train` or `eval`
            is called for in training and at the program's own test.
        in_optimizer: by name of a parameter, whether the optimiser gets it (PyTorch).
        on_data, on_start, on_step, on_gradients, on_model: applied in turn; `on_step` before the first step (as 0) and
            after each.
        backward: of an "mlp".
    """

    base: str
    part: str
    model: Model
    data: str
    seed: int = 0
    layers: tuple[int, ...] = ()
    width: int = 8
    activation: Literal["tanh", "sigmoid", "relu", "leaky_relu", "identity"] = "tanh"
    optimizer: Literal["adam", "sgd", "momentum"] = "sgd"
    learning_rate: float = 0.5
    momentum: float = 0.9
    l2: float = 0.0
    steps: int = 400
    batch_size: int | None = None
    record_every: int = 20
    samples: int = 200
    noise: float = 0.2
    classes: int = 2
    loss: LossName = "cross-entropy"
    loss_setting: float = 1.0
    schedule: Schedule = constant
    shuffled: bool = True
    clear_every: int = 1
    batch_norm: bool = False
    dropout: float = 0.0
    training_mode: bool = True
    evaluation_mode: bool = True
    in_optimizer: Callable[[str], bool] = every_parameter
    on_data: tuple[DataChange, ...] = ()
    on_start: tuple[StartChange, ...] = ()
    on_step: tuple[StepChange, ...] = ()
    on_gradients: tuple[GradientChange, ...] = ()
    on_model: tuple[ModelChange, ...] = ()
    backward: Backward = DeepNeuralNetwork.backward

    def settings(self) -> dict[str, Any]:
        """The plain values, as JSON can hold them: what the manifest's digest is taken of."""
        return {
            name: value
            for name, value in vars(self).items()
            if isinstance(value, str | int | float | tuple) and not name.startswith("on_")
        }


@dataclass(frozen=True)
class Outcome:
    """How good the network became.

    Attributes:
        accuracy, loss: on the clean samples, evaluated as it should be; the loss is the mean cross-entropy of the
            logits, at most WORST_LOSS.
        own_accuracy: what the program itself reports at its end.
    """

    accuracy: float
    loss: float
    own_accuracy: float


WORST_LOSS = 100.0


def capped(loss: float) -> float:
    return min(loss, WORST_LOSS) if np.isfinite(loss) else WORST_LOSS
