"""Decision boundaries in the plane: class probabilities as shading, P = 1/2 as a line, the data on top."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from backlight.figures.style import BLUE, CLASS_COLOURS, CLASS_MARKERS, ORANGE, new_figure, styled

Points = NDArray[np.float64]

TWO_CLASSES = LinearSegmentedColormap.from_list("two classes", [BLUE, "#FFFFFF", ORANGE])
GRID = 200


@dataclass(frozen=True)
class Panel:
    """One boundary: a function from points (M, 2) to probabilities (M, K), data X (N, 2), y (N,), and a title."""

    predict_proba: Callable[[Points], NDArray[np.float64]]
    X: Points
    y: NDArray[np.int64]
    title: str


@styled
def boundary_figure(panels: Sequence[Panel], columns: int, title: str = "") -> Figure:
    """All panels on the same axes, row by row, `columns` a row."""
    rows = -(-len(panels) // columns)
    scale = 1.0 if len(panels) > 1 else 1.6
    figure, axes = new_figure(rows, columns, width=2.7 * scale, height=2.45 * scale, sharex=True, sharey=True)
    for axis, panel in zip(axes, panels, strict=False):
        draw_boundary(axis, panel)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def draw_boundary(axes: Axes, panel: Panel) -> None:
    (left, bottom), (right, top) = panel.X.min(axis=0) - 0.5, panel.X.max(axis=0) + 0.5
    x, y = np.linspace(left, right, GRID), np.linspace(bottom, top, GRID)
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    probabilities = panel.predict_proba(points).reshape(GRID, GRID, -1)
    classes = probabilities.shape[-1]
    extent = (left, right, bottom, top)
    if classes == 2:
        shading = probabilities[..., 1]
        axes.imshow(shading, extent=extent, origin="lower", cmap=TWO_CLASSES, vmin=0, vmax=1, alpha=0.75, aspect="auto")
        if shading.min() < 0.5 < shading.max():
            axes.contour(x, y, shading, levels=[0.5], colors="black", linewidths=1.2)
        else:
            ends = sorted({f"{shading.min():.3f}", f"{shading.max():.3f}"})
            words = f"no boundary: P(class 1) is\n{' … '.join(ends)} everywhere"
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.8}
            axes.text(0.5, 0.97, words, transform=axes.transAxes, ha="center", va="top", fontsize=8, bbox=box, zorder=5)
    else:
        axes.imshow(mixed_colours(probabilities), extent=extent, origin="lower", aspect="auto")
        for number in range(classes):  # where a class overtakes all others
            others = np.delete(probabilities, number, axis=-1).max(axis=-1)
            lead = probabilities[..., number] - others
            if lead.min() < 0 < lead.max():
                axes.contour(x, y, lead, levels=[0], colors="black", linewidths=0.8)
    draw_points(axes, panel.X, panel.y, size=9)
    axes.set_title(panel.title)
    axes.grid(False)
    axes.set_xticks([])
    axes.set_yticks([])


def draw_points(axes: Axes, X: Points, y: NDArray[np.int64], size: float) -> None:
    for number in np.unique(y):
        chosen = X[y == number]
        colour, marker = CLASS_COLOURS[number % 10], CLASS_MARKERS[number % 10]
        words = f"class {number}"
        x1, x2 = chosen[:, 0], chosen[:, 1]
        axes.scatter(x1, x2, s=size, color=colour, marker=marker, edgecolors="white", linewidths=0.3, label=words)


def mixed_colours(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """(…, K) probabilities as the mixture of the class colours, lightened towards white: (…, 3)."""
    colours: NDArray[np.float64] = np.array(
        [to_rgb(CLASS_COLOURS[number % 10]) for number in range(probabilities.shape[-1])]
    )
    return 0.4 + 0.6 * (probabilities @ colours)


@styled
def scatter_figure(X: Points, y: NDArray[np.int64], title: str) -> Figure:
    """The data alone."""
    figure, (axes,) = new_figure(1, 1, width=4.5, height=3.4)
    draw_points(axes, X, y, size=16)
    axes.set(title=title, xlabel="$x_1$", ylabel="$x_2$")
    axes.legend()
    return figure
