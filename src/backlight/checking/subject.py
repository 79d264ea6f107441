"""A user's network as something that can be asked: parameters, outputs, loss, gradients, on fixed samples."""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import numpy as np

from backlight.checking.binding import TooLongError, limited
from backlight.checking.feed import Feed
from backlight.checking.store import Slot
from backlight.networks.activations import Array

Result = TypeVar("Result")
SECONDS = 5.0  # for one call of the user's code


class EndedError(RuntimeError):
    """The user's code took too long, or left by way of `sys.exit`."""


class Subject(ABC):
    """A network whose parameters can be set, on a fixed batch.

    Attributes:
        feed: the batch.
        slots: its parameters, in the program's order.
        accumulates: whether gradients add up over calls; `gradients` then gives what one call adds.
        description: what was found and how it is run, for the report.
    """

    feed: Feed
    slots: list[Slot]
    accumulates: bool
    description: str

    def values(self) -> list[Array]:
        return [np.array(slot.read(), dtype=float) for slot in self.slots]

    def assign(self, values: Sequence[Array]) -> None:
        for slot, value in zip(self.slots, values, strict=True):
            slot.write(value)

    @property
    def strength(self) -> float:
        """The penalty's strength λ, as the program calls it; 0.1 where it has none."""
        return 0.1

    @property
    def names(self) -> list[str]:
        return [slot.name for slot in self.slots]

    @abstractmethod
    def loss(self) -> float:
        """The program's own loss of the batch at the present parameters."""

    @abstractmethod
    def gradients(self) -> list[Array | None]:
        """The program's own gradient by each parameter; None where it gives none. Parameters stay as they are."""

    @abstractmethod
    def outputs(self) -> Array | None:
        """(N, K) what the forward pass gives, or None where that was not found."""

    def before_backward(self) -> Callable[[], Any]:
        """What runs all that comes before a backward pass: forward pass and loss."""
        return self.outputs_and_loss if self.has_loss else self.outputs

    def gradient_keys(self) -> set[str]:
        """Attributes and keys under which gradients are kept; empty where they are only returned."""
        return set()

    def outputs_and_loss(self) -> None:
        self.outputs()
        self.loss()

    @abstractmethod
    def rebuilt(self, program: Any) -> "Subject":
        """The same network made from another version of the program's source."""

    @property
    @abstractmethod
    def has_loss(self) -> bool:
        """Whether the program has a loss function; without one `loss` cannot be called."""


def generic_values(subject: Subject, seed: int) -> list[Array]:
    """Parameters at which nothing coincides: W ~ N(0, 1/√fan), b ~ N(0, 0.5²).

    At zero biases a ReLU may stand exactly on its kink, where central differences give half a slope.
    """
    rng = np.random.default_rng([7, seed])
    drawn = []
    for value in subject.values():
        wide = max(value.shape, default=1)
        scale = 0.5 if min(value.shape, default=1) == 1 or value.ndim == 1 else 1.2 / np.sqrt(wide)
        drawn.append(rng.normal(0.0, scale, value.shape))
    return drawn


def seed_all(seed: int = 0) -> None:
    """The global generators: the user's code may draw from them."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  # the global one is meant


def seeded(call: Callable[[], Result], seed: int = 0) -> Result:
    """A call with the global generators at the same place each time, and nothing said about overflow."""
    seed_all(seed)
    try:
        with np.errstate(all="ignore"), limited(SECONDS):
            return call()
    except (TooLongError, SystemExit, GeneratorExit) as error:  # no `except Exception` would catch these
        raise EndedError(str(error)) from error


def scalar(value: Any) -> float | None:
    """A finite loss in whatever the user's function returns, or None: a number, an array of one, a pair (loss, …)."""
    if isinstance(value, tuple):  # (loss, grads) as well as (grads, loss)
        numbers_in = [part for part in value if isinstance(part, int | float | np.generic | np.ndarray)]
        return next((found for found in map(scalar, numbers_in) if found is not None), None)
    if isinstance(value, list) and value:
        return scalar(value[0])
    if isinstance(value, bool | str) or value is None:
        return None
    with suppress(TypeError, ValueError):
        numbers = np.asarray(value, dtype=float)
        if numbers.size == 1 and np.isfinite(numbers).all():
            return float(numbers.reshape(()))
    return None


def nothing() -> None:
    """What comes before a backward pass that is one with all that goes before it."""
