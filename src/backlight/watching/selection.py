"""Which tensors are recorded, by patterns of their names."""

from collections.abc import Sequence
from fnmatch import fnmatchcase


class Selection:
    """Names that match one of the patterns `include` and none of `exclude`, as a shell matches file names.

    >>> wanted = Selection(["grad/*", "act/conv?"], "*.bias")
    >>> wanted("grad/fc1.weight"), wanted("grad/fc1.bias"), wanted("act/conv1"), wanted("param/fc1.weight")
    (True, False, True, False)
    """

    def __init__(self, include: str | Sequence[str] = "*", exclude: str | Sequence[str] = ()):
        self.include: tuple[str, ...] = as_patterns(include)
        self.exclude: tuple[str, ...] = as_patterns(exclude)
        self._known: dict[str, bool] = {}

    def __call__(self, name: str) -> bool:
        if name not in self._known:
            chosen = any(fnmatchcase(name, pattern) for pattern in self.include)
            self._known[name] = chosen and not any(fnmatchcase(name, pattern) for pattern in self.exclude)
        return self._known[name]


def as_patterns(patterns: str | Sequence[str]) -> tuple[str, ...]:
    return (patterns,) if isinstance(patterns, str) else tuple(patterns)
