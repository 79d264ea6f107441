"""Where values stand in a drawing: scales, their ticks, and the frame around what is drawn."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backlight.reports.html.fragments import text

Kind = Literal["linear", "log", "symlog"]
Values = NDArray[np.float64]
MOST_TICKS = 5


@dataclass(frozen=True)
class Scale:
    """Values low … high onto places start … end.

    Attributes:
        kind: linear; log, of values above 0; symlog, as logarithms beyond ± `unit` and linear around 0.
        unit: of symlog.
    """

    low: float
    high: float
    start: float
    end: float
    kind: Kind = "linear"
    unit: float = 1.0

    def __call__(self, values: ArrayLike) -> Values:
        low, high = self._bent(self.low), self._bent(self.high)
        share = (self._bent(values) - low) / (high - low)
        return self.start + share * (self.end - self.start)

    def _bent(self, values: ArrayLike) -> Values:
        given = np.asarray(values, np.float64)
        if self.kind == "log":
            logarithms: Values = np.log10(np.maximum(given, 1e-300))
            return logarithms
        if self.kind == "symlog":
            bent: Values = np.sign(given) * np.log10(1 + np.abs(given) / self.unit)
            return bent
        return given / max(abs(self.low), abs(self.high), 1e-300)  # lest a difference overflows

    def ticks(self) -> list[float]:
        if self.kind == "linear":
            return linear_ticks(self.low, self.high)
        if self.kind == "log":
            return log_ticks(self.low, self.high)
        sides = ((1.0, self.high), (-1.0, -self.low))
        found = {sign * tick for sign, end in sides if end > 2 * self.unit for tick in outer_ticks(end, self.unit)}
        return sorted(tick for tick in {0.0, *found} if self.low <= tick <= self.high)


def linear_ticks(low: float, high: float) -> list[float]:
    """Round numbers, at most MOST_TICKS + 1.

    >>> linear_ticks(0, 1), linear_ticks(0, 2000)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 500.0, 1000.0, 1500.0, 2000.0])
    """
    rough = high / MOST_TICKS - low / MOST_TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((each * power for each in (1, 2, 5, 10) if each * power >= rough * (1 - 1e-9)), 10 * power)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{number * step:.12g}") for number in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten; where there are fewer than two also 2 and 5 times them, or else round numbers.

    >>> log_ticks(0.03, 3), log_ticks(0.03, 0.3), log_ticks(0.11, 0.14)
    ([0.1, 1.0], [0.05, 0.1, 0.2], [0.11, 0.12, 0.13, 0.14])
    """
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    every = max(1, -(-(last - first + 1) // MOST_TICKS))
    powers = [10.0**power for power in range(first, last + 1, every)]
    if len(powers) > 1:
        return powers
    finer = [float(f"{n}e{power}") for power in range(first - 1, last + 1) for n in (1, 2, 5)]
    finer = [tick for tick in finer if low <= tick <= high]
    return finer if len(finer) > 1 else linear_ticks(low, high)


def outer_ticks(end: float, unit: float) -> list[float]:
    """A round number at the end of a logarithmic axis, and hundredths of it down to its beginning.

    >>> outer_ticks(6.6, 0.02), outer_ticks(0.03, 0.02)
    ([5.0, 0.05], [0.02])
    """
    power = math.floor(math.log10(end))
    top = next(float(f"{n}e{power}") for n in (5, 2, 1) if float(f"{n}e{power}") <= end)
    return [top, *(lower for lower in (top / 100, top / 10_000) if lower >= 2 * unit)]


def fitted(low: float, high: float, start: float, end: float, kind: Kind = "linear", unit: float = 1.0) -> Scale:
    """A scale over at least some range: equal or missing ends are moved apart."""
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = (0.1, 1.0) if kind == "log" else (0.0, 1.0)
    if kind == "log":
        low = max(low, 1e-300)
        low, high = (low, high) if high > low * 1.0001 else (low / 2, low * 2)
    elif not high - low > 1e-9 * max(abs(low), abs(high)):
        apart = abs(low) / 2 or 0.5
        low, high = low - apart, high + apart
    return Scale(low, high, start, end, kind, unit)


@dataclass(frozen=True)
class Frame:
    """The rectangle that is drawn in, in the units of the picture."""

    x: Scale
    y: Scale

    def drawn(self, words: str = "step") -> str:
        """Ticks with their numbers, the border, and what the horizontal axis is."""
        left, right, bottom, top = self.x.start, self.x.end, self.y.start, self.y.end
        parts = []
        for tick, place in zip(self.y.ticks(), self.y(self.y.ticks()), strict=True):
            parts.append(f'<path class="rule" d="M{left:.0f} {place:.1f}H{right:.0f}"/>')
            parts.append(f'<text x="{left - 4:.0f}" y="{place + 4:.1f}" text-anchor="end">{tick_text(tick)}</text>')
        for tick, place in zip(self.x.ticks(), self.x(self.x.ticks()), strict=True):
            parts.append(f'<text x="{place:.1f}" y="{bottom + 14:.0f}" text-anchor="middle">{tick_text(tick)}</text>')
        parts.append(f'<text x="{right:.0f}" y="{bottom + 27:.0f}" text-anchor="end">{text(words)}</text>')
        parts.append(f'<path class="frame" d="M{left:.0f} {top:.0f}V{bottom:.0f}H{right:.0f}"/>')
        return "".join(parts)


def tick_text(value: float) -> str:
    """
    >>> tick_text(0.2), tick_text(-1000.0), tick_text(1e-07)
    ('0.2', '−1,000', '1e−7')
    """
    plain = f"{value:,.4g}" if 1e-3 <= abs(value) < 1e6 or value == 0 else f"{value:.3g}"
    if "e" not in plain and abs(value) >= 1000:
        plain = f"{value:,.0f}"
    return plain.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e").replace("-", "−")


def svg(width: float, height: float, title: str, description: str, body: str) -> str:
    """A picture with its alternative in words."""
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img"><title>{text(title)}</title>'
        f"<desc>{text(description)}</desc>{body}</svg>"
    )


def path(x: Values, y: Values) -> str:
    """Straight lines through points; a NaN is a gap, and a lone point a dot."""
    pieces, pen_down = [], False
    for at, (left, top) in enumerate(zip(x.tolist(), y.tolist(), strict=True)):
        if not (math.isfinite(left) and math.isfinite(top)):
            pen_down = False
            continue
        pieces.append(f"{'L' if pen_down else 'M'}{left:.1f} {top:.1f}")
        alone = not pen_down and (at + 1 == len(y) or not math.isfinite(y[at + 1]))
        if alone:
            pieces.append("h1.5")
        pen_down = True
    return "".join(pieces)
