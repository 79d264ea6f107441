"""Examples of a command, as its docstring has them. The parser shows all sections of a docstring but this one."""

from collections.abc import Callable
from inspect import getdoc


def examples(command: Callable[..., None]) -> list[str]:
    """The lines of the section "Examples:", which is the last one."""
    section = (getdoc(command) or "").partition("Examples:\n")[2]
    return [line.strip() for line in section.splitlines() if line.strip()]
