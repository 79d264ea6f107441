"""What each cause is called, and what it means in words that need no more than a first course in neural networks.

A code keeps its meaning for ever: new causes get new codes.
"""

from dataclasses import dataclass

from backlight.diagnosis.finding import Level


@dataclass(frozen=True)
class Cause:
    """A cause in words.

    Attributes:
        code: stable and unique, BL101 … BL199.
        level: of the question that it answers.
        title: in a line, without a full stop.
        meaning: what happens in the network, and what it does to training.
        likely: what usually brings it about.
        tries: what to change, the likeliest cure first; a setting is named as `backlight train` names it.
        against: what would change the verdict.
        source: of the bound or of the test.
    """

    code: str
    level: Level
    title: str
    meaning: str
    likely: tuple[str, ...]
    tries: tuple[str, ...]
    against: str
    source: str


CAUSES: dict[str, Cause] = {
    "dead-units": Cause("BL101", Level.OPTIMISATION, "units have died during training",
        "A ReLU unit whose z is negative for every sample gives 0 and passes no gradient: it can never come back. What "
        "it had learnt is lost, and a layer in which all units are dead stops everything before it.",
        ("a step so large that it threw the unit's bias or weights far to the negative side",),
        ("a smaller learning_rate", "leaky_relu, whose slope is nowhere 0"),
        "a sample for which the unit fires: the record looks at those of the training data only",
        "Lu et al. 2019, Dying ReLU and Initialization, section 3"),
}  # fmt: skip
