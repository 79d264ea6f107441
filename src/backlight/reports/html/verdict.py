"""The first screen: did it learn, and if not, why, and what to try."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backlight.diagnosis.catalogue import CAUSES
from backlight.diagnosis.course import Course, course_of
from backlight.diagnosis.finding import Diagnosis, Finding
from backlight.diagnosis.record import MissingError, Record
from backlight.recording.overview import nonfinite_text, status_of
from backlight.recording.run import Run
from backlight.reports.check_words import Part
from backlight.reports.diagnosis_text import account, closing_parts, in_a_line, title
from backlight.reports.html.cure import cure_html
from backlight.reports.html.fragments import bullets, folded, paragraph, text

ACCURACIES = {
    "test/final_accuracy": "of the test samples are right, with the weights that validated best",
    "test/accuracy": "of the test samples are right",
    "validation/accuracy": "of the validation samples are right",
    "train/acc": "of the training samples are right",
}
OPEN = ("The numbers", "What it means", "What to try, the likeliest first")  # parts that are not folded away
NO_RULE = "No rule can say why."
OFFLINE = ("More",)  # a path that is not beside this file


@dataclass(frozen=True)
class Answer:
    """Did it learn? In a sentence, and whether the reader may be content; `figures` are the numbers behind it."""

    sentence: str
    good: bool
    figures: tuple[str, ...]


def answer(run: Run, diagnosis: Diagnosis) -> Answer:
    status = status_of(run, run.events())
    course = known_course(run)
    why = reason(diagnosis)
    numbers = accuracy_lines(run)
    first = next(iter(run.first_nonfinite()), None)
    if first is not None:
        numbers += (f"The first value that is not finite: {nonfinite_text(first)}.",)
    if status == "diverged" or (course is not None and course.broken):
        gone = "stopped being finite" if ended_broken(run) else "was not finite at some steps"
        return Answer(f"No: its loss {gone}. {why or NO_RULE}", False, numbers)
    if course is None:
        said = why or "nothing wrong was found."
        return Answer(f"No loss is recorded, so whether it learnt cannot be told; {said}", not why, numbers)
    numbers += (loss_line(course),)
    if course.stuck:
        return Answer(f"No, it did not learn. {why or NO_RULE}", False, numbers)
    if course.poor:
        return Answer(f"Only in part: less than can be learnt from these samples. {why}".strip(), not why, numbers)
    return Answer(f"Yes, but it could be better: {why}" if why else "Yes, it learnt.", not why, numbers)


def known_course(run: Run) -> Course | None:
    try:
        return course_of(Record(run))
    except MissingError:
        return None


def ended_broken(run: Run) -> bool:
    """Whether the last loss is NaN or infinite, or the training said so itself."""
    ending = run.ending()
    return (ending is not None and ending.kind == "diverged") or not np.isfinite(Record(run).loss[1][-1])


def reason(diagnosis: Diagnosis) -> str:
    """The likeliest cause in a clause, with its layer; "" if nothing but notes was found."""
    found = [each for each in (*diagnosis.findings, *diagnosis.consequences) if each.severity != "note"]
    if not found:
        return ""
    cause, where = CAUSES[found[0].name], f", in layer {found[0].layer}" if found[0].layer else ""
    return f"The likeliest cause: {cause.title}{where}."


def accuracy_lines(run: Run) -> tuple[str, ...]:
    """Last accuracies, the one that counts first, beside what the commonest class alone would give."""
    lines = []
    for name, words in ACCURACIES.items():
        steps, values = run.scalar(name)
        if len(values):
            lines.append(f"{values[-1]:.1%} {words}, after {steps[-1]:,} steps.")
    facts = run.facts()
    if lines and facts and facts.data and sum(facts.data.test_counts):
        share = max(facts.data.test_counts) / sum(facts.data.test_counts)
        lines.append(f"To name the commonest class for every sample would give {share:.1%}.")
    return tuple(lines)


def loss_line(course: Course) -> str:
    reached = f"The training loss ended at {course.end:.4g}, having begun at {course.start:.4g}"
    return f"{reached}; knowing the classes' shares alone gives {course.chance:.4g}."


def verdict_html(run: Run, diagnosis: Diagnosis) -> str:
    return "".join(verdict_pieces(run, diagnosis))


def verdict_pieces(run: Run, diagnosis: Diagnosis) -> list[str]:
    """The sentence, the accuracies, each cause, and what else was asked."""
    said = answer(run, diagnosis)
    lost = (
        [paragraph(f"This record was damaged and repaired. Lost are: {', '.join(run.lost())}.")] if run.lost() else []
    )
    parts = [*lost, paragraph(said.sentence, "answer good" if said.good else "answer"), bullets(said.figures)]
    status = status_of(run, run.events())
    if status not in ("finished", "diverged"):
        parts.append(paragraph(f"The run is {status}: this is what is there so far."))
    return [*parts, cure_html(run, diagnosis), *finding_pieces(diagnosis)]


def finding_pieces(diagnosis: Diagnosis) -> list[str]:
    """Each cause, then what else was asked."""
    parts, told = [], set[str]()
    for finding in diagnosis.findings:
        parts.append(finding_html(finding, finding.name in told))
        told.add(finding.name)
    return [*parts, *others_html(diagnosis)]


def finding_html(finding: Finding, told: bool) -> str:
    """Its numbers, meaning and cures; the rest folded away."""
    parts = [part for part in account(finding, told) if part.label not in OFFLINE]
    shown = "".join(part_html(part) for part in parts if part.label in OPEN)
    rest = "".join(part_html(part) for part in parts if part.label not in OPEN)
    more = folded("Where it usually comes from, and what would speak against it", rest) if rest else ""
    return f'<article class="{finding.severity}"><h3>{text(title(finding))}</h3>{shown}{more}</article>'


def part_html(part: Part) -> str:
    in_order = "ol" if part.label.endswith("likeliest first") else "ul"
    body = bullets(part.lines, in_order) if part.kind == "list" else "".join(map(paragraph, part.lines))
    return f"{paragraph(part.label, 'label')}{body}"


def others_html(diagnosis: Diagnosis) -> list[str]:
    """What may follow from the causes, notes, and what was asked without an answer."""
    later = [each for each in diagnosis.consequences if each.severity != "note"]
    notes = [each for each in diagnosis.consequences if each.severity == "note"]
    parts = []
    for label, findings in (
        ("Also found; it may follow from what stands above, so mend that first", later),
        ("Notes, which are no faults", notes),
    ):
        if findings:
            parts.append(folded(f"{label} ({len(findings)})", bullets(map(in_a_line, findings)), open_=bool(later)))
    closing: Sequence[Part] = closing_parts(diagnosis)
    return [*parts, folded("What was looked for", "".join(map(part_html, closing)))] if closing else parts


def last_accuracy(run: Run) -> tuple[float | None, str]:
    """The one that counts, and its name."""
    for name in ACCURACIES:
        last = run.last_scalar(name)
        if last is not None:
            return last[1], name
    return None, ""
