"""f(x) as somebody types it: read as a tree of a few allowed operations; nothing of it is ever executed as code."""

import ast
import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from backlight.errors import SettingsError

Values = NDArray[np.float64]
MOST_PARTS = 100
FUNCTIONS: dict[str, Callable[[Values], Values]] = {
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "tanh": np.tanh, "exp": np.exp, "log": np.log, "sqrt": np.sqrt,
    "abs": np.abs, "sign": np.sign,
}  # fmt: skip
OPERATORS: dict[type[ast.operator], Callable[[Values, Values], Values]] = {
    ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.divide, ast.Pow: np.power,
}  # fmt: skip
# Texts, and numbers that a word follows without a space: Python warns of some of them, on the terminal.
NO_FORMULA = re.compile(r"""["'\\]|[0-9.](?![eE][-+]?[0-9])[^\W0-9]""")
NAMES = {"pi": np.pi, "e": np.e}


def formula_values(text: str, x: Values) -> Values:
    """f at each of x, in float64; NaN or infinite where f is not defined.

    Raises:
        SettingsError: for what is not a formula in x.

    >>> formula_values("2*x^2 + sin(0)", np.array([0.0, 3.0]))
    array([ 0., 18.])
    """
    try:
        if NO_FORMULA.search(text):
            raise ValueError("Python would say so in a warning")
        tree = ast.parse(text.strip().replace("^", "**"), mode="eval")
        if sum(1 for _ in ast.walk(tree)) > MOST_PARTS:
            raise SettingsError("the formula is too long")
        with np.errstate(all="ignore"):
            return np.broadcast_to(value(tree.body, x), x.shape).astype(np.float64)
    except (SyntaxError, ValueError, OverflowError, RecursionError, MemoryError) as error:
        if isinstance(error, SettingsError):
            raise
        raise SettingsError(f"{text!r} cannot be read as a formula in x, such as sin(3*x)/2") from None


def value(node: ast.expr, x: Values) -> Values:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return np.asarray(number, np.float64)
        case ast.Name(id="x"):
            return x
        case ast.Name(id=name) if name in NAMES:
            return np.asarray(NAMES[name])
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -value(operand, x)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return value(operand, x)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in OPERATORS:
            return OPERATORS[type(operator)](value(left, x), value(right, x))
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in FUNCTIONS:
            return FUNCTIONS[name](value(argument, x))
    allowed = f"x, numbers, pi, e, + - * / ^ and {', '.join(FUNCTIONS)}"
    raise SettingsError(f"{ast.unparse(node)!r} is not allowed in a formula; allowed are {allowed}")
