"""How a mistake changes the backward pass: one of its terms exchanged, in one layer or in all."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from backlight.checking.reference import Pass, Terms
from backlight.networks.activations import Array

Change = Callable[[Terms], Terms]
Slope = Callable[[Array, Array], Array]  # (z, a) ↦ what somebody takes for f′(z)


@dataclass(frozen=True)
class Hypothesis:
    """A mistake at a place.

    Attributes:
        name: of the mistake.
        site: where, in words: "layer 2", "all hidden layers", "dW1".
        detail: which form of the mistake, in signs: "1 − z²", "× N".
        change: what it does to the backward pass.
    """

    name: str
    site: str
    detail: str
    change: Change

    def __str__(self) -> str:
        return " ".join(part for part in (self.name, self.site, self.detail) if part)


def in_turn(changes: tuple[Change, ...]) -> Change:
    def changed(terms: Terms) -> Terms:
        for change in changes:
            terms = change(terms)
        return terms

    return changed


def times_output(factor: Callable[[Pass], Array | float]) -> Change:
    return lambda terms: replace(terms, output=lambda run, inner: terms.output(run, inner) * factor(run))


def at(
    layers: int | tuple[int, ...], before: Callable[[Pass, int], Array], slope: Slope
) -> Callable[[Pass, int], Array]:
    """`slope` in these layers, what was there before in all others."""
    chosen = (layers,) if isinstance(layers, int) else layers
    return lambda run, l: slope(run.z[l], run.a[l + 1]) if l in chosen else before(run, l)


def replaced_slopes(layers: tuple[int, ...], slope: Slope) -> Change:
    return lambda terms: replace(terms, slope=at(layers, terms.slope, slope))


def times(term: str, factor: float, layer: int | None = None) -> Change:
    """One term (`weights`, `biases`, `through`, `penalty`) times a number, in one layer or in all."""

    def change(terms: Terms) -> Terms:
        before = getattr(terms, term)

        def after(run: Pass, l: int, *delta: Array) -> Array:
            value: Array = before(run, l, *delta)
            return value * factor if layer is None or l == layer else value

        return replace(terms, **{term: after})  # type: ignore[arg-type]  # a field by its name

    return change


def whole_weights(factor: float, layer: int | None = None) -> Change:
    """dW, data part and penalty alike, in one layer or in all."""
    return lambda terms: times("penalty", factor, layer)(times("weights", factor, layer)(terms))


def whole(factor: float) -> Change:
    """Data part and penalty alike, everywhere."""
    return lambda terms: replace(
        times_output(lambda run: factor)(terms),
        penalty=lambda run, l: factor * terms.penalty(run, l),
        bias_penalty=lambda run, l: factor * terms.bias_penalty(run, l),
    )


def on_delta(terms: Terms, term: str, layer: int, change: Callable[[Pass, Array], Array]) -> Terms:
    before = getattr(terms, term)

    def changed(run: Pass, l: int, delta: Array) -> Array:
        value: Array = before(run, l, change(run, delta) if l == layer else delta)
        return value

    return replace(terms, **{term: changed})  # type: ignore[arg-type]  # a field by its name


def through(layer: int | None, change: Callable[[Pass, int, Array], Array]) -> Change:
    def changed(terms: Terms) -> Terms:
        def after(run: Pass, l: int, delta: Array) -> Array:
            return change(run, l, delta) if layer is None or l == layer else terms.through(run, l, delta)

        return replace(terms, through=after)

    return changed
