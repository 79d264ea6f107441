"""The commands by their words. A new one is a function in a file of its idea, and a row here.

All these files are imported at every start, so what is heavy they import inside their functions.
"""

from collections.abc import Callable, Sequence

from cyclopts import App

from backlight.cli import completing, judging, looking, reproducing, serving, studying, training
from backlight.cli.examples import examples

COMMANDS: dict[str, Callable[..., None]] = {
    "demo": reproducing.demo,
    "reproduce": reproducing.reproduce,
    "study": studying.study,
    "check": judging.check,
    "diagnose": judging.diagnose,
    "treat": judging.treat,
    "runs": looking.runs,
    "compare": looking.compare,
    "export": looking.export,
    "report": looking.report,
    "page": serving.page,
    "completion": completing.completion,
}
TRAIN_COMMANDS: dict[str, Callable[..., None]] = {"mlp": training.mlp, "cnn": training.cnn}


def as_block(lines: Sequence[str]) -> str:
    """In Markdown, which keeps each on a line of its own."""
    return "\n".join(["Examples:", "", "```", *lines, "```"])


app = App(
    name="backlight",
    help="Trains neural networks and shows what happens inside them.",
    help_epilogue="`backlight COMMAND --help` has examples; with `backlight completion` the shell completes them.",
    suppress_keyboard_interrupt=False,  # `main` says that it was interrupted
)
train_app = App(
    name="train",
    help="Train one network and record everything into a run folder.",
    suppress_keyboard_interrupt=False,
)
app.command(train_app)
for owner, commands in ((app, COMMANDS), (train_app, TRAIN_COMMANDS)):
    for word, command in commands.items():
        owner.command(command, name=word, help_epilogue=as_block(examples(command)))
