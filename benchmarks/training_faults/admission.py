"""Which planted faults hurt: faulty programs against their healthy twins over seeds that no case has.

The rule is DeepCrime's (Humbatova et al. 2021): p < 0.05 and an effect of Cohen's d ≥ 0.5. A fault may hurt the network
(its accuracy or loss on clean samples) or what the program says of it (its own test); of these questions each gets its
share of the 0.05 (Bonferroni).
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from . import numpy_trainer, torch_trainer
from .bases import BASES
from .cases import Case, Part, planted
from .operators import NAMED
from .operators.operator import Operator
from .program import Outcome, Program

FILE = Path(__file__).parent / "admission.json"
SEEDS = 10
FIRST_SEED = {"dev": 200_000, "test": 300_000}
SIGNIFICANCE, EFFECT = 0.05, 0.5
LEAST_LOSS = 1e-4
ALIKE, MOST = 1e-9, 99.0  # a spread that is rounding; an effect beyond which no figure says more


def trained(program: Program) -> Outcome:
    train = numpy_trainer.train if program.model == "mlp" else torch_trainer.train
    return train(program)


def outcomes(programs: Sequence[Program]) -> tuple[Outcome, ...]:
    return tuple(trained(program) for program in programs)


def seeded(part: Part, base: str) -> list[Program]:
    program = next(each for each in BASES[part] if each.base == base)
    return [replace(program, seed=FIRST_SEED[part] + number) for number in range(SEEDS)]


@cache
def twins(part: Part, base: str, prepare: Any) -> tuple[Outcome, ...]:
    return outcomes([prepare(program) for program in seeded(part, base)])


def decide(case: Case) -> dict[str, Any]:
    """Trains the fault and its twin with SEEDS seeds each, and says what it does."""
    operator: Operator = NAMED[case.sort]
    healthy = twins(case.part, case.program.base, operator.prepare)
    programs = [
        planted(case.part, operator, float(case.kind), base).program for base in seeded(case.part, case.program.base)
    ]
    return verdict(healthy, outcomes(programs))


def verdict(healthy: Sequence[Outcome], faulty: Sequence[Outcome]) -> dict[str, Any]:
    """The question with the greatest effect among those that are significant, or else of all."""
    answers = {name: compared(before, after) for name, (before, after) in questions(healthy, faulty).items()}
    level = SIGNIFICANCE / len(answers)
    hurts = {name: each for name, each in answers.items() if each["p"] < level and each["d"] >= EFFECT}
    name = max(hurts or answers, key=lambda each: answers[each]["d"])
    return {"admitted": bool(hurts), "by": name, **answers[name], "seeds": len(healthy)}


def questions(healthy: Sequence[Outcome], faulty: Sequence[Outcome]) -> dict[str, tuple[list[float], list[float]]]:
    """Pairs of samples (healthy, faulty) in which more is worse."""
    measures: dict[str, Callable[[Outcome], float]] = {
        "error": lambda each: 1 - each.accuracy,
        "log loss": lambda each: math.log(each.loss + LEAST_LOSS),  # of runs that diverge the loss itself is no bell
        "own error": lambda each: 1 - each.own_accuracy,
        "flattery": lambda each: each.own_accuracy - each.accuracy,
    }
    return {
        name: ([measure(each) for each in healthy], [measure(each) for each in faulty])
        for name, measure in measures.items()
    }


def compared(before: Sequence[float], after: Sequence[float]) -> dict[str, float]:
    """Welch's one-sided p and Cohen's d, positive where `after` is greater."""
    from scipy.stats import ttest_ind_from_stats

    n, means = len(before), [float(np.mean(each)) for each in (before, after)]
    deviations = [float(np.std(each, ddof=1)) for each in (before, after)]
    difference, spread = means[1] - means[0], float(np.sqrt(np.mean(np.square(deviations))))
    if spread < ALIKE:  # all runs of a side end alike
        p, effect = float(difference < ALIKE), MOST if difference > ALIKE else 0.0
    else:
        greater = {"equal_var": False, "alternative": "greater"}
        p = float(ttest_ind_from_stats(means[1], deviations[1], n, means[0], deviations[0], n, **greater).pvalue)
        effect = float(np.clip(difference / spread, -MOST, MOST))
    return {"p": p, "d": effect, "healthy": means[0], "faulty": means[1]}


def kept() -> dict[str, dict[str, Any]]:
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def admit(found: Sequence[Case]) -> None:
    """Decides what is not decided yet, the cheap ones first; each answer is written at once."""
    decided = kept()
    waiting = sorted((case for case in found if case.planting not in decided), key=lambda case: case.torch)
    for number, case in enumerate(waiting, start=1):
        decided[case.planting] = {name: rounded(value) for name, value in decide(case).items()}
        FILE.write_text(json.dumps(dict(sorted(decided.items())), indent=0) + "\n", encoding="utf-8")
        said = decided[case.planting]
        words = f"{'hurts' if said['admitted'] else 'benign'}, {said['by']}"
        change = f"{said['healthy']:.3f} → {said['faulty']:.3f}"
        print(f"{number}/{len(waiting)} {case.planting}: {words} {change}", flush=True)


def rounded(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value
