"""What each cause is called, and what it means in words that need no more than a first course in neural networks.

A code keeps its meaning for ever: new causes get new codes. `python -m backlight.diagnosis.catalogue FOLDER` writes a
page for each.
"""

import sys
from pathlib import Path

from backlight.diagnosis.cause import Cause
from backlight.diagnosis.causes import connection, data, generalisation, gradient, initialisation, optimisation
from backlight.diagnosis.finding import Level

CAUSES: dict[str, Cause] = dict(
    sorted(
        {
            **connection.NUMBERS,
            **connection.CONNECTION,
            **gradient.GRADIENT,
            **gradient.LOSS,
            **data.DATA,
            **initialisation.INITIALISATION,
            **optimisation.OPTIMISATION,
            **generalisation.GENERALISATION,
        }.items(),
        key=lambda pair: pair[1].code,
    )
)
LEVELS: dict[Level, str] = {
    Level.NUMBERS: "are all values finite?",
    Level.CONNECTION: "does every parameter get a gradient, and does the optimizer change it?",
    Level.GRADIENT: "is the gradient that of the loss?",
    Level.LOSS: "does the loss say what it should, with the right labels?",
    Level.DATA: "are the samples what a network can learn from?",
    Level.INITIALISATION: "could the network learn before its first update?",
    Level.OPTIMISATION: "do steps and gradients suit the network?",
    Level.GENERALISATION: "does what is learnt hold for other samples?",
}


def page_name(name: str) -> str:
    """The file of a cause's page, such as BL101-dead-units.md."""
    return f"{CAUSES[name].code}-{name}.md"


def page(name: str) -> str:
    """A cause's page, in Markdown."""
    cause = CAUSES[name]
    return "\n".join(
        [
            f"# {cause.code} {name}: {cause.title}",
            "",
            f"Question {cause.level.value} of {len(LEVELS)}: {LEVELS[cause.level]}",
            "",
            cause.meaning,
            "",
            "**What usually brings it about**",
            "",
            *(f"- {each}" for each in cause.likely),
            "",
            "**What to try**",
            "",
            *(f"{number}. {each}" for number, each in enumerate(cause.tries, start=1)),
            "",
            f"**What would change the verdict:** {cause.against}",
            "",
            f"**Source of the bound or the test:** {cause.source}",
            "",
            "[How a verdict is reached](../diagnosis.md)",
            "",
        ]
    )


def write_pages(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in CAUSES:
        (folder / page_name(name)).write_text(page(name), encoding="utf-8")


if __name__ == "__main__":
    write_pages(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/rules"))
