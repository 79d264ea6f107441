"""Several runs beside each other: what became of each, what sets them apart, where their records part."""

from collections.abc import Mapping, Sequence
from math import isfinite

from backlight.diagnosis.finding import Diagnosis
from backlight.errors import RunError
from backlight.recording.compare import compare, settings_of
from backlight.recording.comparison import shown
from backlight.recording.run import Run
from backlight.reports.html.fragments import Table, bullets, folded, paragraph, table_html, text
from backlight.reports.html.verdict import answer, last_accuracy, verdict_html

MOST_LINES = 12  # of a comparison


def labels(runs: Sequence[Run]) -> dict[str, Run]:
    """The runs by the shortest end of their paths that tells them apart.

    >>> from pathlib import Path
    >>> list(labels([Run(Path("/a/x")), Run(Path("/b/x"))]))
    ['a/x', 'b/x']
    """
    paths = [run.folder.resolve().parts for run in runs]
    for length in range(1, max(map(len, paths)) + 1):
        names = ["/".join(path[-length:]) for path in paths]
        if len(set(names)) == len(names):
            return dict(zip(names, runs, strict=True))
    return {f"{number}: {path[-1]}": run for number, (path, run) in enumerate(zip(paths, runs, strict=True), start=1)}


def verdicts_html(runs: Mapping[str, Run], diagnoses: Mapping[str, Diagnosis]) -> str:
    """A row a run, then each in full, folded away but for the first that failed."""
    answers = {label: answer(run, diagnoses[label]) for label, run in runs.items()}
    rows = [(label, answers[label].sentence, accuracy_text(run)) for label, run in runs.items()]
    failed = next((label for label, said in answers.items() if not said.good), "")
    each = [
        folded(f"{label} in full", verdict_html(run, diagnoses[label]), label == failed) for label, run in runs.items()
    ]
    return table_html(Table(("run", "did it learn?", "accuracy"), rows)) + "".join(each)


def accuracy_text(run: Run) -> str:
    value, name = last_accuracy(run)
    if value is None:
        return "not recorded"
    return f"{value:.1%} ({name})" if isfinite(value) else f"NaN ({name})"


def differences_html(runs: Mapping[str, Run]) -> str:
    """Settings that are not the same everywhere, and where each run parts from the first."""
    rows = differing_settings(list(runs.values()))
    same = paragraph("All settings are the same.")
    table = table_html(Table(("setting", *runs), rows)) if rows else same
    first, *others = runs.items()
    return table + "".join(parting_html(first, other) for other in others)


def differing_settings(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    """(name, what it is in each run) of the settings that are not the same everywhere."""
    settings = [settings_of(run) for run in runs]
    names = dict.fromkeys(name for each in settings for name in each)
    values = {name: [each.get(name) for each in settings] for name in names}
    return [(name, *map(shown, each)) for name, each in values.items() if any(value != each[0] for value in each)]


def parting_html(first: tuple[str, Run], other: tuple[str, Run]) -> str:
    title = f"<h3>{text(first[0])} and {text(other[0])}</h3>"
    headline, more = parting_words(first[1], other[1])
    said = headline[:1].upper() + headline[1:]
    return title + paragraph(f"{said}.") + (folded("What else differs", bullets(more)) if more else "")


def parting_words(first: Run, other: Run) -> tuple[str, list[str]]:
    """Where two runs part, and the first few other things, but for settings, in which they differ."""
    try:
        lines = compare(first, other).lines()
    except RunError as error:
        return f"they cannot be compared: {error}", []
    headline, *more = [line for line in lines if not line.startswith("settings:")]
    return headline, more[:MOST_LINES] + ([f"{len(more) - MOST_LINES} more"] if len(more) > MOST_LINES else [])
