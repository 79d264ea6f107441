"""Program texts with «slots»: rendered to lines, each of which knows the slots that it came from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

SLOT = re.compile(r"«([^«»]+)»")


@dataclass(frozen=True)
class Rendered:
    """A program's lines and, beside each, the names of the slots that it contains."""

    lines: tuple[str, ...]
    slots: tuple[frozenset[str], ...]

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    def lines_of(self, slot: str) -> set[int]:
        """Line numbers, from 1, on which the slot's text stands."""
        return {number for number, names in enumerate(self.slots, 1) if slot in names}


def render(template: str, slots: Mapping[str, str]) -> Rendered:
    """Slots may contain slots and several lines; a line of its own that becomes empty is left out."""
    rows = [row for line in template.strip("\n").split("\n") for row in expand(line, slots, frozenset())]
    return Rendered(tuple(text.rstrip() for text, _ in rows), tuple(names for _, names in rows))


def expand(line: str, slots: Mapping[str, str], names: frozenset[str]) -> list[tuple[str, frozenset[str]]]:
    found = SLOT.search(line)
    if found is None:
        return [(line, names)]
    value = slots[found[1]]
    whole = line[: found.start()] + value + line[found.end() :]
    if not whole.strip():
        return []
    indent = " " * (len(line) - len(line.lstrip()))
    first, *others = whole.split("\n")
    pieces = [first, *(indent + other if other else other for other in others)]
    return [row for piece in pieces for row in expand(piece, slots, names | {found[1]})]


def changed_lines(before: Rendered, after: Rendered) -> set[int]:
    """Lines of `after` that are not in `before`; where lines were only taken out, those around the gap."""
    found: set[int] = set()
    matcher = SequenceMatcher(None, before.lines, after.lines, autojunk=False)
    for what, _, _, low, high in matcher.get_opcodes():
        if what == "equal":
            continue
        found |= set(range(low + 1, high + 1)) if high > low else {low, low + 1}
    return {line for line in found if 1 <= line <= len(after.lines)}
