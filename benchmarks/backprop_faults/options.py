"""Choices that a program is made from; the two parts choose from different ways of writing."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from .dialect import Dialect

T = TypeVar("T")
PARTS = ("dev", "test")


@dataclass(frozen=True)
class Chooser:
    """A seeded choice; `by_part` keeps what the parts may choose from apart."""

    part: str
    random: random.Random

    def any(self, choices: Sequence[T]) -> T:
        return self.random.choice(choices)

    def by_part(self, dev: Sequence[T], test: Sequence[T]) -> T:
        return self.random.choice(dev if self.part == "dev" else test)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def dialect(self, rows: bool, in_out: bool, flat: bool) -> Dialect:
        return Dialect(
            rows,
            in_out,
            self.by_part(("at", "np.dot"), ("at", "method", "np.dot", "np.matmul")),
            self.by_part((".T",), (".T", ".T", "np.transpose", ".transpose()")),
            flat,
            self.by_part(("np.sum",), ("np.sum", "method")),
        )

    def delta_form(self) -> str:
        return self.by_part(("product", "two"), ("product", "in place", "multiply", "slope first"))


def activation(z: str, kind: str) -> str:
    return {"tanh": f"np.tanh({z})", "sigmoid": f"1 / (1 + np.exp(-{z}))", "relu": f"np.maximum(0, {z})"}[kind]


def derivative(v: str, kind: str, of: str, form: int) -> str:
    """f′ as an expression of z or of a, in one of several ways of writing it."""
    if of == "a":
        ways = {
            "tanh": (f"1 - {v} ** 2", f"(1 - {v}) * (1 + {v})", f"1.0 - {v} * {v}"),
            "sigmoid": (f"{v} * (1 - {v})", f"{v} - {v} ** 2"),
            "relu": (f"({v} > 0).astype(float)", f"np.where({v} > 0, 1.0, 0.0)", f"1.0 * ({v} > 0)"),
        }
    else:
        s = f"(1 / (1 + np.exp(-{v})))"
        ways = {
            "tanh": (f"1 - np.tanh({v}) ** 2", f"1.0 - np.square(np.tanh({v}))", f"1 / np.cosh({v}) ** 2"),
            "sigmoid": (f"{s} * (1 - {s})", f"np.exp(-{v}) / (1 + np.exp(-{v})) ** 2"),
            "relu": (f"({v} > 0).astype(float)", f"np.where({v} > 0, 1.0, 0.0)", f"np.heaviside({v}, 0.0)"),
        }
    return ways[kind][form % len(ways[kind])]
