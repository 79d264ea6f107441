"""S1, S7, S8, S11 and S12 as pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from backlight.engine.outcome import Outcome
from backlight.figures.boundary import Panel, boundary_figure, scatter_figure
from backlight.figures.rates import rates_figure
from backlight.figures.shares import shares_figure
from backlight.intervals import Interval
from backlight.networks.mistakes import REPORTED_MISTAKES
from backlight.reports.gallery import Picture, save_pictures
from backlight.reproduction.points_claims import (
    ACTIVATIONS,
    GRID_SIZES,
    SUCCESS,
    WIDTHS,
    Outcomes,
    size_text,
)
from backlight.reproduction.population import SAMPLES, Condition, moons
from backlight.reproduction.riddle import (
    EFFECTIVE_L2,
    EFFECTIVE_STEP,
    MENDED_STEPS,
    REPORT_L2,
    REPORT_STEP,
    factorial_conditions,
    success_rates,
    written_conditions,
)

SHOWN_SEED = 0  # pictures show this member of each population, chosen before looking


def panel(outcome: Outcome, words: str) -> Panel:
    """The shown seed's boundary; the title says its held-out accuracy and how often the population succeeds."""
    points, network = moons(SHOWN_SEED), outcome.network(SHOWN_SEED)
    accuracies = outcome.test_accuracy[-1]
    title = (
        f"{words}\nheld-out {accuracies[SHOWN_SEED]:.3f} · {(accuracies > SUCCESS).sum()}/{len(accuracies)} > {SUCCESS}"
    )
    return Panel(network.predict_proba, points.X, points.y, title)


def draw_points(outcomes: Outcomes, folder: Path) -> list[Picture]:
    """S1, S7, S8, S11: files and captions."""
    points, some = moons(SHOWN_SEED), next(iter(outcomes.values()))
    how = (
        f"Each panel: 200 training points, seed {SHOWN_SEED}, {some.looks[-1]:,} passes of gradient descent at "
        f"{EFFECTIVE_STEP:g} on the mean loss, λ = {EFFECTIVE_L2:g}; shading: class probability, line: 1/2. "
        f"The title: accuracy on 1,000 fresh points, and how many of {len(some)} seeds exceed 0.9."
    )

    def grid(activation: str) -> list[Panel]:
        return [panel(outcomes[activation, sizes], f"{activation} {size_text(sizes)}") for sizes in GRID_SIZES]

    activations = [panel(outcomes[a, (2, 3, 2)], f"{a} [2,3,2]") for a in ACTIVATIONS]
    widths = [panel(outcomes["tanh", sizes], f"tanh {size_text(sizes)}") for sizes in WIDTHS]
    grids = {activation: grid(activation) for activation in ("relu", "tanh", "sigmoid")}
    figures = {
        "s1-moons": (
            scatter_figure(points.X, points.y, "make_moons, 200 points, noise 0.20"),
            "S1: make_moons, 200 points, noise 0.20.",
        ),
        "s7-activations": (
            boundary_figure(activations, columns=3),
            f"S7: three hidden units, by activation. {how}",
        ),
        "s8-hidden-units": (boundary_figure(widths, columns=3), f"S8: tanh with 3, 6 and 9 hidden units. {how}"),
        "s11-grid": (
            boundary_figure([each for panels in grids.values() for each in panels], columns=4),
            f"S11: the grid, correct gradients, identical training parameters. {how}",
        ),
    }
    figures |= {
        f"s11-grid-{activation}": (
            boundary_figure(panels, columns=4),
            f"S11: {activation} on the four architectures. {how}",
        )
        for activation, panels in grids.items()
    }
    return save_pictures(figures, folder)


def draw_riddle(outcomes: Mapping[Condition, Outcome], passes: int, folder: Path) -> list[Picture]:
    """S12: the report's ReLU boundaries, success rates before and after mending, and the evidence."""
    factorial = factorial_conditions(passes)
    reported = [outcomes[condition] for condition in factorial if condition.mistakes == REPORTED_MISTAKES]
    groups = [size_text(sizes) for sizes in GRID_SIZES]
    rates, mended, written = riddle_rates(outcomes, passes)
    n = len(reported[0])
    how = f"{n} seeds each, {passes:,} passes; a success is a held-out accuracy above {SUCCESS}; 95 % Wilson intervals."
    shares = {
        "no positive logit": np.mean([each.logits_nonpositive for each in reported], axis=2),
        "data gradient exactly 0": np.mean([each.gradient_is_zero for each in reported], axis=2),
        "a hidden layer dead": np.mean([each.layer_is_dead for each in reported], axis=2),
    }
    pictures = {
        "s12-report-relu": (
            boundary_figure(
                [panel(each, f"ReLU {size_text(each.sizes)}, as reported") for each in reported], columns=4
            ),
            f"S12: ReLU with the report's three mistakes, step {REPORT_STEP} on summed gradients, λ = {REPORT_L2}.",
        ),
        "s12-factorial": (
            rates_figure(groups, rates, f"ReLU, step {REPORT_STEP}, λ = {REPORT_L2}: which mistakes are present"),
            f"S12: every combination of the three mistakes. {how}",
        ),
        "s12-absorbed": (
            shares_figure(groups, reported[0].looks, shares, "ReLU with the report's mistakes: share of networks"),
            "S12: the absorbing state. Once no sample has a positive logit, the data gradient is exactly zero.",
        ),
        "s12-mended": (
            rates_figure(groups, mended, f"ReLU, all three mended, λ = {EFFECTIVE_L2:g}"),
            f"S12: what is left after mending, by step on the mean loss. {how}",
        ),
        "s12-as-written": (
            rates_figure(
                groups, written, f"correct gradients, λ = {REPORT_L2} on the mean loss, step {EFFECTIVE_STEP:g}"
            ),
            f"S4 as written: λ = {REPORT_L2} beside the mean loss is {SAMPLES} times the penalty that the report's "
            f"summed gradients made of it. {how}",
        ),
    }
    return save_pictures(pictures, folder)


Rates: TypeAlias = dict[str, list[Interval]]


def riddle_rates(outcomes: Mapping[Condition, Outcome], passes: int) -> tuple[Rates, Rates, Rates]:
    """Success rates per architecture: of the factorial, of the mended networks by step, of the objective as written."""
    rates = {
        str(chunk[0].mistakes).replace(" + ", " +\n", 1): success_rates(chunk, outcomes)
        for chunk in chunks(factorial_conditions(passes), len(GRID_SIZES))
    }
    mended = {
        f"step {step:g}": success_rates(
            [Condition(sizes, "relu", step, EFFECTIVE_L2, passes) for sizes in GRID_SIZES], outcomes
        )
        for step in MENDED_STEPS
    }
    written = {
        chunk[0].activation: success_rates(chunk, outcomes)
        for chunk in chunks(written_conditions(passes), len(GRID_SIZES))
    }
    return rates, mended, written


def chunks(items: Sequence[Condition], size: int) -> list[Sequence[Condition]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
