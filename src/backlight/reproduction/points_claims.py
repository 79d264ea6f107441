"""C1 to C7: what the source report says of networks on make_moons, measured over seeds.

Bounds were set before the full measurement: a configuration "works" if more than 80 % of its networks
reach a held-out accuracy above 0.9, and "fails" if fewer than half of them do; "little" is 0.02 of accuracy.
That C2 and C3 compare slopes only where both networks learnt was decided after it: over all pairs ReLU's slope
is the lower one, because the networks that failed are flat.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backlight.engine.outcome import Outcome
from backlight.intervals import mean_interval, rate_interval
from backlight.reproduction.geometry import boundary_sharpness, flat_share
from backlight.reproduction.population import Condition
from backlight.reproduction.verdicts import Claim, Measurement

GRID_SIZES = ((2, 3, 2), (2, 6, 2), (2, 4, 3, 2), (2, 4, 3, 2, 2))
WIDTHS = ((2, 3, 2), (2, 6, 2), (2, 9, 2))
ACTIVATIONS = ("tanh", "sigmoid", "relu")
SUCCESS = 0.9
WORKS, FAILS, LITTLE = 0.8, 0.5, 0.02

Outcomes = Mapping[tuple[str, tuple[int, ...]], Outcome]


def grid_conditions(learning_rate: float, l2: float, passes: int) -> list[Condition]:
    """The twelve cells of the grid and tanh with 9 hidden units, all with identical training parameters."""
    cells = [(activation, sizes) for activation in ACTIVATIONS for sizes in GRID_SIZES] + [("tanh", WIDTHS[-1])]
    return [Condition(sizes, activation, learning_rate, l2, passes) for activation, sizes in cells]


def points_claims(outcomes: Outcomes, reported: Mapping[tuple[int, ...], Outcome]) -> list[Claim]:
    """The claims, from the outcomes by (activation, sizes) and ReLU's with the report's own mistakes by sizes."""
    return [
        smooth_tanh(outcomes),
        soft_sigmoid(outcomes),
        sharp_relu(outcomes),
        tanh_widths(outcomes),
        failing_relu("C5", "ReLU fails on all but [2,6,2] (correct gradients)", relu_outcomes(outcomes)),
        failing_relu("C5′", "ReLU fails on all but [2,6,2] (with the report's own mistakes)", reported),
        consistent_tanh(outcomes),
        saturated_sigmoid(outcomes),
    ]


def relu_outcomes(outcomes: Outcomes) -> dict[tuple[int, ...], Outcome]:
    return {sizes: outcomes["relu", sizes] for sizes in GRID_SIZES}


def test_accuracy(outcome: Outcome) -> NDArray[np.float64]:
    last: NDArray[np.float64] = outcome.test_accuracy[-1]
    return last


def success_rate(outcome: Outcome, words: str, above: float = -np.inf, below: float = np.inf) -> Measurement:
    interval = rate_interval(test_accuracy(outcome) > SUCCESS)
    return Measurement(f"share of {words} with held-out accuracy > {SUCCESS}", interval, above, below)


def passes_to_learn(outcome: Outcome) -> NDArray[np.float64]:
    """Passes until the training accuracy first exceeds 0.9, to within the schedule of looks; all if never."""
    reached = outcome.train_accuracy > SUCCESS
    first = np.where(reached.any(axis=0), reached.argmax(axis=0), len(outcome.looks) - 1)
    return outcome.looks[first].astype(np.float64)


def difference(
    quantity: str, values: NDArray[np.float64], baseline: NDArray[np.float64], **bounds: float
) -> Measurement:
    """Paired by seed: same points, same generator."""
    return Measurement(quantity, mean_interval(values - baseline), **bounds)


def slope_difference(words: str, outcome: Outcome, tanh: Outcome, **bounds: Any) -> Measurement:
    """Of the pairs in which both networks learnt: one that did not has a flat boundary for another reason."""
    both = (test_accuracy(outcome) > SUCCESS) & (test_accuracy(tanh) > SUCCESS)
    slopes = boundary_sharpness(outcome)[both], boundary_sharpness(tanh)[both]
    return difference(f"slope at the boundary where both learnt, {words} − tanh", *slopes, **bounds)


def smooth_tanh(outcomes: Outcomes) -> Claim:
    outcome = outcomes["tanh", (2, 3, 2)]
    return Claim(
        "C1",
        "tanh separates the moons with a smooth boundary",
        [
            success_rate(outcome, "[2,3,2] tanh", above=WORKS),
            Measurement("flat share of the plane, tanh", mean_interval(flat_share(outcome)), below=0.05),
        ],
    )


def soft_sigmoid(outcomes: Outcomes) -> Claim:
    tanh, sigmoid = outcomes["tanh", (2, 3, 2)], outcomes["sigmoid", (2, 3, 2)]
    return Claim(
        "C2",
        "sigmoid is softer, underfits and trains slower than tanh",
        [
            slope_difference("sigmoid", sigmoid, tanh, below=0.0),
            difference(
                "training accuracy, sigmoid − tanh", sigmoid.train_accuracy[-1], tanh.train_accuracy[-1], below=0.0
            ),
            difference(
                "passes to training accuracy 0.9, sigmoid − tanh",
                passes_to_learn(sigmoid),
                passes_to_learn(tanh),
                above=0.0,
            ),
        ],
    )


def sharp_relu(outcomes: Outcomes) -> Claim:
    tanh, relu = outcomes["tanh", (2, 3, 2)], outcomes["relu", (2, 3, 2)]
    return Claim(
        "C3",
        "ReLU is piecewise linear and sharper",
        [
            Measurement("flat share of the plane, ReLU", mean_interval(flat_share(relu)), above=0.9),
            slope_difference("ReLU", relu, tanh, above=0.0),
        ],
    )


def tanh_widths(outcomes: Outcomes) -> Claim:
    three, six, nine = (outcomes["tanh", sizes] for sizes in WIDTHS)
    return Claim(
        "C4",
        "tanh with 3 → 6 → 9 hidden units: underfitting, good fit, mild overfitting",
        [
            difference("training accuracy, 6 − 3 units", six.train_accuracy[-1], three.train_accuracy[-1], above=0.0),
            difference("held-out accuracy, 6 − 3 units", test_accuracy(six), test_accuracy(three), above=0.0),
            difference("held-out accuracy, 9 − 6 units", test_accuracy(nine), test_accuracy(six), below=0.0),
        ],
    )


def failing_relu(code: str, sentence: str, outcomes: Mapping[tuple[int, ...], Outcome]) -> Claim:
    bounds = {sizes: {"above": FAILS} if sizes == (2, 6, 2) else {"below": FAILS} for sizes in GRID_SIZES}
    return Claim(code, sentence, [success_rate(outcomes[s], f"{size_text(s)} ReLU", **bounds[s]) for s in GRID_SIZES])


def consistent_tanh(outcomes: Outcomes) -> Claim:
    shallow = outcomes["tanh", (2, 3, 2)]
    rates = [success_rate(outcomes["tanh", sizes], f"{size_text(sizes)} tanh", above=WORKS) for sizes in GRID_SIZES]
    changes = depth_changes(outcomes, "tanh", shallow)
    return Claim("C6", "tanh is consistent across architectures, more layers change little", [*rates, *changes])


def saturated_sigmoid(outcomes: Outcomes) -> Claim:
    shallow = outcomes["sigmoid", (2, 3, 2)]
    saturated = mean_interval(shallow.saturated_share[-1])
    return Claim(
        "C7",
        "sigmoid: marginal gains from depth, saturates near 0 and 1",
        [
            *depth_changes(outcomes, "sigmoid", shallow),
            Measurement("share of hidden activations outside [0.01, 0.99]", saturated, above=0.5),
        ],
    )


def depth_changes(outcomes: Outcomes, activation: str, shallow: Outcome) -> list[Measurement]:
    return [
        difference(
            f"held-out accuracy, {activation} {size_text(sizes)} − [2,3,2]",
            test_accuracy(outcomes[activation, sizes]),
            test_accuracy(shallow),
            above=-LITTLE,
            below=LITTLE,
        )
        for sizes in ((2, 4, 3, 2), (2, 4, 3, 2, 2))
    ]


def size_text(sizes: Sequence[int]) -> str:
    return f"[{','.join(map(str, sizes))}]"
