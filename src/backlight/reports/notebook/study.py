"""A study in a notebook: how often each condition succeeds."""

from backlight.reports.html.study import answer_html, rates_html
from backlight.reports.notebook.element import element
from backlight.training.study import Study


def html(study: Study) -> str:
    pieces = [answer_html(study), rates_html(study)]
    return element(f"Study: {study.total:,} networks", pieces, f"backlight report {study.folder}")
