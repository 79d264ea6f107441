"""A treatment in a notebook: what was changed, and how many networks learnt with it and without."""

from collections.abc import Iterator

from backlight.diagnosis.catalogue import CAUSES
from backlight.diagnosis.treatment import Treatment
from backlight.reports.html.fragments import Table, paragraph
from backlight.reports.html.intervals import intervals_figure
from backlight.reports.notebook.element import element
from backlight.reports.treatment_text import SAID

HEADER = ("trained with", "share that learnt", "mean accuracy")


def html(treatment: Treatment) -> str:
    return element(f"Treatment of {treatment.diagnosis.subject}", pieces(treatment), "backlight treat")


def pieces(treatment: Treatment) -> Iterator[str]:
    good = treatment.outcome in ("cured", "healthy")
    said = SAID[treatment.outcome]
    yield paragraph(f"{said[:1].upper()}{said[1:]}.", "answer good" if good else "answer")
    if treatment.finding:
        cause = CAUSES[treatment.finding]
        yield paragraph(f"The cause: {cause.code} {treatment.finding}, {cause.title}.")
    if treatment.change is not None:
        yield paragraph(f"The change: {treatment.change}.")
    if treatment.instruction:
        yield paragraph(f"What to try: {treatment.instruction}.")
    if treatment.arms:
        rates = [(arm.label, arm.success) for arm in treatment.arms]
        table = Table(HEADER, [(arm.label, str(arm.success), f"{arm.accuracy:.4g}") for arm in treatment.arms])
        caption = (
            f"Share of {treatment.arms[0].success.n} networks each that learnt (held-out accuracy of at least "
            f"{treatment.needed:.3f}), with 95 % intervals; seeds that the run did not have, the same for each."
        )
        yield intervals_figure("share of networks that learnt", rates, caption, table)
