"""The page of a study: how often each condition succeeds, how its networks are distributed, what can be told apart."""

import numpy as np

from backlight.intervals import Interval
from backlight.recording.run import Run
from backlight.reports.html.conditions import COMPARED, MOST_COMPARED, comparison_row, comparisons, condition_table
from backlight.reports.html.dots import dots_figure
from backlight.reports.html.fragments import Section, Table, paragraph, text
from backlight.reports.html.intervals import intervals_figure
from backlight.reports.html.page import document
from backlight.reports.html.settings import command_line, environment_html
from backlight.reports.html.study_pictures import boundaries_html, phases_html
from backlight.training.study import Study

DIVERGED = "A network that diverged counts as one of accuracy 0."
COMPARISON_TEXT = (
    "Each interval is that of one comparison: of twenty, one is expected to leave out 0 where nothing differs. Of more "
    f"than {MOST_COMPARED} conditions, each is compared with the one that did best here."
)


def study_page(study: Study) -> str:
    """The whole file.

    Raises:
        RunError: if some of its networks have not been trained yet.
    """
    found = [
        Section("rates", "How often does it succeed?", answer_html(study) + rates_html(study)),
        Section("accuracies", "How the networks are distributed", accuracies_html(study)),
        Section("comparisons", "What can be told apart", comparisons_html(study)),
        Section("phases", "Over two settings", phases_html(study)),
        Section("boundaries", "Decision boundaries", boundaries_html(study)),
        Section("settings", "What was trained", settings_html(study)),
    ]
    return document(f"Backlight report: {study.folder.resolve().name}", [each for each in found if each.body])


def answer_html(study: Study) -> str:
    """The best condition in a sentence, and the worst where they can be told apart."""
    rates = study.rates()
    best, high = max(rates, key=lambda pair: pair[1].estimate)
    worst, low = min(rates, key=lambda pair: pair[1].estimate)
    if best == worst or high.estimate == low.estimate:
        who = "the networks" if len(rates) == 1 else "the networks of each condition"
        return paragraph(f"{share(high)} of {who} succeed.", "answer good")
    told = study.compare_conditions(worst, best).told
    ends = f"{study.label(best)} succeeds most often, {share(high)}; {study.label(worst)} least often, {share(low)}."
    return paragraph(ends if told else f"{ends} So few seeds do not tell the two apart.", "answer good")


def share(rate: Interval) -> str:
    return f"{rate.estimate:.0%} [{rate.low:.0%}, {rate.high:.0%}]"


def goal(study: Study) -> str:
    settings = study.settings
    return (
        f"A network succeeds if its held-out accuracy exceeds {settings.success:g}. "
        f"{settings.seeds:,} seeds each, {settings.steps:,} steps. {DIVERGED}"
    )


def rates_html(study: Study) -> str:
    rates = [(study.label(condition), rate) for condition, rate in study.rates()]
    caption = f"Success rates with 95 % Wilson intervals. {goal(study)}"
    return intervals_figure("success rate", rates, caption, condition_table(study))


def accuracies_html(study: Study) -> str:
    samples = {study.label(each): np.nan_to_num(study.outcome(each).test_accuracy[-1]) for each in study.conditions}
    caption = f"Held-out accuracy, a dot per network, blue above the threshold; the bar is the median. {DIVERGED}"
    return dots_figure("held-out accuracy", samples, study.settings.success, caption)


def comparisons_html(study: Study) -> str:
    """ "" where there is one condition."""
    found = comparisons(study)
    if not found:
        return ""
    rows = [(f"{each.second} − {each.first}", each.success_rate) for each in found]
    table = Table(COMPARED, [comparison_row(each) for each in found])
    caption = "Difference of the success rates, second minus first, with Newcombe's 95 % interval."
    return paragraph(COMPARISON_TEXT, "small") + intervals_figure(
        "difference of the success rates", rows, caption, table, (-1, 1), 0.0
    )


def settings_html(study: Study) -> str:
    run = Run.open(study.folder)
    ending = run.ending()
    took = paragraph(f"Trained in {ending.detail}.") if ending and ending.detail else ""
    again = f"<p>To do it again:</p><pre>{text(command_line(run.command, run.settings))}</pre>"
    return again + took + environment_html(run)
