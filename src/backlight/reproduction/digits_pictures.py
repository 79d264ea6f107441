"""S18 as pictures, from the run folders alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from backlight.figures.curves import LabelledRun, curves_figure
from backlight.figures.statistics import spread_figure, statistics_figure
from backlight.figures.style import Figure
from backlight.recording.run import Run
from backlight.reports.gallery import Picture, save_pictures

INNER_VALUES = [f"act/{name}" for name in ("z1", "a1", "p1", "z2", "a2", "p2", "z3", "a3", "z4")]
WEIGHTS = [f"param/{layer}.weight" for layer in ("conv1", "conv2", "fc1", "fc2")]
BIASES = [f"param/{layer}.bias" for layer in ("conv1", "conv2", "fc1", "fc2")]


def draw_digits(configurations: Mapping[str, Sequence[Run]], folder: Path) -> list[Picture]:
    """Curves and statistics of each configuration's first seed, and all configurations compared."""
    figures: dict[str, tuple[Figure, str]] = {}
    for label, runs in configurations.items():
        slug = label.lower().replace(" + ", "-")
        first = LabelledRun(label, runs[0])
        figures |= {
            f"s18-curves-{slug}": (curves_figure([first], label), f"S18: {label}, seed 0: accuracy, loss, error."),
            f"s18-values-{slug}": (
                statistics_figure(runs[0], INNER_VALUES, f"{label}: inner values of the recorded batches"),
                f"S18: {label}, seed 0: distribution of z1–z4, a1–a3, p1–p2 over the steps.",
            ),
            f"s18-parameters-{slug}": (
                statistics_figure(runs[0], WEIGHTS + BIASES, f"{label}: weights and biases", columns=4),
                f"S18: {label}, seed 0: distribution of the weights and biases over the steps.",
            ),
        }
    every = [LabelledRun(label, run) for label, runs in configurations.items() for run in runs]
    first_runs = [LabelledRun(label, runs[0]) for label, runs in configurations.items()]
    seeds = len(next(iter(configurations.values())))
    figures["s18-compared-curves"] = (
        curves_figure(every, f"{seeds} seeds each"),
        f"S18: the configurations compared, {seeds} seeds each.",
    )
    figures["s18-compared-spread"] = (
        spread_figure(first_runs, INNER_VALUES + WEIGHTS, "standard deviations, seed 0"),
        "S18: how widely inner values and weights are spread, side by side.",
    )
    return save_pictures(figures, folder)
