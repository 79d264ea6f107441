"""Mistakes in the output's δ."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from backlight.checking.catalogue.change import Change, Hypothesis, at, times_output
from backlight.checking.catalogue.slopes import slope_slips
from backlight.checking.functions import RELU, SIGMOID, TANH
from backlight.checking.reference import Pass, delta_for
from backlight.networks.activations import Array


def replaced_output(delta: Callable[[Pass], Array]) -> Change:
    return lambda terms: replace(terms, output=lambda run, inner: run.objective.alpha * delta(run))


def relabelled(targets: Callable[[Pass], Array]) -> Change:
    """∂D/∂z with other targets."""
    return lambda terms: replace(terms, output=lambda run, inner: delta_for(run, inner, targets(run)))


def rows_indexed(run: Pass) -> Array:
    """p[y] −= 1: rows number y instead of column y of each row; each row once."""
    wrong = np.zeros((run.samples, run.outputs.shape[-1]))
    wrong[run.y[run.y < run.samples]] = 1.0
    return wrong


def output_mistakes(run: Pass) -> Iterator[Hypothesis]:
    """A slope too many, the softmax' Jacobian, the labels, a slope that is missing."""
    if run.canonical or run.form.output is None:
        yield from slope_too_many(run)
    if run.form.output is None and run.objective.data == "cross-entropy":
        yield Hypothesis(
            "softmax-diagonal", "output", "−t(1 − p)", replaced_output(lambda r: -r.targets * (1 - r.outputs))
        )
        yield Hypothesis(
            "softmax-diagonal",
            "output",
            "−t/p · p(1 − p) twice",
            replaced_output(lambda r: -r.targets * (1 - r.outputs) * r.outputs),
        )
        yield Hypothesis(
            "softmax-jacobian-missing", "output", "−t/p", replaced_output(lambda r: -r.targets / r.outputs)
        )
    yield from label_mistakes(run)
    if not run.canonical:
        yield Hypothesis(
            "output-slope-missing",
            "output",
            "p − t",
            lambda terms: replace(terms, slope=at(run.depth - 1, terms.slope, lambda z, a: np.ones_like(z))),
        )
        if run.form.output is None:
            yield Hypothesis(
                "softmax-jacobian-missing", "output", "2(p − t)", replaced_output(lambda r: 2 * r.residual)
            )
            yield Hypothesis("softmax-jacobian-missing", "output", "p − t", replaced_output(lambda r: r.residual))


def slope_too_many(run: Pass) -> Iterator[Hypothesis]:
    """δ_L times some f′, where ∂D/∂z_L is p − t already or the softmax takes z_L directly."""
    last = run.depth - 1
    functions = {function.name: function for function in (*run.form.hidden, TANH, SIGMOID, RELU)}
    for name, f in functions.items():
        shown = f"{name}′(z)"
        yield Hypothesis(
            "output-slope",
            "output",
            shown,
            times_output(lambda r, f=f: f.derivative(r.z[last], f.function(r.z[last]))),
        )
        yield Hypothesis(
            "output-slope",
            "output",
            f"{name}′ of the outputs",
            times_output(lambda r, f=f: f.derivative(r.a[-1], r.a[-1])),
        )
        yield Hypothesis(
            "output-slope",
            "output",
            f"{name}′(p)",
            times_output(lambda r, f=f: f.derivative(r.a[-1], f.function(r.a[-1]))),
        )
    yield Hypothesis(
        "output-squared-error-slope", "output", "p(1 − p)", times_output(lambda r: r.a[-1] * (1 - r.a[-1]))
    )
    yield Hypothesis("output-slope", "output", "z(1 − z)", times_output(lambda r: r.z[last] * (1 - r.z[last])))
    for name, slope in slope_slips("sigmoid"):
        yield Hypothesis("output-slope", "output", name, times_output(lambda r, s=slope: s(r.z[last], r.a[-1])))


def label_mistakes(run: Pass) -> Iterator[Hypothesis]:
    """Other targets than t."""
    yield Hypothesis("labels-not-subtracted", "output", "p", relabelled(lambda r: np.zeros_like(r.targets)))
    yield Hypothesis("one-from-all", "output", "p − 1", relabelled(lambda r: np.ones_like(r.targets)))
    yield Hypothesis("output-sign", "output", "t − p", times_output(lambda r: -1.0))
    if run.outputs.shape[-1] > 1:
        yield Hypothesis("labels-index-rows", "output", "p[y] −= 1", relabelled(rows_indexed))
        for shift in (1, -1):
            yield Hypothesis(
                "labels-shifted",
                "output",
                f"class y {'+−'[shift < 0]} 1",
                relabelled(lambda r, s=shift: np.roll(r.targets, s, axis=-1)),
            )
        yield Hypothesis(
            "labels-shifted", "output", "classes in another order", relabelled(lambda r: r.targets[..., ::-1])
        )
    yield Hypothesis(
        "labels-shifted", "output", "samples in another order", relabelled(lambda r: r.targets[..., ::-1, :])
    )
    for shift in (1, -1):
        yield Hypothesis(
            "labels-shifted",
            "output",
            f"sample n {'+−'[shift < 0]} 1",
            relabelled(lambda r, s=shift: np.roll(r.targets, s, axis=-2)),
        )
