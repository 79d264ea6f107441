"""Pictures of a study beyond rates: a phase diagram of two swept settings, boundaries of single networks."""

from collections.abc import Iterator

import numpy as np

from backlight.data.points import SHAPES
from backlight.reports.html.boundary import boundary_svg, frame_of, moment, plain, points_table
from backlight.reports.html.fragments import figure_html, panels, paragraph
from backlight.reports.html.phases import phases_figure
from backlight.training.condition import TrainingCondition
from backlight.training.study import Study, setting_text

MOST_PANELS = 6  # conditions whose boundaries are drawn
KEY = (
    "The median and the worst network of each condition by held-out accuracy. Shade: the probability of each class; "
    "dark line: where the likeliest class changes; marks: training points."
)


def phases_html(study: Study) -> str:
    """Success over the two swept settings with the most values, averaged over all others; "" for fewer than two."""
    if len(study.swept) < 2:
        return ""
    column, row = sorted(study.swept, key=lambda name: -len(set(getattr(study.settings, name))))[:2]
    rates, conditions = study.rates(), study.conditions
    values = {name: list(dict.fromkeys(getattr(each, name) for each in conditions)) for name in (row, column)}

    def mean(high: object, wide: object) -> float:
        chosen = [rate.estimate for each, rate in rates if (getattr(each, row), getattr(each, column)) == (high, wide)]
        return float(np.mean(chosen))

    means = np.array([[mean(high, wide) for wide in values[column]] for high in values[row]])
    words = {name: name.replace("_", " ") for name in study.swept}
    names = {name: [bare_text(name, value) for value in values[name]] for name in (row, column)}
    others = [words[name] for name in study.swept if name not in (row, column)]
    averaged = f" Averaged over {', '.join(others)}." if others else ""
    caption = f"Success rate over {words[column]} and {words[row]}, darker for more.{averaged}"
    return phases_figure(means, (words[row], names[row]), (words[column], names[column]), caption)


def bare_text(name: str, value: object) -> str:
    return setting_text(name, value).removeprefix(name.replace("_", " ")).strip()


def boundaries_html(study: Study) -> str:
    """Beside each other, where the data are points in the plane; "" where they are not."""
    conditions = [each for each in study.conditions if each.data in SHAPES]
    drawn = [figure for each in conditions[:MOST_PANELS] for figure in median_and_worst(study, each)]
    left_out = len(study.conditions) - len(conditions[:MOST_PANELS])
    more = f" {left_out} conditions more are not drawn." if left_out else ""
    return paragraph(f"{KEY}{more}", "small") + panels(drawn) if drawn else ""


def median_and_worst(study: Study, condition: TrainingCondition) -> Iterator[str]:
    outcome = study.outcome(condition)
    accuracy = np.nan_to_num(outcome.test_accuracy[-1], nan=-1.0)
    order = np.argsort(accuracy, kind="stable")
    for words, index in (("median", int(order[len(order) // 2])), ("worst", int(order[0]))):
        seed = study.settings.first_seed + index
        (data,) = condition.draws([seed])
        points = np.column_stack([data.train.X, data.train.y])
        frame = frame_of(points)
        last = moment(condition.steps, outcome.network(index), frame, points)
        title = f"{study.label(condition)}, {words}: seed {seed}"
        said = f"{title}, held-out accuracy {outcome.test_accuracy[-1, index]:.3f}. {plain(last)}"
        yield figure_html(boundary_svg(title, said, [last], points, frame), said, points_table(last, points))
