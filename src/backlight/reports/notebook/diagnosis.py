"""A diagnosis in a notebook."""

from backlight.diagnosis.finding import Diagnosis
from backlight.reports.diagnosis_text import headline
from backlight.reports.html.fragments import paragraph
from backlight.reports.html.verdict import finding_pieces
from backlight.reports.notebook.element import element


def html(diagnosis: Diagnosis) -> str:
    answer = paragraph(headline(diagnosis), "answer good" if diagnosis.healthy else "answer")
    return element("Diagnosis", [answer, *finding_pieces(diagnosis)], "backlight diagnose")
