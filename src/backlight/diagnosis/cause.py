"""A cause in words."""

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
