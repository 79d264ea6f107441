"""Colours and sizes that all pictures share, and how a picture becomes a file.

Colours are Okabe & Ito's (2008), told apart by colour-blind readers; classes differ in marker as well.
Pictures are `matplotlib.figure.Figure`s, not pyplot's, so none is kept alive behind the reader's back.
"""

from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Figure  # pages name it, and do not know Matplotlib

from backlight.files import write_atomically

BLUE, ORANGE, GREEN, PINK = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
YELLOW, SKY, BLACK, GREY = "#E69F00", "#56B4E9", "#000000", "#8A8A8A"
CLASS_COLOURS = (BLUE, ORANGE, GREEN, PINK, YELLOW, SKY, BLACK, GREY, "#882255", "#999933")
CLASS_MARKERS = ("o", "^", "s", "D", "v", "P", "X", "<", ">", "*")
LINE_COLOURS = (BLUE, ORANGE, GREEN, PINK, YELLOW, SKY)
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "svg.fonttype": "none",
}
DOTS_PER_INCH = 110

styled = rc_context(STYLE)  # a decorator: what the function draws has the style, what others draw does not


def new_figure(rows: int, columns: int, width: float, height: float, **layout: Any) -> tuple[Figure, list[Axes]]:
    """A figure of rows × columns axes, each width × height inches, and its axes row by row."""
    figure = Figure(figsize=(columns * width, rows * height), dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, **layout)
    return figure, list(axes.ravel())


def save_figure(figure: Figure, path: Path) -> Path:
    """Writes a PNG or, if the path says so, an SVG; never half of one."""
    buffer = BytesIO()
    figure.savefig(buffer, format=path.suffix.removeprefix(".") or "png")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, buffer.getvalue())
    return path
