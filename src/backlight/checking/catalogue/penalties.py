"""Mistakes in the penalty."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from backlight.checking.catalogue.change import Change, Hypothesis, times
from backlight.checking.reference import Pass
from backlight.networks.activations import Array


def penalty(term: Callable[[Pass, int], Array], layer: int | None = None) -> Change:
    return lambda terms: replace(
        terms, penalty=lambda run, l: term(run, l) if layer is None or l == layer else terms.penalty(run, l)
    )


def penalty_mistakes(run: Pass) -> Iterator[Hypothesis]:
    if not any(run.objective.beta):
        for shown, c in penalty_factors(run, run.strength):
            yield Hypothesis("loss-penalty-missing", "loss", shown, penalty(lambda r, l, c=c: c * r.weights[l]))
        return
    layers: list[tuple[str, int | None]] = [("all layers", None), *((f"dW{l + 1}", l) for l in range(run.depth))]
    base = max(run.objective.beta)
    for site, layer in layers:
        yield Hypothesis("penalty-missing", site, "0", penalty(lambda r, l: 0 * r.weights[l], layer))
        yield Hypothesis("penalty-sign", site, "−λW", penalty(lambda r, l: -2 * base * r.weights[l], layer))
        for shown, c in penalty_factors(run, 2 * base):
            yield Hypothesis("penalty-scale", site, shown, penalty(lambda r, l, c=c: c * r.weights[l], layer))
        for c in {2 * base, run.strength}:
            yield Hypothesis("penalty-of-gradient", site, "λ dW", penalty_of_gradient(c, layer))
            yield Hypothesis("penalty-form", site, "λ", penalty(lambda r, l, c=c: np.full_like(r.weights[l], c), layer))
            yield Hypothesis(
                "penalty-form", site, "λ sign W", penalty(lambda r, l, c=c: c * np.sign(r.weights[l]), layer)
            )
            yield Hypothesis("penalty-form", site, "λ |W|", penalty(lambda r, l, c=c: c * np.abs(r.weights[l]), layer))
            yield Hypothesis("penalty-form", site, "λ W²", penalty(lambda r, l, c=c: c * r.weights[l] ** 2, layer))
            yield Hypothesis(
                "penalty-form", site, "(λ/2) W²", penalty(lambda r, l, c=c: c / 2 * r.weights[l] ** 2, layer)
            )
            yield Hypothesis("penalty-form", site, "λ ΣW", penalty(lambda r, l, c=c: c * total(r.weights[l]), layer))
            yield Hypothesis(
                "penalty-form", site, "(λ/2) ΣW²", penalty(lambda r, l, c=c: c / 2 * total(r.weights[l] ** 2), layer)
            )
    if not run.objective.beta_bias:
        for c in (2 * base, run.strength, base):
            yield Hypothesis("penalty-on-biases", "all layers", "λb", bias_penalty(c, None))
            for layer in range(run.depth):
                yield Hypothesis("penalty-on-biases", f"db{layer + 1}", "λb", bias_penalty(c, layer))
    if not all(run.objective.beta):
        yield Hypothesis(
            "loss-penalty-layers", "loss", "λW in every layer", penalty(lambda r, l: 2 * base * r.weights[l])
        )


def total(weights: Array) -> Array:
    whole: Array = weights.sum(axis=(-2, -1), keepdims=True)
    return whole * np.ones_like(weights)


def penalty_factors(run: Pass, right: float) -> list[tuple[str, float]]:
    N = float(run.samples)
    tried = {
        "× 2": 2 * right,
        "× ½": right / 2,
        "÷ N": right / N,
        "× N": right * N,
        "÷ 2N": right / (2 * N),
        "× 2N": right * 2 * N,
        "2 ÷ N": 2 * right / N,
        "½ N": right * N / 2,
        "λ": run.strength,
        "2λ": 2 * run.strength,
        "λ/2": run.strength / 2,
        "λ²": run.strength**2,
        "λ/N": run.strength / N,
        "without λ": 1.0,
        "2 without λ": 2.0,
        "× rate": right * run.rate,
        "1 ÷ N without λ": 1 / N,
    }
    return [(shown, c) for shown, c in tried.items() if abs(c - right) > 1e-9 * right]


def penalty_of_gradient(c: float, layer: int | None) -> Change:
    """dW += λ dW: the penalty is gone and the data's part 1 + λ times what it should be."""
    chosen = None if layer is None else layer
    return lambda terms: times("weights", 1 + c, chosen)(penalty(lambda r, l: 0 * r.weights[l], chosen)(terms))


def bias_penalty(c: float, layer: int | None) -> Change:
    return lambda terms: replace(
        terms,
        bias_penalty=lambda r, l: c * r.biases[l] if layer is None or l == layer else terms.bias_penalty(r, l),
    )
