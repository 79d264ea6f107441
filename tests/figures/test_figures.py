"""That pictures hold what they should: read from the drawn objects and the pixels, not only that a file appears."""

import numpy as np
import pytest
from matplotlib.image import imread

from backlight.figures.boundary import Panel, boundary_figure, scatter_figure
from backlight.figures.curves import LabelledRun, curves_figure
from backlight.figures.overview import GAP, HEAD, HEIGHT, WIDTH, overview_figure
from backlight.figures.rates import rates_figure
from backlight.figures.shares import shares_figure
from backlight.figures.statistics import spread_figure, statistics_figure
from backlight.figures.style import save_figure
from backlight.intervals import Interval
from backlight.recording.run import Run
from backlight.recording.run_writer import RunWriter
from backlight.recording.summarise import summarise
from backlight.smoothing import running_mean


def half_plane(points):
    p = 1 / (1 + np.exp(-5 * points[:, :1]))
    return np.hstack([1 - p, p])


@pytest.fixture
def points(rng):
    X = rng.normal(size=(30, 2))
    return X, (X[:, 0] > 0).astype(int)


@pytest.fixture
def run(tmp_path, rng):
    with RunWriter(tmp_path / "run") as writer:
        for step in range(50):
            writer.scalars(step, {"train/loss": 1 / (step + 1), "train/acc": 0.5, "train/error": 0.5})
            values = rng.normal(size=100) * step
            values[0] = np.nan if step == 30 else 0
            writer.tensors(step, {"act/z1": summarise(values).packed(), "param/W1": summarise([1.0]).packed()})
        writer.scalars(50, {"validation/accuracy": 0.9})
    return Run.open(tmp_path / "run")


def test_the_boundary_runs_where_the_classes_tie(points):
    figure = boundary_figure([Panel(half_plane, *points, "half plane")], columns=1)
    (axes,) = figure.axes
    assert axes.get_title() == "half plane"
    (contour,) = (item for item in axes.collections if "Contour" in type(item).__name__)
    np.testing.assert_allclose(contour.get_paths()[0].vertices[:, 0], 0, atol=0.05)


def test_a_network_without_a_boundary_says_so(points):
    figure = boundary_figure([Panel(lambda p: np.full((len(p), 2), 0.5), *points, "dead")], columns=1)
    assert "no boundary" in figure.axes[0].texts[0].get_text()


@pytest.mark.parametrize("classes", [3, 5])
def test_more_classes(points, classes):
    X, _ = points
    figure = boundary_figure(
        [Panel(lambda p: np.eye(classes)[(p[:, 0] > 0).astype(int)], X, X[:, 0] > 0, "")], columns=1
    )
    assert figure.axes[0].images[0].get_array().shape[-1] == 3


def test_panels_that_are_left_over_are_blank(points):
    figure = boundary_figure([Panel(half_plane, *points, str(i)) for i in range(4)], columns=3)
    assert [axes.axison for axes in figure.axes] == [True] * 4 + [False] * 2


def test_running_mean():
    np.testing.assert_allclose(running_mean(np.full(200, 3.0)), 3.0)
    np.testing.assert_allclose(running_mean(np.arange(200.0))[100], 100)
    assert running_mean(np.array([1.0, 5.0])).tolist() == [1.0, 5.0]


def test_a_step_with_nan_is_marked(run):
    figure = statistics_figure(run, ["act/z1", "param/W1"])
    z1, w1 = figure.axes[:2]
    assert "NaN" in z1.get_title()
    marks = [path.vertices[:, 0].tolist() for lines in z1.collections for path in lines.get_paths()]
    assert [30, 30] in marks
    assert w1.get_title() == "W1"


def test_the_overview_hides_neither_an_extreme_nor_a_nan(run):
    """A strip per tensor, NaN as a black column; a constant tensor is a line, not nothing."""
    figure = overview_figure(run, columns=2)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts][::2] == ["act/z1", "param/W1"]
    image = axes.get_images()[0].get_array()
    z1 = image[HEAD : HEAD + HEIGHT, :WIDTH]
    black = (z1 == 0).all(axis=(0, 2))
    assert set(np.flatnonzero(black) * 50 // WIDTH) == {30}
    w1 = image[HEAD : HEAD + HEIGHT, WIDTH + GAP : 2 * WIDTH + GAP]
    assert (w1 != 1).any(axis=2).any(axis=0).all()
    assert "nothing recorded" in [text.get_text() for text in overview_figure(run, ["act/none"]).axes[0].texts]


def test_an_overview_of_a_tensor_that_was_never_finite(tmp_path):
    with RunWriter(tmp_path / "run") as writer:
        for step in range(3):
            writer.tensors(step, {"act/z1": summarise([np.nan, np.inf]).packed()})
    figure = overview_figure(Run.open(tmp_path / "run"))
    assert "never a finite value" in [text.get_text() for text in figure.axes[0].texts]


def test_every_figure_becomes_a_file(run, points, tmp_path):
    some = Interval(0.5, 0.3, 0.7, 20)
    figures = {
        "scatter": scatter_figure(*points, "points"),
        "curves": curves_figure([LabelledRun("run", run)], "curves"),
        "spread": spread_figure([LabelledRun("a", run), LabelledRun("b", run)], ["act/z1"]),
        "rates": rates_figure(["g", "h"], {"condition": [some, some]}, "rates"),
        "shares": shares_figure(["g"], np.array([0, 1, 10]), {"dead": np.array([[0, 0.5, 1]])}, "shares"),
    }
    for name, figure in figures.items():
        pixels = imread(save_figure(figure, tmp_path / "figures" / f"{name}.png"))
        assert pixels.shape[0] > 100
        assert np.ptp(pixels[..., :3]) > 0.5
    save_figure(figures["rates"], tmp_path / "rates.svg")
    assert "success rate" in (tmp_path / "rates.svg").read_text(encoding="utf-8")
