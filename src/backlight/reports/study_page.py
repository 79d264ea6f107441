"""What a study found, as pictures and tables on one page."""

from itertools import combinations
from pathlib import Path

import numpy as np

from backlight.data.points import SHAPES
from backlight.figures.boundary import Panel, boundary_figure
from backlight.figures.distributions import distributions_figure
from backlight.figures.phases import phases_figure
from backlight.figures.rates import rates_figure
from backlight.figures.style import Figure
from backlight.intervals import Interval, rate_interval
from backlight.recording.environment import environment_text
from backlight.recording.run import Run
from backlight.reports.gallery import Section, Table, save_pictures, write_gallery
from backlight.training.condition import TrainingCondition
from backlight.training.study import Study, setting_text

MOST_PANELS = 6  # conditions whose boundaries are drawn
MOST_COMPARED = 8  # conditions compared with each other

Figures = dict[str, tuple[Figure, str]]


def write_study_page(study: Study) -> Path:
    """Writes index.html and figures/ into the study's folder; the path of the page."""
    how = f"{study.settings.seeds} seeds each, {study.settings.steps:,} steps"
    goal = f"A network succeeds if its held-out accuracy exceeds {study.settings.success:g}"
    rates = {study.label(condition): rate for condition, rate in study.rates()}
    figures: Figures = {
        "rates": (
            rates_figure(["success"], {label: [rate] for label, rate in rates.items()}, "", "success rate"),
            f"Success rates with 95 % Wilson intervals. {goal}; {how}.",
        ),
        "accuracies": (
            distributions_figure(
                {study.label(each): np.nan_to_num(study.outcome(each).test_accuracy[-1]) for each in study.conditions},
                study.settings.success,
                "",
                "held-out accuracy",
            ),
            f"Held-out accuracy, a dot per network, blue above the threshold; the bar is the median. {DIVERGED} {how}.",
        ),
    }
    figures |= phase_diagrams(study) | boundaries(study)
    pictures = save_pictures(figures, study.folder / "figures")
    sections = [
        Section(
            "Rates", f"{goal}. {how}. Brackets are 95 % intervals. {DIVERGED}", [pictures[0], condition_table(study)]
        ),
        Section("Accuracies", "", pictures[1:]),
    ]
    if len(rates) > 1:
        sections.append(Section("Comparisons", COMPARISON_TEXT, [comparison_table(study)]))
    environment = environment_text(Run.open(study.folder).environment)
    page = study.folder / "index.html"
    write_gallery(page, f"Study: {study.total:,} networks", f"Trained on {environment}.", sections)
    return page


DIVERGED = "A network that diverged counts as one of accuracy 0."
COMPARISON_TEXT = (
    "Difference of the success rates, second minus first, with Newcombe's 95 % interval, and the number of seeds of "
    "each that would tell such a difference from 0 four times in five.\n\n"
    "Each interval is that of one comparison: of twenty, one is expected to leave out 0 where nothing differs. Of more "
    f"than {MOST_COMPARED} conditions, each is compared with the one that did best here."
)


def condition_table(study: Study) -> Table:
    """A row per condition: success, median accuracy, time to succeed, dead and diverged networks."""
    header = (
        "condition",
        "success",
        "median accuracy",
        "median steps to succeed",
        "born dead",
        "dead at the end",
        "diverged",
    )
    return Table(header, [condition_row(study, each, rate) for each, rate in study.rates()])


def condition_row(study: Study, condition: TrainingCondition, rate: Interval) -> tuple[str, ...]:
    outcome = study.outcome(condition)
    steps = outcome.steps_to(study.settings.success)
    reached = f"{np.nanmedian(steps):,.0f}" if np.isfinite(steps).any() else "–"
    shares = (outcome.layer_is_dead[0], outcome.layer_is_dead[-1], outcome.diverged)
    median = f"{np.median(np.nan_to_num(outcome.test_accuracy[-1])):.4g}"
    return (study.label(condition), str(rate), median, reached, *(str(rate_interval(share)) for share in shares))


def comparison_table(study: Study) -> Table:
    """Every pair of conditions, or each with the best one where there are many."""
    conditions = study.conditions
    pairs = list(combinations(conditions, 2))
    if len(conditions) > MOST_COMPARED:
        best = max(study.rates(), key=lambda pair: pair[1].estimate)[0]
        pairs = [(best, each) for each in conditions if each != best]
    rows = []
    for first, second in pairs:
        found = study.compare_conditions(first, second)
        needed = "∞" if np.isinf(found.seeds_needed) else f"{found.seeds_needed:,.0f}"
        verdict = "they differ" if found.told else "not told apart"
        rows.append((found.first, found.second, str(found.success_rate), verdict, needed))
    return Table(("first", "second", "difference of the success rate", "verdict", "seeds needed"), rows)


def phase_diagrams(study: Study) -> Figures:
    """Success over the two swept settings with the most values, averaged over all others."""
    if len(study.swept) < 2:
        return {}
    column, row = sorted(study.swept, key=lambda name: -len(set(getattr(study.settings, name))))[:2]
    rates, conditions = study.rates(), study.conditions
    values = {name: list(dict.fromkeys(getattr(each, name) for each in conditions)) for name in (row, column)}
    means = [
        [
            np.mean(
                [rate.estimate for each, rate in rates if (getattr(each, row), getattr(each, column)) == (high, wide)]
            )
            for wide in values[column]
        ]
        for high in values[row]
    ]
    names = {name: [bare_text(name, value) for value in values[name]] for name in (row, column)}
    others = [name.replace("_", " ") for name in study.swept if name not in (row, column)]
    averaged = f" Averaged over {', '.join(others)}." if others else ""
    figure = phases_figure(
        np.array(means), (row.replace("_", " "), names[row]), (column.replace("_", " "), names[column]), ""
    )
    return {"phases": (figure, f"Success rate over {column.replace('_', ' ')} and {row.replace('_', ' ')}.{averaged}")}


def bare_text(name: str, value: object) -> str:
    return setting_text(name, value).removeprefix(name.replace("_", " ")).strip()


def boundaries(study: Study) -> Figures:
    """The median and the worst network of each condition beside each other, where the data are points in the plane."""
    conditions = [each for each in study.conditions if each.data in SHAPES][:MOST_PANELS]
    if not conditions:
        return {}
    panels = [panel for condition in conditions for panel in median_and_worst(study, condition)]
    left_out = len(study.conditions) - len(conditions)
    more = f" Of the first {len(conditions)} conditions; {left_out} more are not drawn." if left_out else ""
    caption = (
        f"The median and the worst network of each condition by held-out accuracy, with its training points.{more}"
    )
    return {"boundaries": (boundary_figure(panels, columns=2 if len(panels) <= 4 else 4), caption)}


def median_and_worst(study: Study, condition: TrainingCondition) -> list[Panel]:
    outcome = study.outcome(condition)
    accuracy = np.nan_to_num(outcome.test_accuracy[-1], nan=-1.0)
    order = np.argsort(accuracy, kind="stable")
    panels = []
    for words, index in (("median", order[len(order) // 2]), ("worst", order[0])):
        seed = study.settings.first_seed + int(index)
        (data,) = condition.draws([seed])
        title = f"{study.label(condition)}\n{words}: seed {seed}, {outcome.test_accuracy[-1, index]:.3f}"
        panels.append(Panel(outcome.network(index).predict_proba, data.train.X, data.train.y, title))
    return panels
