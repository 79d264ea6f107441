"""Mistakes with a number in them that may be anything: a factor, a penalty's strength, a step size."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from backlight.checking.catalogue.chain import updated_first
from backlight.checking.catalogue.change import (
    Change,
    Hypothesis,
    replaced_slopes,
    times,
    times_output,
    whole,
    whole_weights,
)
from backlight.checking.catalogue.penalties import bias_penalty, penalty, penalty_of_gradient, total
from backlight.checking.functions import is_rectifier
from backlight.checking.reference import Pass
from backlight.networks.activations import Array


@dataclass(frozen=True)
class Open:
    """A mistake whose number is to be found: every gradient that it reaches first is a linear function of it.

    Attributes:
        site: as of a hypothesis.
        change: the mistake with a number.
        called: its name and its detail with a number.
    """

    site: str
    change: Callable[[float], Change]
    called: Callable[[float], tuple[str, str]]

    def closed(self, number: float) -> Hypothesis:
        name, detail = self.called(number)
        return Hypothesis(name, self.site, detail, self.change(number))


def open_mistakes(run: Pass) -> Iterator[Open]:
    yield from open_factors(run)
    yield from open_penalties(run)
    yield from open_slopes(run)
    if run.depth > 1:
        for layer, site in [(None, "every layer"), *((l, f"δ of layer {l}") for l in range(1, run.depth))]:
            yield Open(
                site,
                lambda c, l=layer: updated_first(l, c),
                lambda c: ("weights-updated-first", f"W − {c:.4g} dW"),
            )
            yield Open(
                site,
                lambda c, l=layer: updated_first(l, c, one_by_one=True),
                lambda c: ("weights-updated-first", f"W − {c:.4g} dW, sample by sample"),
            )


def open_factors(run: Pass) -> Iterator[Open]:
    N = float(run.samples)

    def called(c: float) -> tuple[str, str]:
        if math.isclose(c, N) or math.isclose(c, 1 / N):
            return ("summed-gradients", "× N") if c > 1 else ("averaged-twice", "÷ N")
        return ("wrong-sign" if c < 0 else "constant-factor"), f"× {c:.6g}"

    def every(c: float) -> tuple[str, str]:
        return ("output-sign", f"× {c:.6g}") if c < 0 else called(c)

    def missing(name: str) -> Callable[[float], tuple[str, str]]:
        return lambda c: (name, "0") if abs(c) < 1e-9 else called(c)

    yield Open("every gradient", whole, every)
    yield Open("data part", lambda c: times_output(lambda r: c), every)
    yield Open("all dW", lambda c: times("weights", c), missing("weights-missing"))
    yield Open("all db", lambda c: times("biases", c), missing("bias-missing"))
    for layer in (None, *range(run.depth)) if any(run.objective.beta) else ():
        site = "all dW" if layer is None else f"dW{layer + 1}"
        yield Open(f"{site} with its penalty", lambda c, l=layer: whole_weights(c, l), missing("weights-missing"))
    for l in range(run.depth):
        yield Open(f"dW{l + 1}", lambda c, l=l: times("weights", c, l), missing("weights-missing"))
        yield Open(f"db{l + 1}", lambda c, l=l: times("biases", c, l), missing("bias-missing"))
        if l:
            yield Open(f"δ of layer {l}", lambda c, l=l: times("through", c, l), missing("gradient-cut"))
    if run.depth > 2:
        yield Open("δ of every hidden layer", lambda c: times("through", c), missing("gradient-cut"))


FORMS: dict[str, Callable[[Array], Array]] = {
    "": np.ones_like,
    " sign W": np.sign,
    " |W|": np.abs,
    " W²": np.square,
    " W³": lambda W: W**3,
    " W |W|": lambda W: W * np.abs(W),
    " ΣW": total,
    " mean W": lambda W: total(W) / (W.shape[-2] * W.shape[-1]),
    " ΣW²": lambda W: total(W * W),
    " ‖W‖": lambda W: np.sqrt(total(W * W)),
    " W/‖W‖": lambda W: W / np.sqrt(total(W * W)),
}


def open_penalties(run: Pass) -> Iterator[Open]:
    layers = [("all layers", None), *((f"dW{l + 1}", l) for l in range(run.depth))]
    penalised = any(run.objective.beta)

    def scale(c: float) -> tuple[str, str]:
        if not penalised:
            return "loss-penalty-missing", f"{c:.4g} W"
        name = "penalty-missing" if abs(c) < 1e-12 else "penalty-sign" if c < 0 else "penalty-scale"
        return name, f"{c:.4g} W"

    def on_biases(c: float) -> tuple[str, str]:
        return (scale(c)[0] if run.objective.beta_bias else "penalty-on-biases"), f"{c:.4g} b"

    for site, layer in layers:
        yield Open(site, lambda c, l=layer: penalty(lambda r, i: c * r.weights[i], l), scale)
    for site, layer in [("all layers", None), *((f"db{l + 1}", l) for l in range(run.depth))]:
        yield Open(site, lambda c, l=layer: bias_penalty(c, l), on_biases)
    for site, layer in layers if penalised else []:
        yield Open(
            site,
            lambda c, l=layer: penalty_of_gradient(c, l),
            lambda c: ("penalty-of-gradient", f"{c:.4g} dW"),
        )
        for shown, form in FORMS.items():
            yield Open(
                site,
                lambda c, l=layer, f=form: penalty(lambda r, i: c * f(r.weights[i]), l),
                lambda c, s=shown: ("penalty-form", f"{c:.4g}{s}"),
            )


def open_slopes(run: Pass) -> Iterator[Open]:
    """A rectifier's slope below zero, and above it."""
    rectified = tuple(l for l, f in enumerate(run.form.hidden) if is_rectifier(f))
    for chosen in dict.fromkeys([rectified, *((l,) for l in rectified)]):
        if not chosen:
            continue
        site = "layers " + ", ".join(str(l + 1) for l in chosen)
        yield Open(
            site,
            lambda c, l=chosen: replaced_slopes(l, lambda z, a: np.where(z > 0, 1.0, c)),
            lambda c: ("relu-slope", f"{c:.4g} below 0"),
        )
