"""What was trained and how: settings as a command that does it again, samples, machine and versions."""

import shlex
from typing import Any

from backlight.errors import RunError
from backlight.recording.run import Run
from backlight.reports.html.fragments import Table, folded, paragraph, table_html, text

TRAINED = (("train", "mlp"), ("train", "cnn"))


def settings_html(run: Run) -> str:
    words, settings = run.command, run.settings
    if words in TRAINED:
        again = f"<p>To do it again:</p><pre>{text(command_line(words, settings))}</pre>"
    else:
        again = paragraph("The loop is your own, so there is no command that does it again.")
        rows = [(name, str(value)) for name, value in settings.items()]
        again += table_html(Table(("setting", "value"), rows)) if rows else ""
    return again + facts_html(run) + environment_html(run)


def command_line(words: tuple[str, ...], settings: dict[str, Any]) -> str:
    """
    >>> command_line(("train", "mlp"), {"layers": [2, 4, 2], "output_derivative": False, "data": "a b.csv"})
    "backlight train mlp --layers 2,4,2 --data 'a b.csv'"

    What a study sweeps is repeated.

    >>> command_line(("study",), {"layers": ["2,3,2", "2,4,2"], "seeds": 100})
    'backlight study --layers 2,3,2 --layers 2,4,2 --seeds 100'
    """
    parts = ["backlight", *words]
    for name, value in settings.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            parts.append(flag)
        elif isinstance(value, list) and words == ("study",):
            parts += [word for each in value for word in (flag, str(each))]
        elif value is not False and value is not None:
            parts += [flag, ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)]
    return shlex.join(parts)


def facts_html(run: Run) -> str:
    """Samples and parameters, in a sentence each."""
    facts = run.facts()
    if facts is None:
        return paragraph("What the samples were is not known: the run has no facts.json.", "small")
    said = []
    if facts.data:
        counts = ", ".join(map(str, facts.data.train_counts))
        said.append(f"{facts.data.train_samples:,} training and {facts.data.test_samples:,} held-out samples;")
        said.append(f"of each class in training: {counts}.")
    if facts.parameters:
        shapes = ", ".join(f"{each.name} {'×'.join(map(str, each.shape))}" for each in facts.parameters)
        said.append(f"Parameters: {shapes}.")
    if facts.optimizer:
        rate = "" if facts.learning_rate is None else f", learning rate {facts.learning_rate:g}"
        said.append(f"Optimizer: {facts.optimizer}{rate}.")
    return paragraph(" ".join(said))


def environment_html(run: Run) -> str:
    try:
        rows = environment_rows(run)
    except RunError as error:
        return paragraph(str(error), "small")
    return folded("Machine and versions", table_html(Table(("name", "value"), rows)))


def environment_rows(run: Run) -> list[tuple[str, str]]:
    """Machine and versions, one below the other. Raises RunError if they cannot be read."""
    environment = run.environment
    versions = environment.pop("versions", {})
    return [(name, str(value)) for name, value in (environment | versions).items()]
