"""What a mistake does to training: the textbook's network trained with it and without it, many seeds at once."""

import itertools
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from backlight.checking.catalogue.change import Hypothesis
from backlight.checking.functions import ELEMENTWISE
from backlight.checking.mistakes import hypotheses
from backlight.checking.reference import CORRECT, Form, Objective, Parameters, Pass, Terms, backward
from backlight.checking.verdict import Effect, Severity
from backlight.networks.activations import Array
from backlight.networks.losses import Labels

SEEDS, PASSES, RATE, LEARNT = 30, 400, 0.5, 0.9
WIDTH = 6


def effect_of(run: Pass, mistake: Hypothesis, usual: Severity) -> tuple[Effect, Severity]:
    """Training on two half-moons with the mistake and without it, and how severe that makes it.

    A mistake that only rescales stays one: another step size undoes it.
    """
    X, y = moons()
    initial = initial_parameters(run, X.shape[1])
    reached = [trained(run, terms, initial, X, y) for terms in (mistake.change(CORRECT), CORRECT)]
    learnt = [int((each > LEARNT).sum()) for each in reached]
    accuracy = [float(each.mean()) for each in reached]
    widths = [X.shape[1], *(WIDTH for _ in run.form.hidden), outputs_of(run)]
    task = (
        f"{len(X)} points on two half-moons, {widths}, {', '.join(f.name for f in run.form.hidden)}, "
        f"{PASSES} passes, step {RATE}; learnt: accuracy above {LEARNT}"
    )
    effect = Effect(task, SEEDS, learnt[0], learnt[1], accuracy[0], accuracy[1])
    return effect, severity_of(effect, usual)


def worst_effect(
    run: Pass, mistake: Hypothesis, usual: Severity, activations: Iterable[str]
) -> tuple[Effect, Severity]:
    """With the activation that the mistake harms most, where it is one of the outputs' slope."""
    found = [effect_of(run, mistake, usual)]
    for name in activations if mistake.name == "output-slope" else ():
        other = with_activation(run, mistake, name)
        if other is not None:
            found.append(effect_of(*other, usual))
    return min(found, key=lambda pair: pair[0].accuracy_before)


def with_activation(run: Pass, mistake: Hypothesis, name: str) -> tuple[Pass, Hypothesis] | None:
    """The same mistake in the same network with another function in every hidden layer; None where there is none."""
    found = next((function for function in ELEMENTWISE if function.name == name), None)
    if found is None or not run.form.hidden:
        return None
    other = replace(run, form=Form((found,) * len(run.form.hidden), run.form.output))
    detail = mistake.detail.replace(run.form.hidden[0].name, name)
    for hypothesis in hypotheses(other):
        if (hypothesis.name, hypothesis.site, hypothesis.detail) == (mistake.name, mistake.site, detail):
            return other, hypothesis
    return None


def severity_of(effect: Effect, usual: Severity) -> Severity:
    if usual == "rescales":
        return usual
    lost = effect.learnt_after - effect.learnt_before
    return "prevents" if lost > 0.5 * effect.seeds else "slows"


def outputs_of(run: Pass) -> int:
    """Two classes need two outputs, or one."""
    return min(int(run.weights[-1].shape[-1]), 2)


def moons(samples: int = 60) -> tuple[Array, Labels]:
    """Two half-moons, one in the other."""
    rng = np.random.default_rng(3)
    y = np.arange(samples) % 2
    angle = np.pi * rng.random(samples)
    flip = np.where(y == 0, 1.0, -1.0)
    X = np.stack([flip * np.cos(angle) + y, flip * np.sin(angle) + 0.5 * y], axis=-1)
    return X + rng.normal(0.0, 0.15, X.shape), y


def initial_parameters(run: Pass, inputs: int) -> Parameters:
    """(seeds, d_in, d_out) from N(0, 1/√fan_in), zero biases."""
    rng = np.random.default_rng(17)
    widths = [inputs, *(WIDTH for _ in run.form.hidden), outputs_of(run)]
    pairs = list(itertools.pairwise(widths))
    W = [rng.normal(0.0, 1.0 / np.sqrt(d_in), (SEEDS, d_in, d_out)) for d_in, d_out in pairs]
    return W, [np.zeros((SEEDS, 1, d_out)) for _, d_out in pairs]


def trained(run: Pass, terms: Terms, initial: Parameters, X: Array, y: Labels) -> Array:
    """Training accuracy of each seed after gradient descent on the mean objective."""
    W, b = [w.copy() for w in initial[0]], [v.copy() for v in initial[1]]
    objective = mean_of(run.objective, len(X))
    form: Form = run.form
    with np.errstate(all="ignore"):
        for _ in range(PASSES):
            dW, db = backward(replace_pass(run, form, objective, X, y, W, b), terms)
            W = [w - RATE * g for w, g in zip(W, dW, strict=True)]
            b = [v - RATE * g for v, g in zip(b, db, strict=True)]
        outputs = replace_pass(run, form, objective, X, y, W, b).outputs
    guess = outputs[..., 0] > 0.5 if outputs.shape[-1] == 1 else outputs.argmax(axis=-1)
    right: Array = (guess == y).mean(axis=-1)
    return np.where(np.isfinite(outputs).all(axis=(-2, -1)), right, 1.0 / max(outputs.shape[-1], 2))


def mean_of(objective: Objective, samples: int) -> Objective:
    return replace(
        objective, alpha=1.0 / samples, beta=tuple(min(beta, 0.001) for beta in objective.beta), beta_bias=0.0
    )


def replace_pass(
    run: Pass, form: Form, objective: Objective, X: Array, y: Labels, W: list[Array], b: list[Array]
) -> Pass:
    return Pass(form, objective, X, y, W, b, rate=run.rate, strength=run.strength)
