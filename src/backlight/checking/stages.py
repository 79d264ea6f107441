"""How far the search for a network came, and what stood in its way."""

import ast
import re
from dataclasses import dataclass

from backlight.checking.program import Program


@dataclass(frozen=True)
class Stage:
    """How far the search came, for the sentence that says what is missing."""

    depth: int  # 0 nothing, 1 made, 2 forward, 3 loss, 4 backward
    message: str
    cause: BaseException | None = None


class NotFoundError(Exception):
    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.message)
        self.stage = stage


def embedded(program: Program) -> str | None:
    """A function with a training loop that makes parameters and gradients all by itself."""
    for name, function in program.functions().items():
        node = program.node_of(function)
        loops = [part for part in ast.walk(node) if isinstance(part, ast.For | ast.While)] if node else []
        for loop in loops:
            stored = {
                part.id for part in ast.walk(loop) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
            }
            if len([word for word in stored if re.fullmatch(r"(d|grad_?|delta_?)_?[wb]\d+", word, re.I)]) > 1:
                return name
    return None
