"""A check's Verdict in a notebook."""

from backlight.checking.verdict import Verdict
from backlight.reports.check_words import headline
from backlight.reports.html.check import clipped, verdict_pieces
from backlight.reports.notebook.element import element


def html(verdict: Verdict) -> str:
    return element(clipped(headline(verdict)), verdict_pieces(verdict), "a terminal")
