"""A population: networks of one architecture, each with its own seed, weights, data, step and penalty."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backlight.engine.kernels import codes
from backlight.engine.memory import check_memory, flatten, parameter_count
from backlight.errors import SettingsError
from backlight.networks.activations import ActivationNames, activation_named, layer_activations
from backlight.networks.deep_network import DeepNeuralNetwork, check_sizes

OPTIMIZER_CODES = {"sgd": codes.GRADIENT_DESCENT, "momentum": codes.MOMENTUM, "adam": codes.ADAM}


@dataclass(frozen=True)
class Population:
    """S networks before training.

    Attributes:
        sizes: widths [d_0, …, K] of all.
        activation: one name for all their hidden layers, or a name for each.
        parameters: (S, P) float64: W_1 row by row, b_1, W_2, …
        seeds: (S,) of the mini-batches' order.
        learning_rate: (S,) steps on the mean loss; l2: (S,) λ of each.
        draws: (S,) which of the data sets each is trained on.
        optimizer: sgd, momentum or adam.
        batch_size: samples of an update; all of them if None.
        output_gate: an activation by whose derivative δ_L is multiplied, which is a mistake unless it is identity.

    Raises:
        SettingsError: for shapes that do not fit each other, an unknown name, or a value out of its range: rates above
            0, l2 0 or more, parameters finite.
    """

    sizes: tuple[int, ...]
    activation: str | tuple[str, ...]
    parameters: NDArray[np.float64]
    seeds: NDArray[np.int64]
    learning_rate: NDArray[np.float64]
    l2: NDArray[np.float64]
    draws: NDArray[np.int64]
    optimizer: str = "sgd"
    batch_size: int | None = None
    output_gate: str = "identity"

    def __post_init__(self) -> None:
        check_sizes(self.sizes)
        layer_activations(self.activation, len(self.sizes) - 1)
        activation_named(self.output_gate)
        if self.optimizer not in OPTIMIZER_CODES:
            raise SettingsError(f"unknown optimizer {self.optimizer!r}; choose one of {', '.join(OPTIMIZER_CODES)}")
        if len(self.parameters) == 0:
            raise SettingsError("a population needs at least one seed")
        shape = (len(self), parameter_count(self.sizes))
        if self.parameters.shape != shape:
            raise SettingsError(f"parameters must have the shape {shape}, not {self.parameters.shape}")
        for name in ("seeds", "learning_rate", "l2", "draws"):
            if getattr(self, name).shape != shape[:1]:
                raise SettingsError(
                    f"{name} must have one value per network, {shape[:1]}, not {getattr(self, name).shape}"
                )
        if not np.isfinite(self.parameters).all():
            raise SettingsError("the initial parameters are not finite; is init_scale a number?")
        check_each("learning_rate", self.learning_rate, self.learning_rate > 0, "a number above 0")
        check_each("l2", self.l2, self.l2 >= 0, "0 or more")
        if self.batch_size is not None and self.batch_size < 1:
            raise SettingsError(f"batch_size must be at least 1, not {self.batch_size}")

    def __len__(self) -> int:
        return len(self.parameters)

    @classmethod
    def initialised(
        cls,
        sizes: Sequence[int],
        activation: ActivationNames,
        seeds: Sequence[int],
        learning_rate: ArrayLike = 0.5,
        l2: ArrayLike = 5e-5,
        init_scale: ArrayLike = 1.0,
        draws: ArrayLike = 0,
        optimizer: str = "sgd",
        batch_size: int | None = None,
        output_gate: str = "identity",
    ) -> "Population":
        """The network that `DeepNeuralNetwork(sizes, activation, seed)` is, for each seed; weights times `init_scale`.

        What is given as one number holds for all networks; otherwise it has the shape (S,).

        Args:
            sizes, activation, optimizer, batch_size, output_gate: as above.
            seeds: of the weights and of the mini-batches' order; S of them.
            learning_rate, l2, draws: as above.
            init_scale: factor on the initial weights N(0, 1/√fan_in).

        Raises:
            SettingsError: for settings that cannot be trained, or more networks than fit into memory.

        >>> population = Population.initialised([2, 3, 2], "relu", range(5), learning_rate=0.5)
        >>> len(population), population.parameters.shape
        (5, (5, 17))
        """
        sizes, count = check_sizes(sizes), len(seeds)
        if count == 0:
            raise SettingsError("a population needs at least one seed")
        check_memory(count, sizes)
        scales = np.broadcast_to(np.asarray(init_scale, np.float64), count)
        parameters = np.stack(
            [
                flatten(DeepNeuralNetwork(sizes, activation, int(seed)).parameters) * scale
                for seed, scale in zip(seeds, scales, strict=True)
            ]
        )
        return cls(
            sizes,
            activation if isinstance(activation, str) else tuple(activation),
            parameters,
            np.asarray(seeds, np.int64),
            np.array(np.broadcast_to(np.asarray(learning_rate, np.float64), count)),
            np.array(np.broadcast_to(np.asarray(l2, np.float64), count)),
            np.array(np.broadcast_to(np.asarray(draws, np.int64), count)),
            optimizer,
            batch_size,
            output_gate,
        )


def check_each(name: str, values: NDArray[np.float64], valid: NDArray[np.bool_], words: str) -> None:
    """Raises SettingsError with the first value that is not finite or not valid."""
    bad = values[~(np.isfinite(values) & valid)]
    if len(bad):
        raise SettingsError(f"every {name} must be {words}, not {bad[0]:g}")
