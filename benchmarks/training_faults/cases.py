"""The benchmark's cases: every operator at every rung on some bases of a part; and the healthy runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from .bases import BASES
from .healthy import healthy_programs
from .operators import OPERATORS
from .operators.operator import MLP, Operator
from .program import Program

Part = Literal["dev", "test"]
PARTS: tuple[Part, ...] = ("dev", "test")
FAULT_SEEDS = {"dev": 100, "test": 900}  # the first of them; healthy runs and admissions have others
HEALTHY = "healthy"


@dataclass(frozen=True)
class Case:
    """A program and what is true of it.

    Attributes:
        name: unique in the benchmark.
        sort: "healthy", or the name of the operator.
        kind: of a healthy program, such as "warm-up"; of a faulty one its rung.
        program: as it is trained.
        twin: the healthy program that a faulty one is held against; itself where it is healthy.
        accepted: causes that are right answers, the most exact first.
        layers: one of which is the right place; empty where that is no question.
    """

    name: str
    part: Part
    sort: str
    kind: str
    program: Program
    twin: Program
    accepted: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    held_out: bool = False

    @property
    def torch(self) -> bool:
        return self.program.model != "mlp"

    @property
    def planting(self) -> str:
        """What admission is decided for: the fault in its base, whatever the seed."""
        return f"{self.part}-{self.sort}-{self.kind}-{self.program.base}"


def cases(part: Part) -> list[Case]:
    """All cases of a part, always the same."""
    return [*healthy(part), *faulty(part)]


def healthy(part: Part) -> list[Case]:
    return [
        Case(f"{part}-{HEALTHY}-{kind}-{program.base}-{program.seed}", part, HEALTHY, kind, program, program)
        for kind, program in healthy_programs(part)
    ]


def faulty(part: Part) -> list[Case]:
    found: list[Case] = []
    offered = [operator for operator in OPERATORS if part == "test" or not operator.held_out]
    for number, operator in enumerate(offered):
        for place, rung in enumerate(operator.rungs):
            both = (len(operator.rungs) - 1 - place) % 2 == 0  # the worst rung, and every second
            for base in chosen_bases(part, operator, number + place, both):
                found.append(planted(part, operator, rung, replace(base, seed=FAULT_SEEDS[part] + len(found))))
    return found


def planted(part: Part, operator: Operator, rung: float, base: Program) -> Case:
    twin = operator.prepare(base)
    program = operator.change(twin, rung)
    accepted = operator.accepted + (operator.generic if operator.held_out else ())
    kind = f"{rung:g}"
    name = f"{part}-{operator.name}-{kind}-{base.base}-{base.seed}"
    layers = operator.layers(program, rung)
    return Case(name, part, operator.name, kind, program, twin, accepted, layers, operator.held_out)


def chosen_bases(part: Part, operator: Operator, turn: int, both: bool) -> list[Program]:
    """Some that take turns over operators and rungs: one of each framework where both are wanted and possible."""
    fitting = [base for base in BASES[part] if base.model in operator.models and operator.fits(base)]
    ours, theirs = ([base for base in fitting if (base.model in MLP) == own] for own in (True, False))
    if ours and theirs:
        return [ours[turn % len(ours)], *([theirs[turn % len(theirs)]] if both else [])]
    return list(dict.fromkeys(fitting[(turn + offset) % len(fitting)] for offset in range(2)))


def thinned(found: Sequence[Case], limit: int | None) -> list[Case]:
    """So many of them, evenly chosen."""
    if not limit or limit >= len(found):
        return list(found)
    step = len(found) / limit
    return [found[int(index * step)] for index in range(limit)]
