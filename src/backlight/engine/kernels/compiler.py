"""How the kernels are compiled.

Division follows IEEE (a check for zero would keep a loop from becoming vector instructions), and the compiler may
reorder sums where that is said, but never assume that there is no NaN: a network that diverges has to show it.
"""

from collections.abc import Callable
from typing import Any

from numba import njit

Kernel = Callable[..., Any]
EXACT = {"contract", "arcp", "nsz"}
REORDERED = EXACT | {"reassoc"}
FINITE = EXACT | {"ninf"}
OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}
UNCOUNTED: dict[str, Any] = {**OPTIONS, "_nrt": False, "forceinline": True}


def kernel(fastmath: set[str]) -> Callable[[Kernel], Kernel]:
    return njit(fastmath=fastmath, **OPTIONS)


def leaf(fastmath: set[str]) -> Callable[[Kernel], Kernel]:
    """A kernel that makes no array and no product of BLAS; it does without counting references to its arguments.

    Each count is an atomic instruction. In a pass of [2,3,2] they cost as much as a third of the arithmetic.
    """
    return njit(fastmath=fastmath, **UNCOUNTED)


def entry(function: Kernel) -> Kernel:
    """What Python calls; the compiled code is kept on disk if there is a place to write to."""
    try:
        return njit(fastmath=EXACT, cache=True, **OPTIONS)(function)
    except RuntimeError:
        return njit(fastmath=EXACT, **OPTIONS)(function)
