"""Functions whose names say nothing: in a language that is not known, all of them."""

import re
from collections.abc import Sequence

from backlight.checking.own_code import Reference
from backlight.checking.roles import BACKWARD, FORWARD, INIT, LOSS, NEVER_A_ROLE, is_called, roles_of, size_role

ANY_NAME = r"\w+"
MOST = 12  # functions that are tried; in larger programs something has a name


def untold(references: Sequence[Reference]) -> list[Reference]:
    """Those that may be a forward pass, a loss or a backward pass, by anything but their names."""
    builds = r"_?(add|append|push|insert|register|compile|build|set)(_\w+)?"
    named = rf"__\w+__|main|demo|run|{builds}|{INIT}|{NEVER_A_ROLE}"
    return [reference for reference in references if not is_called(named, reference.name)][:MOST]


def makes_parameters(name: str, asked: Sequence[str]) -> bool:
    """By its name, or because all that it asks for is widths and a seed."""
    if re.fullmatch(r".*(adam|velocity|momentum|optim).*", name, re.IGNORECASE):
        return False
    if is_called(INIT, name):
        return True
    sized = [n for n in asked if size_role(n) is not None or {"size_list", "seed"} & set(roles_of(n)[:1])]
    return bool(sized) and sized == list(asked) and not any(is_called(p, name) for p in (FORWARD, LOSS, BACKWARD))
