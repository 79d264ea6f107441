"""What there is to say of runs before any picture: what was trained and how, what is recorded, what watching cost."""

from collections.abc import Mapping
from typing import Any

from backlight.data.digits import IMAGES
from backlight.errors import RunError
from backlight.page.viewer.window import Version
from backlight.recording.compare import compare, settings_of
from backlight.recording.comparison import shown
from backlight.recording.overview import size_on_disk, size_text, status_of
from backlight.recording.run import Run, in_order_of_training
from backlight.reports.html.inside import KINDS
from backlight.reports.html.settings import TRAINED, command_line
from backlight.training.settings import MLPSettings

MOST_LINES = 12  # of a comparison


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
    """Tensors by kind, in the order of training: activations, parameters, gradients, updates, others."""
    names = in_order_of_training(list(dict.fromkeys(name for run in runs for name in run.tensor_order())))
    found: dict[str, list[str]] = {title: [] for title in (*KINDS.values(), "Others")}
    for name in names:
        found[KINDS.get(name.split("/", 1)[0], "Others")].append(name)
    return [{"title": title, "tensors": tensors} for title, tensors in found.items() if tensors]


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
        known = run.environment
    except RunError as error:
        return {"machine and versions": str(error)}
    return {key: str(value) for key, value in {**known, **known.get("versions", {})}.items() if key != "versions"}


def cost(run: Run) -> dict[str, str]:
    """What watching cost: time beside that of the training itself, and space on disk."""
    steps, watching, training = run.costs()
    rows = {"on disk": size_text(size_on_disk(run.folder)), "tensors": f"{len(run.tensor_order()):,}"}
    if len(steps) and training.sum() > 0:
        share = watching.sum() / training.sum()
        rows["recorded steps"] = f"{len(steps):,}"
        rows["watching a recorded step"] = f"{1000 * watching.mean():.3g} ms, {share:.1%} of its training time"
        rows["watching in all"] = f"{watching.sum():.3g} s"
    else:
        rows["time for watching"] = "not measured"
    return rows


def differences(versions: Mapping[str, Version]) -> dict[str, Any]:
    """Of several runs: the settings that are not the same everywhere, and where each parts from the first."""
    runs = {label: version.run for label, version in versions.items()}
    settings = {label: settings_of(run) for label, run in runs.items()}
    first, *others = runs
    names = dict.fromkeys(name for each in settings.values() for name in each)
    differing = [
        name for name in names if any(each.get(name) != settings[first].get(name) for each in settings.values())
    ]
    return {
        "runs": list(runs),
        "settings": [[name, *(shown(each.get(name)) for each in settings.values())] for name in differing],
        "partings": [parting(first, other, runs) for other in others],
        "groups": groups(list(runs.values())),
    }


def parting(first: str, other: str, runs: Mapping[str, Run]) -> dict[str, Any]:
    try:
        lines = compare(runs[first], runs[other]).lines()
    except RunError as error:
        lines = [f"they cannot be compared: {error}"]
    headline, *more = [line for line in lines if not line.startswith("settings:")]
    left = [f"{len(more) - MOST_LINES} more"] if len(more) > MOST_LINES else []
    return {"a": first, "b": other, "headline": headline, "more": more[:MOST_LINES] + left}
