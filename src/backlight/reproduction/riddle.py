"""S12, the riddle: why do the source report's ReLU networks draw no boundary?

The factorial {output derivative, summed gradients, shared seed} × four architectures, at the report's nominal
step 0.01 and λ = 0.01; then what is left when all three are mended, at several steps.
"""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from backlight.engine.outcome import Outcome
from backlight.intervals import Interval, mean_interval, rate_interval
from backlight.networks.mistakes import Mistakes
from backlight.reproduction.points_claims import ACTIVATIONS, GRID_SIZES, SUCCESS, size_text
from backlight.reproduction.population import SAMPLES, Condition

REPORT_STEP, REPORT_L2 = 0.01, 0.01
# The step and the λ on the mean loss that "0.01 on summed gradients, λW beside the sum" amounts to.
EFFECTIVE_STEP, EFFECTIVE_L2 = REPORT_STEP * SAMPLES, REPORT_L2 / SAMPLES
MENDED_STEPS = (0.1, 0.5, EFFECTIVE_STEP)

FactorialOutcomes = Mapping[Condition, Outcome]


def factorial_conditions(passes: int) -> list[Condition]:
    """2³ combinations of mistakes × 4 architectures."""
    return [
        Condition(sizes, "relu", REPORT_STEP, REPORT_L2, passes, Mistakes(*present))
        for present in product((True, False), repeat=3)
        for sizes in GRID_SIZES
    ]


def mended_conditions(passes: int) -> list[Condition]:
    """All mistakes mended, λ as weak as it was in effect, at rising steps on the mean loss."""
    return [Condition(sizes, "relu", step, EFFECTIVE_L2, passes) for step in MENDED_STEPS for sizes in GRID_SIZES]


def written_conditions(passes: int) -> list[Condition]:
    """Correct gradients of the objective as the report writes it, λ = 0.01 beside the mean loss, at the step it had."""
    return [
        Condition(sizes, activation, EFFECTIVE_STEP, REPORT_L2, passes)
        for activation in ACTIVATIONS
        for sizes in GRID_SIZES
    ]


def riddle_conditions(passes: int) -> list[Condition]:
    return factorial_conditions(passes) + mended_conditions(passes) + written_conditions(passes)


def success_rates(conditions: Sequence[Condition], outcomes: FactorialOutcomes) -> list[Interval]:
    return [rate_interval(outcomes[condition].test_accuracy[-1] > SUCCESS) for condition in conditions]


def stuck(outcome: Outcome) -> NDArray[np.bool_]:
    """(S,) True where the data gradient of every parameter is exactly zero at the end."""
    last: NDArray[np.bool_] = outcome.gradient_is_zero[-1]
    return last


def frozen_logits(outcome: Outcome) -> NDArray[np.bool_]:
    """(S,) True where no sample has a positive logit at the end."""
    last: NDArray[np.bool_] = outcome.logits_nonpositive[-1]
    return last


def riddle_rows(outcomes: FactorialOutcomes, passes: int) -> list[dict[str, object]]:
    """One row per condition: success, exact zero gradients, all logits ≤ 0, median final loss of the stuck ones."""
    rows = []
    for condition in riddle_conditions(passes):
        outcome = outcomes[condition]
        lost = stuck(outcome)
        rows.append(
            {
                "network": f"{condition.activation} {size_text(condition.sizes)}",
                "mistakes": str(condition.mistakes),
                "step": condition.learning_rate,
                "λ": condition.l2,
                "success": rate_interval(outcome.test_accuracy[-1] > SUCCESS),
                "gradient exactly 0": rate_interval(lost),
                "all logits ≤ 0": rate_interval(frozen_logits(outcome)),
                "a layer dead": rate_interval(outcome.layer_is_dead[-1]),
                "loss of the stuck": float(np.median(outcome.train_loss[-1][lost])) if lost.any() else float("nan"),
            }
        )
    return rows


