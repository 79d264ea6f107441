"""Fault operators, a family a file."""

from . import capacity, connection, gradients, inputs, labels, losses, modes, start, steps
from .operator import Operator

OPERATORS: tuple[Operator, ...] = (
    *connection.OPERATORS, *gradients.OPERATORS, *losses.OPERATORS, *labels.OPERATORS, *inputs.OPERATORS,
    *start.OPERATORS, *steps.OPERATORS, *modes.OPERATORS, *capacity.OPERATORS,
)  # fmt: skip
NAMED = {operator.name: operator for operator in OPERATORS}
