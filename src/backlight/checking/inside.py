"""Outputs that no function returns: a variable of the loss, seen when it ends."""

import ast
from collections.abc import Callable
from typing import Any

import numpy as np

from backlight.checking.binding import limited
from backlight.checking.frames import ends_of_functions
from backlight.checking.identify import candidate_networks
from backlight.checking.outputs import BEFORE_ACTIVATION, fits, rows
from backlight.checking.own_code import OwnCode
from backlight.checking.program import Program
from backlight.checking.repair import Lines, executed_lines
from backlight.checking.roles import roles_of
from backlight.checking.subject import nothing, seeded
from backlight.networks.activations import Array

MOST = 5  # variables that are tried
SECONDS = 1.0  # for one loss
Variable = tuple[str, str]  # of a function, by name


class InsideCode(OwnCode):
    """`inside`: the variable that is the outputs; None where a function returns them, or none was found."""

    inside: Variable | None = None

    def rebuilt(self, program: Program) -> "InsideCode":
        again = super().rebuilt(program)
        assert isinstance(again, InsideCode)
        again.inside = self.inside
        return again

    def sample_outputs(self, inputs: Any, labels: Any) -> Array | None:
        if self.inside is None:
            return super().sample_outputs(inputs, labels)
        return rows(self.variables(inputs, labels).get(self.inside), self.feed)

    def before_backward(self) -> Callable[[], Any]:
        """Where outputs are a variable of a loss that is one with the backward pass: nothing by itself."""
        if self.inside is None:
            return super().before_backward()
        return nothing if self.recipe.loss is None or self.recipe.backward_gives_loss else self.loss

    def variables(self, inputs: Any, labels: Any) -> dict[Variable, Any]:
        pool, step = self.fresh_pool(inputs, labels), self.recipe.loss or self.recipe.backward
        assert step is not None
        return variables_in(lambda: self.call(step, pool))

    def look_inside(self) -> None:
        """Takes the first variable of the loss that is a network's outputs, those before an activation last."""
        sample = self.batches()[0]
        with limited(SECONDS):
            found = seeded(lambda: self.variables(*sample))
        seen = {v for v, value in found.items() if fits(value, self.feed) and not np.array_equal(value, sample[1])}
        order = sorted(seen, key=lambda v: (bool(BEFORE_ACTIVATION.fullmatch(v[1])), "outputs" not in roles_of(v[1])))
        for variable in order[:MOST]:
            self.inside = variable
            if next(candidate_networks(self), None) is not None:
                return
        self.inside = None

    def forward_lines(self) -> Lines:
        """Lines of the loss up to the last one that sets the outputs, where they are set once and for all samples."""
        assert self.inside is not None
        function, name = self.inside
        lines = executed_lines(self.loss)
        orders = [
            (file, order)
            for file, numbers in lines.items()
            for node in ast.walk(self.program.trees[file])
            if isinstance(node, ast.FunctionDef) and node.name == function
            for number in assigned(node, name)
            if (order := numbers.get(number)) is not None
        ]
        last = max(orders, key=lambda found: found[1], default=("", -1))
        return {file: {n: o for n, o in numbers.items() if o <= last[1]} for file, numbers in lines.items()}


def assigned(function: ast.FunctionDef, name: str) -> list[int]:
    """Lines that set a variable."""
    return [
        part.lineno
        for part in ast.walk(function)
        if isinstance(part, ast.Name) and part.id == name and isinstance(part.ctx, ast.Store)
    ]


def variables_in(call: Callable[[], Any]) -> dict[Variable, Any]:
    """Arrays that functions of the program have as variables when they end."""
    found: dict[Variable, Any] = {}

    def look(function: str, variables: dict[str, Any]) -> None:
        found.update({(function, n): v.copy() for n, v in variables.items() if isinstance(v, np.ndarray)})

    with ends_of_functions(look):
        call()
    return found