def mending_effects(outcomes: FactorialOutcomes, passes: int) -> list[tuple[str, str, Interval, str]]:
    """What each mending changes in the success rate: (what was mended, network, paired difference, verdict).

    Mending the sum at the nominal step also makes the step N times shorter and λ N times heavier. Whether the sum
    itself matters is seen where step and λ are kept as they were in effect.
    """
    effects = []
    for same_mending in zip(*(mendings(sizes, passes) for sizes in GRID_SIZES), strict=True):
        for words, *pair in same_mending:
            before, after = (outcomes[condition].test_accuracy[-1] > SUCCESS for condition in pair)
            change = mean_interval(after.astype(np.float64) - before)
            effects.append((words, size_text(pair[0].sizes), change, effect_verdict(change)))
    return effects


def mendings(sizes: tuple[int, ...], passes: int) -> list[tuple[str, Condition, Condition]]:
    """What is mended, and the networks before and after."""

    def reported(*present: bool) -> Condition:
        return Condition(sizes, "relu", REPORT_STEP, REPORT_L2, passes, Mistakes(*present))

    def correct(step: float) -> Condition:
        return Condition(sizes, "relu", step, EFFECTIVE_L2, passes)

    whole = reported(True, True, True)
    derivative, seed, two = reported(False, True, True), reported(True, True, False), reported(False, True, False)
    return [
        ("output derivative", whole, derivative),
        ("shared seed", whole, seed),
        ("shared seed, output derivative mended before", derivative, two),
        ("summed gradients, same step and λ in effect", two, correct(EFFECTIVE_STEP)),
        ("summed gradients at the nominal step: 200 times shorter", whole, reported(True, False, True)),
        ("all three, same step and λ in effect", whole, correct(EFFECTIVE_STEP)),
        ("all three, step 0.5", whole, correct(0.5)),
    ]


def effect_verdict(change: Interval) -> str:
    if change.low > 0:
        return "mending helps"
    return "mending harms" if change.high < 0 else f"not told from 0 at n = {change.n}"


def absorbing_facts(outcomes: FactorialOutcomes, passes: int) -> dict[str, object]:
    """The hypothesis "all logits ≤ 0 is absorbing, and the loss then goes to ln 2", counted over all networks.

    Only networks with the output derivative and the summed gradients are counted: where it is to happen.
    """
    chosen = [
        outcomes[condition]
        for condition in factorial_conditions(passes)
        if condition.mistakes.output_derivative and condition.mistakes.summed_gradients
    ]
    entered = np.concatenate([each.logits_nonpositive.any(axis=0) for each in chosen])
    left = np.concatenate([left_again(each.logits_nonpositive) for each in chosen])
    zero = np.concatenate([each.gradient_is_zero[-1] for each in chosen])
    nonpositive = np.concatenate([each.logits_nonpositive[-1] for each in chosen])
    loss = np.concatenate([each.train_loss[-1] for each in chosen])
    first_pass = np.concatenate([each.looks[each.logits_nonpositive.argmax(axis=0)] for each in chosen])[entered]
    near_ln2 = np.abs(loss - np.log(2)) < 0.01
    return {
        "networks": len(entered),
        "entered (no positive logit at some look)": int(entered.sum()),
        "left again": int((entered & left).sum()),
        "of those still in it, data gradient exactly zero": (int((nonpositive & zero).sum()), int(nonpositive.sum())),
        "of those with zero gradient, no positive logit": (int((nonpositive & zero).sum()), int(zero.sum())),
        "median pass of entry": float(np.median(first_pass)) if entered.any() else float("nan"),
        "of those in it at the end, loss within 0.01 of ln 2": (
            int((nonpositive & near_ln2).sum()),
            int(nonpositive.sum()),
        ),
        "median final loss of those": float(np.median(loss[nonpositive])) if nonpositive.any() else float("nan"),
    }


def left_again(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(S,) True where a (T, S) indicator falls back from True to False."""
    return np.asarray((inside[:-1] & ~inside[1:]).any(axis=0))
