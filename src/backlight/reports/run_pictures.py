"""The pictures that belong to a single run, drawn from its folder."""

from pathlib import Path

from backlight.figures.boundary import Panel, boundary_figure
from backlight.figures.curves import LabelledRun, curves_figure
from backlight.figures.overview import overview_figure
from backlight.figures.statistics import statistics_figure
from backlight.figures.style import save_figure
from backlight.recording.run import Run
from backlight.training.train_mlp import load_network


def draw_mlp(run: Run) -> list[Path]:
    """Curves and statistics, and the decision boundary of points in the plane."""
    network, settings = load_network(run)
    label = as_text(f"{Path(settings.data).name} {list(settings.layers)} {settings.activation} {settings.optimizer}")
    paths = draw_common(run, label)
    if settings.layers[0] == 2:
        points = run.snapshot("train_points")  # (N, 3): x1, x2, class
        steps, accuracy = run.scalar("test/accuracy")
        title = f"{label}\nheld-out accuracy {accuracy[-1]:.3f} after {steps[-1]:,} steps"
        figure = boundary_figure(
            [Panel(network.predict_proba, points[:, :2], points[:, 2].astype(int), title)], columns=1
        )
        paths.append(save_figure(figure, run.folder / "figures" / "boundary.png"))
    return paths


def draw_cnn(run: Run) -> list[Path]:
    """Curves, and statistics of inner values, gradients and parameters."""
    settings = run.settings
    label = f"{settings['data']} {settings['conv_activation']}-{settings['fc_activation']}-{settings['optimizer']}"
    return draw_common(run, label)


def draw_common(run: Run, label: str) -> list[Path]:
    folder = run.folder / "figures"
    paths = [save_figure(curves_figure([LabelledRun(label, run)], label), folder / "curves.png")]
    paths.append(save_figure(overview_figure(run, title=label), folder / "overview.png"))
    names = run.tensor_names()
    for kind, words in (("act", "activations"), ("grad", "gradients"), ("param", "parameters")):
        chosen = [name for name in names if name.startswith(f"{kind}/")]
        if not chosen:
            continue
        figure = statistics_figure(run, chosen, f"{label}: {words}", columns=min(4, len(chosen)))
        paths.append(save_figure(figure, folder / f"{words}.png"))
    return paths


def as_text(label: str) -> str:
    """A label whose dollar signs are not taken for mathematics."""
    return label.replace("$", r"\$")
