"""What there is to say of runs before any picture: what was trained and how, what is recorded, what watching cost."""

from collections.abc import Mapping
from typing import Any

from backlight.data.digits import IMAGES
from backlight.errors import RunError
from backlight.page.viewer.window import Version
from backlight.recording.comparison import shown
from backlight.recording.overview import size_on_disk, size_text, status_of
from backlight.recording.run import Run, in_order_of_training
from backlight.reports.html.cost import cost_of
from backlight.reports.html.inside import by_kind
from backlight.reports.html.settings import TRAINED, command_line, environment_rows
from backlight.reports.html.several import differing_settings, parting_words
from backlight.training.settings import MLPSettings


def about(name: str, run: Run) -> dict[str, Any]:
    """Of one run."""
    words, settings = run.command, run.settings
    return {
        "name": name,
        "command": " ".join(words),
        "status": status_of(run, run.events()),
        "step": run.last_step(),
        "again": command_line(words, settings) if words in TRAINED else "",
        "settings": {key: shown(value) for key, value in settings.items()},
        "facts": facts(run),
        "environment": environment(run),
        "groups": groups([run]),
        "points": words == ("train", "mlp") and list(settings.get("layers", []))[:1] == [2],
        "digits": words in TRAINED and settings.get("data", MLPSettings.data) in IMAGES,
        "cost": cost(run),
    }


def groups(runs: list[Run]) -> list[dict[str, Any]]:
    names = in_order_of_training(list(dict.fromkeys(name for run in runs for name in run.tensor_order())))
    return [{"title": title, "tensors": tensors} for title, tensors in by_kind(names).items()]


def facts(run: Run) -> list[tuple[str, str]]:
    """Samples, parameters and optimiser in words; what is not known is left out."""
    known = run.facts()
    if known is None:
        return []
    rows = []
    if known.data:
        counts = ", ".join(map(str, known.data.train_counts))
        rows += [
            ("training samples", f"{known.data.train_samples:,}, of each class {counts}"),
            ("held-out samples", f"{known.data.test_samples:,}"),
        ]
    if known.optimizer:
        rate = "" if known.learning_rate is None else f", learning rate {known.learning_rate:g}"
        rows.append(("optimizer", known.optimizer + rate))
    rows += [(each.name, "×".join(map(str, each.shape))) for each in known.parameters]
    return rows


def environment(run: Run) -> dict[str, str]:
    try:
        return dict(environment_rows(run))
    except RunError as error:
        return {"machine and versions": str(error)}


def cost(run: Run) -> dict[str, str]:
    rows = {"on disk": size_text(size_on_disk(run.folder)), "tensors": f"{len(run.tensor_order()):,}"}
    found = cost_of(run)
    if found is None:
        return {**rows, "time for watching": "not measured"}
    return {
        **rows,
        "recorded steps": f"{found.steps:,}",
        "watching a recorded step": f"{found.milliseconds:.3g} ms, {found.share:.1%} of its training time",
        "watching in all": f"{found.seconds:.3g} s",
    }


def differences(versions: Mapping[str, Version]) -> dict[str, Any]:
    """Of several runs: the settings that are not the same everywhere, and where each parts from the first."""
    runs = {label: version.run for label, version in versions.items()}
    first, *others = runs
    return {
        "runs": list(runs),
        "settings": differing_settings(list(runs.values())),
        "partings": [parting(first, other, runs) for other in others],
        "groups": groups(list(runs.values())),
    }


def parting(first: str, other: str, runs: Mapping[str, Run]) -> dict[str, Any]:
    headline, more = parting_words(runs[first], runs[other])
    return {"a": first, "b": other, "headline": headline, "more": more}
