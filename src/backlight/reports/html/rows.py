"""A row per condition: its name stands above what is drawn of it, so that a long one finds room."""

from collections.abc import Sequence

from backlight.reports.html.axes import Scale, svg, tick_text
from backlight.reports.html.fragments import text

WIDTH, LEFT, RIGHT, TOP, ROW, BOTTOM = 400, 10, 16, 4, 36, 32
LONGEST = 60  # characters of a name
MOST_ROWS = 60


def scale(low: float, high: float) -> Scale:
    return Scale(low, high, LEFT, WIDTH - RIGHT)


def middle(row: int) -> float:
    """The height of what is drawn in a row."""
    return TOP + ROW * row + 24


def rows_svg(title: str, words: str, labels: Sequence[str], x: Scale, axis: str, body: str) -> str:
    """`body` is drawn in the rows of `labels`, above the axis that `axis` names."""
    bottom = TOP + ROW * len(labels) + 4
    parts = [
        f'<path class="rule" d="M{place:.1f} {TOP}V{bottom}"/>'
        f'<text x="{place:.1f}" y="{bottom + 13}" text-anchor="middle">{tick_text(tick)}</text>'
        for tick, place in zip(x.ticks(), x(x.ticks()).tolist(), strict=True)
    ]
    parts += [
        f'<text class="head" x="{LEFT}" y="{TOP + ROW * row + 13}">{text(shortened(label))}</text>'
        for row, label in enumerate(labels)
    ]
    parts.append(f'<text x="{x.end:g}" y="{bottom + 26}" text-anchor="end">{text(axis)}</text>')
    return svg(WIDTH, bottom + BOTTOM - 4, title, words, "".join(parts) + body)


def shortened(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"
