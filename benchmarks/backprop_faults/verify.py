"""The truth checked by other means: correct programs against central differences, mended ones too."""

from collections.abc import Sequence

from .probe import Probe, difference
from .truth import Case

AGREES = 1e-6
POINTS = 3


def error(case: Case, text: str, act: str) -> float:
    """Largest relative difference of the gradient from central differences, at the best of three generic points.

    At an unlucky point a ReLU has its kink within the step, so that one of three is enough; no mistake is right at any.
    """
    best = float("inf")
    for seed in range(POINTS):
        probe = Probe(text, case.blueprint.driver_text(), case.blueprint.feed, case.sizes, act, seed)
        probe.move()
        first, second, numeric = probe.gradients(), probe.gradients(), probe.numeric()
        pairs = [*zip(first, numeric, strict=True), *zip(second, numeric, strict=True)]
        best = min(best, max(difference(a, b) for a, b in pairs))
        if best < AGREES:
            break
    return best


def agrees(case: Case, text: str) -> bool:
    """Whether a program's gradient is that of its loss, with every activation that it offers."""
    try:
        return all(error(case, text, act) < AGREES for act in case.blueprint.acts)
    except Exception:
        return False  # a program that does not run is not right


def wrongly_right(cases: Sequence[Case]) -> list[str]:
    """Correct cases whose gradient is not that of their loss."""
    return [case.name for case in cases if case.sort == "correct" and not agrees(case, case.text)]
