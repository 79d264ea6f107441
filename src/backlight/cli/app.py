"""The commands by their words. A new one is a function in a file of its idea, and a row here.

All these files are imported at every start, so what is heavy they import inside their functions.
"""

from collections.abc import Callable

from cyclopts import App

from backlight.cli import judging, looking, reproducing, serving, studying, training

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
}
TRAIN_COMMANDS: dict[str, Callable[..., None]] = {"mlp": training.mlp, "cnn": training.cnn}

app = App(
    name="backlight",
    help="Trains neural networks and shows what happens inside them.",
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
        owner.command(command, name=word)
