"""How products, transposes and sums over samples are written: layouts and habits, one place for all styles."""

import re
from dataclasses import dataclass

SIMPLE = re.compile(r"[\w.]+(\[[^\[\]]*\]|\([^()]*\))*(\.\w+(\[[^\[\]]*\]|\([^()]*\))*)*")


def atom(text: str) -> str:
    """In parentheses unless it is a name, a call or an index."""
    return text if SIMPLE.fullmatch(text) else f"({text})"


@dataclass(frozen=True)
class Dialect:
    """Attributes:
    rows: samples are rows (N, d); else columns (d, N).
    in_out: weights are (d_in, d_out); else (d_out, d_in).
    dots: "at", "np.dot", "method" or "np.matmul".
    transpose: ".T", "np.transpose" or ".transpose()".
    flat: biases are (d,), so that sums keep no axis.
    sums: "np.sum" or "method".
    """

    rows: bool = True
    in_out: bool = True
    dots: str = "at"
    transpose: str = ".T"
    flat: bool = False
    sums: str = "np.sum"

    def dot(self, a: str, b: str) -> str:
        if self.dots == "at":
            return f"{atom(a)} @ {atom(b)}"
        if self.dots == "method":
            return f"{atom(a)}.dot({b})"
        return f"{self.dots}({a}, {b})"

    def t(self, a: str) -> str:
        return f"np.transpose({a})" if self.transpose == "np.transpose" else f"{atom(a)}{self.transpose}"

    def forward(self, a: str, W: str) -> str:
        W = W if self.in_out == self.rows else self.t(W)
        return self.dot(a, W) if self.rows else self.dot(W, a)

    def weights(self, a: str, delta: str) -> str:
        """∂/∂W of a layer with input a."""
        first, second = (a, delta) if self.in_out else (delta, a)
        return self.dot(self.t(first), second) if self.rows else self.dot(first, self.t(second))

    def back(self, delta: str, W: str, transposed: bool = True) -> str:
        """∂/∂a of the layer below; not `transposed` is the slip that only square weights allow."""
        W = self.t(W) if (self.in_out == self.rows) == transposed else W
        return self.dot(delta, W) if self.rows else self.dot(W, delta)

    @property
    def samples_axis(self) -> int:
        return 0 if self.rows else 1

    def total(self, delta: str, axis: int | None = None) -> str:
        """Sum over samples, in the biases' shape."""
        keep = "" if self.flat else ", keepdims=True"
        axis = self.samples_axis if axis is None else axis
        if self.sums == "method":
            return f"{atom(delta)}.sum(axis={axis}{keep})"
        return f"np.sum({delta}, axis={axis}{keep})"

    def sample(self, array: str, which: str) -> str:
        """One sample, as a vector."""
        return f"{array}[{which}]" if self.rows else f"{array}[:, {which}]"

    def bias_of_sample(self, delta: str, which: str) -> str:
        """One sample, in the biases' shape."""
        if self.rows:
            return f"{delta}[{which}]" if self.flat else f"{delta}[{which}].reshape(1, -1)"
        return f"{delta}[:, {which}]" if self.flat else f"{delta}[:, {which}].reshape(-1, 1)"

    def outer(self, a: str, delta: str) -> str:
        return f"np.outer({a}, {delta})" if self.in_out else f"np.outer({delta}, {a})"
