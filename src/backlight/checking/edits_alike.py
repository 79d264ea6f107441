"""Edits that make a statement like one that does the same for another layer, in code without loops."""

import ast
import re
from collections.abc import Iterator

from backlight.checking.edits import Edit, Site
from backlight.checking.roles import roles_of

LAYER = re.compile(r"(?<=[A-Za-z_])\d{1,2}\b(?!\()")
NUMBERED = re.compile(r"\b(?:self\.)?[AaHhLl]0\b")


def like_another(site: Site) -> Iterator[Edit]:
    """The right-hand side as another layer's statement has it: what one of them lacks, the other may show."""
    own = site.value
    if own is None or layer_of(site) is None:
        return
    for other in alike(site):
        steps = (layer_of(site) or 0) - (layer_of_text(target(other)) or 0)
        value = ast.get_source_segment(site.source, other.value)  # type: ignore[attr-defined]  # a statement with a target
        for text in moved(site, value or "", steps):
            if text != site.text(own):
                yield site.replace(own, text)


def repeated(site: Site) -> Iterator[Edit]:
    """The statement again for the layers beside: dW2 += λ W2, and then dW1 += λ W1 as well."""
    start, end = site.span(site.statement)
    indent = site.source[site.starts[site.statement.lineno - 1] : start]
    one_line = site.statement.end_lineno == site.statement.lineno
    if indent.strip() or not one_line or site.value is None or layer_of(site) is None:
        return
    for steps in (-1, 1):
        for text in moved(site, site.text(site.statement), steps):
            yield Edit(site.file, end, end, f"\n{indent}{text}", site.statement.lineno + 1)


def alike(site: Site) -> Iterator[ast.stmt]:
    """Statements of the same function that assign the same to another layer."""
    for node in ast.walk(site.function):
        if type(node) is type(site.statement) and isinstance(node, ast.Assign | ast.AugAssign):
            own, other = target(site.statement), target(node)
            if own != other and LAYER.sub("", own) == LAYER.sub("", other):
                yield node


def target(statement: ast.stmt) -> str:
    first = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
    return "" if first is None else ast.unparse(first)


def layer_of(site: Site) -> int | None:
    return layer_of_text(target(site.statement))


def layer_of_text(text: str) -> int | None:
    """The one layer's number in a name; None where there is none, or more than one."""
    numbers = set(LAYER.findall(text))
    return int(numbers.pop()) if len(numbers) == 1 else None


def moved(site: Site, text: str, steps: int) -> Iterator[str]:
    """A text with all layers' numbers moved; the activation of layer 0 may be called the input, and the reverse."""
    if not text or steps == 0:
        return
    shifted = LAYER.sub(lambda number: str(int(number[0]) + steps), text)
    if "-" in "".join(re.findall(r"[A-Za-z_]-\d", shifted)):
        return
    yield shifted
    inputs = [name for name in site.names() if "input" in roles_of(name.split(".")[-1])[:1] and "[" not in name][:4]
    for name in inputs:
        if NUMBERED.search(shifted):
            yield NUMBERED.sub(name, shifted)
        if re.search(rf"\b{re.escape(name)}\b", text):
            hidden = [n for n in site.names() if re.fullmatch(rf"(self\.)?[AaHhLl]\w*{steps}", n)]
            yield from (re.sub(rf"\b{re.escape(name)}\b", other, shifted) for other in hidden[:4])
