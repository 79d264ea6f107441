"""What a Verdict says, in words: the terminal, SARIF and notebooks show the same sentences in their own ways."""

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

import numpy as np

from backlight.checking.verdict import Effect, Finding, GradientClass, Patch, Severity, TensorCheck, Verdict
from backlight.intervals import rate_interval

SEVERITY_WORDS: dict[Severity, str] = {
    "prevents": "training fails",
    "slows": "learns, but worse",
    "rescales": "only the step size is another",
    "note": "no harm",
}
GRADIENT_WORDS: dict[GradientClass, str] = {
    "right": "the derivative of this loss",
    "other objective": "the derivative of another function than this loss",
    "broken chain rule": "not the derivative of any function: somewhere the chain rule is broken",
}
PartKind = Literal["prose", "list", "code", "diff"]
HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # what a terminal or a browser obeys instead of showing it


@dataclass(frozen=True)
class Part:
    """A labelled piece of a report; the lines of code and of a diff are never to be rewrapped."""

    label: str
    lines: tuple[str, ...]
    kind: PartKind = "prose"


@dataclass(frozen=True)
class Grid:
    """A table with a caption; the first cell of each row names the row."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def visible(text: str) -> str:
    r"""`text` with control characters, bidirectional overrides and the like spelled out; lines and tabs stay.

    >>> print(visible("a\x1b[31m"))
    a\x1b[31m
    """
    if text.isprintable():  # the usual case, at the speed of C
        return text
    text = text.replace("\r\n", "\n")
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if character not in "\n\t" and unicodedata.category(character) in HIDDEN_CATEGORIES
        else character
        for character in text
    )


def one_line(text: str) -> str:
    return visible(text).replace("\n", " ").strip()


def lines_of(text: str) -> tuple[str, ...]:
    r"""The lines of `text`, which may or may not end in a newline; only newlines part them.

    >>> lines_of("a\n\nb\n"), lines_of("")
    (('a', '', 'b'), ())
    """
    return tuple(text.removesuffix("\n").split("\n")) if text else ()


def counted(number: int, noun: str) -> str:
    """
    >>> counted(1, "mistake"), counted(2, "mistake")
    ('1 mistake', '2 mistakes')
    """
    return f"{number} {noun}" + ("" if number == 1 else "s")


def listed(words: Sequence[str]) -> str:
    """
    >>> listed(["1", "2", "3"])
    '1, 2 and 3'
    """
    return " and ".join([*([", ".join(words[:-1])] if words[:-1] else []), *words[-1:]])


def is_checked_file(file: str | None, verdict: Verdict) -> bool:
    """Whether a finding's or a patch's `file` is the checked one, which None and its bare name also mean."""
    return file in (None, verdict.file, PurePath(verdict.file).name)


def path_of(file: str | None, verdict: Verdict) -> PurePath:
    """The path of a finding's or a patch's file, which is given relative to the checked file's folder."""
    checked = PurePath(verdict.file)
    return checked if file is None or is_checked_file(file, verdict) else checked.parent / file


def headline(verdict: Verdict) -> str:
    """The answer in one line."""
    return f"{one_line(verdict.file)}: {answer(verdict)}"


def answer(verdict: Verdict) -> str:
    if verdict.status == "unchecked":
        reason = one_line(verdict.reason).rstrip(".")
        where = "" if verdict.line is None or f"line {verdict.line}" in reason else f" (line {verdict.line})"
        return f"could not be checked{': ' if reason else ''}{reason}{where}"
    mistakes = [each for each in verdict.findings if each.severity != "note"]
    remarks = [each for each in verdict.findings if each.severity == "note"]
    said = [] if mistakes and verdict.status == "wrong" else [gradients_sentence(verdict.tensors)]
    for noun, findings in (("mistake", mistakes), ("remark", remarks)):
        if findings:
            said.append(f"{counted(len(findings), noun)}, {places(findings, verdict)}")
    return "; ".join(said)


def gradients_sentence(tensors: Sequence[TensorCheck]) -> str:
    """How many of the gradients are right."""
    wrong = sum(not each.right for each in tensors)
    if not tensors:
        return "no gradient was compared"
    if wrong == 0:
        return "all gradients are right"
    verb = "is" if wrong == 1 else "are"
    return f"{wrong} of {counted(len(tensors), 'gradient')} {verb} wrong"


def places(findings: Sequence[Finding], verdict: Verdict) -> str:
    """Where findings stand: 'on lines 12 and 54, on line 3 of layers.py'."""
    lines: dict[str, set[int]] = {}
    untraced = 0
    for each in findings:
        if each.line is None:
            untraced += 1
        else:
            file = "" if is_checked_file(each.file, verdict) else one_line(each.file or "")
            lines.setdefault(file, set()).add(each.line)
    said = [
        f"on line{'s' if len(numbers) > 1 else ''} {listed([str(number) for number in sorted(numbers)])}"
        + (f" of {file}" if file else "")
        for file, numbers in sorted(lines.items())
    ]
    if untraced:
        said.append(f"{untraced} of them not traced to a line" if said else "not traced to a line")
    return ", ".join(said)


def finding_title(finding: Finding) -> str:
    """Code, severity and title in a line."""
    return f"{one_line(finding.code)}, {SEVERITY_WORDS[finding.severity]}: {one_line(finding.title)}"


def opening_parts(verdict: Verdict) -> list[Part]:
    """What was found in the file."""
    gradient = GRADIENT_WORDS[verdict.gradient_class] if verdict.gradient_class else ""
    said = (("Found in the file", verdict.subject), ("The loss", verdict.objective), ("The gradient", gradient))
    return [Part(label, (one_line(text),)) for label, text in said if text]


def finding_parts(finding: Finding, verdict: Verdict) -> list[Part]:
    """All that is said of a mistake, in the order in which one reads it, but for the patch's effect."""
    patch = [] if finding.patch is None else patch_parts(finding.patch, verdict)
    return [source_part(finding, verdict), *account_parts(finding), *patch]


def account_parts(finding: Finding) -> list[Part]:
    """What is wrong, and what shows it."""
    said: tuple[tuple[str, tuple[str, ...], PartKind], ...] = (
        ("It should be", lines_of(visible(finding.formula)), "code"),
        ("The numbers", tuple(map(one_line, finding.evidence)), "list"),
        ("First wrong gradient, from the output backwards", lines_of(one_line(finding.tensor or "")), "prose"),
        ("Why it matters", lines_of(visible(finding.explanation)), "prose"),
        ("The same numbers come from", lines_of(", ".join(map(one_line, finding.equivalents))), "prose"),
    )
    return [Part(label, lines, kind) for label, lines, kind in said if lines]


def source_part(finding: Finding, verdict: Verdict) -> Part:
    """The line where the mistake stands, with its number."""
    if finding.line is None:
        return Part("Where", ("it could not be traced to a line",))
    label = f"In {'the file' if is_checked_file(finding.file, verdict) else one_line(finding.file or '')}"
    if not finding.text.strip():
        return Part(label, (f"line {finding.line}",))
    return Part(label, (f"{finding.line} | {one_line(finding.text)}",), "code")


def patch_parts(patch: Patch, verdict: Verdict) -> list[Part]:
    """The edit as a diff without its headers, and its proof."""
    where = "" if is_checked_file(patch.file, verdict) else f" of {one_line(patch.file)}"
    parts = [Part(f"This mends it, from line {patch.line}{where}", tuple(map(visible, diff_lines(patch))), "diff")]
    return [*parts, Part("With this change", lines_of(visible(patch.proof)))] if patch.proof else parts


def diff_lines(patch: Patch) -> list[str]:
    """The lines of the diff that begin with −, + or a space; '...' stands between places that are far apart."""
    lines = lines_of(patch.diff.replace("\r\n", "\n"))
    hunks = [number for number, line in enumerate(lines) if line.startswith("@@ ")]
    if not hunks:
        return [f"-{line}" for line in lines_of(patch.before)] + [f"+{line}" for line in lines_of(patch.after)]
    return ["..." if line.startswith("@@ ") else line for line in lines[hunks[0] + 1 :] if not line.startswith("\\")]


def effect_grid(effect: Effect) -> Grid:
    """Training before and after the patch; Wilson's 95 % intervals of the share that learnt."""
    rows = tuple(
        (name, f"{learnt} of {effect.seeds}", share_text(learnt, effect.seeds), percent(accuracy))
        for name, learnt, accuracy in (
            ("before", effect.learnt_before, effect.accuracy_before),
            ("after", effect.learnt_after, effect.accuracy_after),
        )
    )
    caption = f"What this change does to training, with the same seeds: {one_line(effect.task)}"
    return Grid(caption, ("", "learnt", "95 % interval", "mean accuracy"), rows)


def share_text(successes: int, trials: int) -> str:
    """Wilson's 95 % interval in words.

    >>> share_text(3, 20)
    '5 to 36 %'
    """
    share = rate_interval(np.arange(trials) < successes)
    return f"{100 * share.low:.0f} to {100 * share.high:.0f} %"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def tensor_grid(tensors: Sequence[TensorCheck]) -> Grid:
    """Every gradient with its relative error."""
    return Grid(
        "Each gradient against central differences, from the output backwards",
        ("gradient of", "shape", "relative error", "verdict"),
        tuple((one_line(each.name), shape_text(each), error_text(each), mark(each)) for each in tensors),
    )


def mark(tensor: TensorCheck) -> str:
    return "right" if tensor.right else "WRONG"


def shape_text(tensor: TensorCheck) -> str:
    return " × ".join(map(str, tensor.shape)) or "a number"


def error_text(tensor: TensorCheck) -> str:
    if math.isnan(tensor.error):
        return "NaN"
    return f"{tensor.error:.1e}" if tensor.error else "0"


def notes_part(verdict: Verdict) -> Part:
    return Part("Notes", tuple(map(one_line, verdict.notes)), "list")


def closing_line(verdict: Verdict) -> str:
    return f"Checked in {verdict.seconds:.1f} seconds." if verdict.seconds else ""
