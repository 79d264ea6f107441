"""What differs between two runs: where they part, and what else; in words, and for JSON."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

MOST_NAMED = 6  # of a longer list, in words

Ranges: TypeAlias = tuple[tuple[int, int], ...]
Pairs: TypeAlias = dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Difference:
    """A field of a record and its value in either run; `where` names the histogram's cell or the unit."""

    field: str
    a: float
    b: float
    where: str = ""

    def __str__(self) -> str:
        where = f", {self.where}:" if self.where else ""
        return f"{self.field}{where} {told_apart(self.a, self.b)}"


@dataclass(frozen=True)
class Parting:
    """The first step at which a tensor, its norm or a scalar differs, and all that differs there."""

    step: int
    name: str
    differences: tuple[Difference, ...]

    def __str__(self) -> str:
        return f"at step {self.step} in {self.name} ({self.differences[0]})"


@dataclass(frozen=True)
class Unshared:
    """Steps at which only one of two runs recorded a tensor, as ranges (first, last) of those that either recorded."""

    name: str
    a: Ranges
    b: Ranges


@dataclass(frozen=True)
class Comparison:
    """What differs between two runs, `a` and `b`.

    Attributes:
        a, b: their folders.
        tolerance: see `compare`.
        compared: records that were compared: tensors at steps that both runs recorded.
        tensors: where each tensor that differs does so first, in the order in which training comes by the values.
        norm: where norms differ first; they are also known of steps at which tensors were not recorded.
        scalars: where each scalar that differs does so first, in order of step.
        settings, environment: (of a, of b) by name, where they differ; None where one of them lacks it.
        only_a, only_b: tensors that only one of them recorded.
        unshared: of the tensors that both recorded, steps at which only one of them did.
    """

    a: str
    b: str
    tolerance: float
    compared: int
    tensors: tuple[Parting, ...]
    norm: Parting | None
    scalars: tuple[Parting, ...]
    settings: Pairs
    environment: Pairs
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    unshared: tuple[Unshared, ...]

    @property
    def first(self) -> Parting | None:
        """Where the runs part: in a tensor, or in a norm that tells so at an earlier step."""
        return earliest([*self.tensors, *([self.norm] if self.norm else [])])

    def document(self) -> dict[str, Any]:
        """For JSON, which knows neither NaN nor infinity: those become words."""
        first = asdict(self.first) if self.first else None
        return {name: jsonable(value) for name, value in {"first": first, **asdict(self)}.items()}

    def lines(self) -> list[str]:
        """In words: where they part, then the rest."""
        lines = [self._headline()]
        if self.first and len(self.first.differences) > 1:
            lines.append(f"there also: {', '.join(map(str, self.first.differences[1:]))}")
        if self.tensors and self.tensors != (self.first,):
            lines.append(f"tensors that differ ({len(self.tensors)}): {some(self.tensors)}")
        if self.norm and self.norm is not self.first:
            lines.append(f"norms differ first {self.norm}")
        if self.scalars:
            lines.append(f"scalars that differ ({len(self.scalars)}): {some(self.scalars)}")
        for title, pairs in (("settings", self.settings), ("environment", self.environment)):
            lines += [f"{title}: {name} {shown(a)} and {shown(b)}" for name, (a, b) in pairs.items()]
        for folder, names in ((self.a, self.only_a), (self.b, self.only_b)):
            if names:
                lines.append(f"only {folder} recorded {some(names)}")
        return lines + self._lines_of_steps()

    def _headline(self) -> str:
        if self.first:
            return f"the runs part {self.first}"
        if not self.compared:
            return "no tensor can be compared: there is none that both runs recorded at the same step"
        within = f" by more than the tolerance of {self.tolerance:g}" if self.tolerance else ""
        return f"the runs do not part: none of {self.compared} records of tensors differs{within}"

    def _lines_of_steps(self) -> list[str]:
        """A line for all tensors of which the same steps are missing."""
        alike: dict[tuple[str, Ranges], list[str]] = {}
        for each in self.unshared:
            for folder, ranges in ((self.a, each.a), (self.b, each.b)):
                if ranges:
                    alike.setdefault((folder, ranges), []).append(each.name)
        return [
            f"only {folder} recorded {some(names)} at {some([steps_text(*each) for each in ranges])}"
            for (folder, ranges), names in alike.items()
        ]


def earliest(found: Sequence[Parting]) -> Parting | None:
    return min(found, key=lambda each: each.step, default=None)


# --- words -----------------------------------------------------------------------------------------------------------


def told_apart(a: float, b: float) -> str:
    """Both with as few digits as tell them apart; whole numbers with all.

    >>> told_apart(0.1, 0.2), told_apart(1.0, 1.0000000001), told_apart(0, 1_234_567)
    ('0.1 and 0.2', '1 and 1.0000000001', '0 and 1234567')
    """
    if isinstance(a, int) and isinstance(b, int):
        return f"{a} and {b}"
    texts = ((f"{a:.{digits}g}", f"{b:.{digits}g}") for digits in (4, 7, 11, 17))
    return " and ".join(next((pair for pair in texts if pair[0] != pair[1]), (repr(a), repr(b))))


def shown(value: Any) -> str:
    return "(not there)" if value is None else str(value)


def some(items: Sequence[object]) -> str:
    """The first few of a list, and how many more there are."""
    more = [f"{len(items) - MOST_NAMED} more"] if len(items) > MOST_NAMED else []
    return ", ".join([*map(str, items[:MOST_NAMED]), *more])


def steps_text(first: int, last: int) -> str:
    return f"step {first}" if first == last else f"steps {first} to {last}"


def jsonable(value: Any) -> Any:
    """Plain values; what JSON has no form for becomes a word."""
    if isinstance(value, dict):
        return {name: jsonable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(each) for each in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    return value if isinstance(value, float) and math.isfinite(value) else str(value)
