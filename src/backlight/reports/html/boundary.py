"""The decision boundary of points in the plane, at several steps of the training, under the training points.

A run folder holds the last weights alone. The steps before are trained once more, from the settings; if that does not
end at the same weights to the bit (another machine, an exchanged gradient, other data), the last step alone is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backlight.errors import BacklightError
from backlight.networks.deep_network import DeepNeuralNetwork
from backlight.recording.run import Run
from backlight.reports.html.axes import Frame, Scale, Values, svg
from backlight.reports.html.fragments import Table, figure_html, number, paragraph, text, thinned
from backlight.reports.html.png import data_uri
from backlight.training.replay import replay, saved_step
from backlight.training.train_mlp import load_network

SIZE, GRID, LEVELS = 380, 110, 24  # of the picture; pixels a side; shades of a probability, which packs well
LEFT, TOP, RIGHT, BOTTOM = 40, 12, 14, 34
MOMENTS, SECONDS = 14, 4.0  # steps that are shown; what training once more may take
MOST_POINTS = 600
COLOURS = np.array(
    [(0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233), (90, 90, 90)],
    np.float64,
)
MARKS = ("m-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0", "m0-3.6l3.4 6h-6.8z", "m-2.8-2.8h5.6v5.6h-5.6z", "m0-4l4 4l-4 4l-4-4z")


@dataclass(frozen=True)
class Moment:
    """The network after `step` updates: the class probabilities over the plane, and of the training points."""

    step: int
    plane: Values  # (GRID, GRID, K), the top row first
    points: Values  # (N, K)


def boundary_html(run: Run, title: str = "Decision boundary") -> str:
    if run.command != ("train", "mlp") or list(run.settings.get("layers", []))[:1] != [2]:
        return ""
    try:
        points = checked(run.snapshot("train_points"))
        network = load_network(run)[0]
        step = saved_step(run)
    except (BacklightError, OSError, ValueError, KeyError) as error:
        return paragraph(f"{title}: it cannot be drawn, since weights or points cannot be read: {error}")
    frame = frame_of(points)
    moments = [moment(each, network, frame, points) for each, network in replay(run, steps_shown(step), SECONDS)]
    remark = ""
    if not moments:
        moments = [moment(step, network, frame, points)]
        remark = "Only the last saved weights are known: training once more took too long or ended elsewhere. "
    return figure(title, moments, points, frame, remark)


def checked(points: NDArray[Any]) -> Values:
    """(N, 3): x1, x2, class. Raises ValueError for anything else: a file may come from anybody."""
    if points.ndim != 2 or points.shape[1] != 3 or not len(points) or not np.isfinite(points.astype(float)).all():
        raise ValueError("train_points.npy does not hold points in the plane")
    return points.astype(np.float64)


def steps_shown(last: int) -> list[int]:
    """The start, the end, and steps between them that lie closer at first, when most changes.

    >>> steps_shown(2000)[:4], steps_shown(2000)[-2:]
    ([0, 1, 2, 3], [1115, 2000])
    """
    between = np.round(np.geomspace(1, max(last, 1), MOMENTS)).astype(int).tolist()
    return sorted({0, *(step for step in between if step <= last), last})


def frame_of(points: Values) -> Frame:
    (left, bottom), (right, top) = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    margin = 0.12 * max(right - left, top - bottom, 1e-9)
    x = Scale(left - margin, right + margin, LEFT, SIZE - RIGHT)
    return Frame(x, Scale(bottom - margin, top + margin, SIZE - BOTTOM, TOP))


def moment(step: int, network: DeepNeuralNetwork, frame: Frame, points: Values) -> Moment:
    x, y = np.linspace(frame.x.low, frame.x.high, GRID), np.linspace(frame.y.high, frame.y.low, GRID)
    plane = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    with np.errstate(all="ignore"):
        everywhere = network.predict_proba(plane).reshape(GRID, GRID, -1)
        return Moment(step, everywhere, network.predict_proba(points[:, :2]))


def figure(title: str, moments: Sequence[Moment], points: Values, frame: Frame, remark: str) -> str:
    last, y = moments[-1], points[:, 2].astype(int)
    description = f"{words(last, y)}. {plain(last)}"
    picture = boundary_svg(title, description, moments, points, frame)
    if len(moments) > 1:
        picture += slider(title, len(moments) - 1)
        remark += "The steps before the last are trained once more from the settings, to the same weights in the end. "
    shown = "" if len(points) <= MOST_POINTS else f"{MOST_POINTS} of {len(points):,} training points are drawn. "
    key = "Shade: the probability of each class; dark line: where the likeliest class changes; marks: training points."
    return figure_html(picture, f"{description} {key} {remark}{shown}", points_table(last, points), "single")


def boundary_svg(title: str, words: str, moments: Sequence[Moment], points: Values, frame: Frame) -> str:
    drawn = frame.drawn("x1, and x2 upwards") + frames_svg(moments, points[:, 2].astype(int)) + marks(points, frame)
    return svg(SIZE, SIZE, title, words, drawn)


def frames_svg(moments: Sequence[Moment], y: NDArray[np.int64]) -> str:
    """All moments on each other; but for the last they are hidden, until the slider asks for them."""
    width, height = SIZE - LEFT - RIGHT, SIZE - TOP - BOTTOM
    box = f'x="{LEFT}" y="{TOP}" width="{width}" height="{height}" preserveAspectRatio="none"'
    return "".join(
        f'<g class="moment{"" if each is moments[-1] else " off"}" data-words="{text(words(each, y))}">'
        f'<image {box} href="{data_uri(shades(each.plane))}"/></g>'
        for each in moments
    )


def slider(title: str, last: int) -> str:
    return (
        f'<div class="slider" hidden><label>{text(title)}: which step <input type="range" min="0" step="1" '
        f'max="{last}" value="{last}"></label><output></output></div>'
    )


def points_table(last: Moment, points: Values) -> Table:
    header = ("x1", "x2", "class", *(f"P(class {k})" for k in range(last.points.shape[1])))

    def row(at: int) -> list[str]:
        x1, x2, label = points[at]
        return [number(x1), number(x2), str(int(label)), *(f"{share:.3f}" for share in last.points[at])]

    return thinned(header, range(len(points)), row)


def words(each: Moment, y: NDArray[np.int64]) -> str:
    right = (each.points.argmax(axis=1) == y).mean()
    return f"step {each.step:,}: {right:.1%} of the training points are right"


def plain(each: Moment) -> str:
    """How the plane is divided, in words."""
    if not np.isfinite(each.plane).all():
        return "Where nothing is shaded, the network gives NaN."
    shares = np.bincount(each.plane.argmax(axis=-1).ravel(), minlength=each.plane.shape[-1]) / each.plane[..., 0].size
    if shares.max() == 1:
        return f"There is no boundary: class {shares.argmax()} everywhere."
    return "Share of the plane: " + ", ".join(f"class {k} {share:.0%}" for k, share in enumerate(shares)) + "."


def shades(plane: Values) -> NDArray[np.uint8]:
    """(GRID, GRID, 4): the colours of the classes mixed by probability; transparent for NaN."""
    finite = np.asarray(np.isfinite(plane).all(axis=-1))
    known = np.round(np.where(finite[..., None], plane, 0) * LEVELS) / LEVELS
    colours = COLOURS[np.arange(plane.shape[-1]) % len(COLOURS)]
    pixels = np.zeros((*plane.shape[:2], 4))
    pixels[..., :3] = 0.45 * 255 + 0.55 * (known @ colours)
    winner = plane.argmax(axis=-1)
    edge = np.zeros(winner.shape, np.bool_)
    edge[:, :-1] |= winner[:, :-1] != winner[:, 1:]
    edge[:-1] |= winner[:-1] != winner[1:]
    pixels[edge, :3] = 30
    pixels[..., 3] = 255 * finite
    return np.clip(pixels, 0, 255).astype(np.uint8)


def marks(points: Values, frame: Frame) -> str:
    """One path a class; colour and shape tell classes apart."""
    chosen = points[np.unique(np.linspace(0, len(points) - 1, MOST_POINTS).astype(int))]
    parts = []
    for label in np.unique(chosen[:, 2]).astype(int).tolist():
        own = chosen[chosen[:, 2] == label]
        places = zip(frame.x(own[:, 0]).tolist(), frame.y(own[:, 1]).tolist(), strict=True)
        d = "".join(f"M{x:.1f} {y:.1f}{MARKS[label % len(MARKS)]}" for x, y in places)
        red, green, blue = COLOURS[label % len(COLOURS)].astype(int)
        parts.append(f'<path fill="rgb({red},{green},{blue})" stroke="#fff" stroke-width=".6" d="{d}"/>')
    return "".join(parts)
