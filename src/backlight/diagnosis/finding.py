"""What a rule or a probe says: a cause, its evidence, and where it stands in the order of questions."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from backlight.notebook import shown

Severity = Literal["prevents", "slows", "note"]


class Level(IntEnum):
    """The order of questions. What is wrong on one level explains what is wrong on those after it, not the reverse."""

    NUMBERS = 1  # are all values finite?
    CONNECTION = 2  # does every parameter get a gradient, and does the optimiser change it?
    GRADIENT = 3  # is the gradient that of the loss?
    LOSS = 4  # does the loss say what it should, with the labels that belong to the samples?
    DATA = 5
    INITIALISATION = 6
    OPTIMISATION = 7
    GENERALISATION = 8


@dataclass(frozen=True)
class Evidence:
    """One number beside the bound that it passes.

    Attributes:
        statistic: what was measured, in words.
        value, bound: the number and the one that it is held against.
        passes: "above" or "below": on which side of the bound `value` lies.
        step: at which it was measured; None for what belongs to no step.
        tensor: its name in the record, such as "act/a2"; "" for what belongs to none.
        units: of that tensor.
    """

    statistic: str
    value: float
    bound: float
    passes: Literal["above", "below"]
    step: int | None = None
    tensor: str = ""
    units: tuple[int, ...] = ()


@dataclass(frozen=True)
class Finding:
    """A cause that the record speaks for.

    Attributes:
        name: of the cause, such as "dead-units"; its code and words are in `diagnosis.catalogue`.
        severity: "prevents" learning, "slows" it, or a "note".
        evidence: the numbers, the strongest first.
        layer: the layer in which it is, as the record calls it ("3", "fc1"); "" for the whole network.
    """

    name: str
    severity: Severity
    evidence: tuple[Evidence, ...]
    layer: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """What was found in a run or a model.

    Attributes:
        subject: the run's folder, or what the model is.
        findings: causes of the first level that fails, the likeliest first.
        consequences: findings of later levels, which the causes may explain.
        passed: names of the rules that looked and found nothing.
        skipped: (name of a rule, what it would have needed) of those that could not look.
    """

    subject: str
    findings: tuple[Finding, ...]
    consequences: tuple[Finding, ...]
    passed: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]

    def _repr_html_(self) -> str:
        return shown("diagnosis", self)

    @property
    def healthy(self) -> bool:
        """Whether nothing was found but notes."""
        return all(each.severity == "note" for each in self.findings + self.consequences)

    @property
    def causes(self) -> tuple[str, ...]:
        """Names of what was found, the likeliest cause first."""
        return tuple(dict.fromkeys(each.name for each in self.findings + self.consequences))
