"""What is true of a program of the benchmark."""

from dataclasses import dataclass, field

from .blueprint import Blueprint


@dataclass(frozen=True)
class Mistake:
    """names: accepted ones, the operator's own first; lines: where it may rightly be located."""

    names: tuple[str, ...]
    kind: str
    lines: tuple[int, ...]
    harmful: bool
    note: str = ""


@dataclass(frozen=True)
class Case:
    """One program and the truth about it.

    Attributes:
        sort: "correct", "single", "pair" or "unknown".
        tensors: names of the first wrong tensors from the output backwards, for "unknown".
        gradient_class: "other objective", "broken chain rule", or "" where the numbers do not tell.
        blueprint, act, sizes: what it takes to run it again.
    """

    name: str
    part: str
    sort: str
    style: str
    text: str
    blueprint: Blueprint = field(repr=False)
    act: str
    sizes: tuple[int, ...]
    mistakes: tuple[Mistake, ...] = ()
    tensors: tuple[str, ...] = ()
    gradient_class: str = ""
