"""A page for each mistake, in Markdown: the wrong line, the right one, what it does, and how `check` tells it.

    python -m backlight.checking.pages FOLDER [NAME …]

writes them, or those of some mistakes. `check` is asked about every example, which takes some minutes for all.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from backlight.checking.examples import EXAMPLES, PROGRAM, Example
from backlight.checking.judge import judge
from backlight.checking.source import Sources
from backlight.checking.verdict import Effect, Finding, Kind, Verdict
from backlight.checking.wording import EFFECTS, WORDINGS, page_name

FILE = "network.py"
TOLD_BY: dict[Kind, str] = {
    "loss": "The loss is measured at a dozen random parameters and fitted as α Σ D + β R + γ: which D of one sample, "
    "which penalty R, which factors. What is not as it should be has this name.",
    "gradient": "The gradients are held against central differences of the loss. Then the textbook's backward pass is "
    "run at the program's own parameters with this mistake in it: if it gives the program's numbers to seven digits, "
    "this is the mistake.",
    "program": "The program is called more than once, and what it gives and what it changes is compared.",
    "initialisation": "The program makes a wide network, whose weights tell by their statistics.",
    "numerics": "The program is called with numbers that are large, or the loss with outputs that are nearly 0.",
}

TOLD_OTHERWISE = {
    "loss-unknown": "The loss is measured at a dozen random parameters, and none that is known gives these values. The "
    "gradient is held against differences of this loss, and against the gradients of the usual ones: if it is, to "
    "seven digits, that of one of them, the loss is what is wrong.",
    "nondeterministic": "The program is called again with the same parameters and samples, and with other random "
    "numbers. For all other questions every call begins with the same ones.",
    "softmax-axis": "The outputs are added up: those of each class give 1 over the samples, those of a sample do not.",
}


def words(name: str) -> str:
    """What needs no measurement."""
    word, example = WORDINGS[name], EXAMPLES[name]
    return "\n".join(
        [
            f"# {word.code} {name}: {word.title}",
            "",
            f"Usually: {EFFECTS[word.severity]}.",
            "",
            word.explanation,
            "",
            "**Wrong**",
            "",
            *fenced("py", [wrong for _, wrong in example.edits]),
            "**Right**",
            "",
            *fenced("py", [right for right, _ in example.edits]),
            f"**The formula:** `{word.formula}`",
            "",
            f"**How it is told.** {TOLD_OTHERWISE.get(name, TOLD_BY[word.kind])}",
            "",
        ]
    )


def fenced(language: str, pieces: Sequence[str]) -> list[str]:
    """Lines of code, moved to the left as far as they go."""
    lines = [line.removeprefix("        ") for piece in pieces for line in piece.strip("\n").splitlines()]
    return [f"```{language}", *lines, "```", ""]


def measured(name: str, verdict: Verdict) -> str:
    """What `check` says of the wrong program, and what its patch does to training."""
    found = next((each for each in verdict.findings if name in (each.name, *each.equivalents)), None)
    lines = [f"On [the program of these pages](index.md) with the wrong {plural(EXAMPLES[name])}, `backlight check` "]
    if found is None:
        lines[0] += f"does not name it yet: it says {otherwise(verdict)}."
        return "\n".join([*lines, "", *footer()])
    lines[0] += said(name, found, verdict)
    lines += ["", *(f"- {each}" for each in found.evidence), ""]
    if found.patch is not None:
        lines += [
            "and finds the edit that mends it:",
            "",
            "```diff",
            *found.patch.diff.strip("\n").splitlines()[2:],
            "```",
        ]
        lines += ["", *effect(found.patch.effect)]
    return "\n".join([*lines, *footer()])


def plural(example: Example) -> str:
    return "line" if len(example.edits) == 1 and "\n" not in example.edits[0][1].strip() else "lines"


def said(name: str, found: Finding, verdict: Verdict) -> str:
    first = verdict.findings[0]
    beside = f", as a remark beside {listed([first.name])}" if found.severity == "note" != first.severity else ""
    place = "without a line" if found.line is None else f"at `{found.text.strip()}`"
    if found.name == name:
        same = f", which gives the same numbers here as {listed(found.equivalents)}" if found.equivalents else ""
        return f"says `{found.code}` {place}{beside}{same}:"
    return f"says `{found.code}` {found.name} {place}, which gives the same numbers here, and names this one beside it:"


def listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{WORDINGS[each].code}` {each}" if each in WORDINGS else each for each in names)


def otherwise(verdict: Verdict) -> str:
    findings = listed([each.name for each in verdict.findings])
    if verdict.status == "right":
        return f"that all gradients are right{f', and remarks on {findings}' if findings else ''}"
    return findings or verdict.reason


def effect(found: Effect | None) -> list[str]:
    if found is None:
        return []
    return [
        f"**In training:** {found.task}. With the mistake {found.learnt_before} of {found.seeds} networks learnt (mean "
        f"accuracy {found.accuracy_before:.2f}), without it {found.learnt_after} ({found.accuracy_after:.2f}).",
        "",
    ]


def footer() -> list[str]:
    return ["[How `check` finds out](../checking.md)", ""]


def index() -> str:
    """All mistakes, and the program that they are edits of."""
    rows = [
        f"| [{word.code}]({page_name(name)}) | {name} | {word.title.replace('|', chr(92) + '|')} |"
        for name, word in sorted(WORDINGS.items(), key=lambda item: item[1].code)
    ]
    return "\n".join(
        [
            "# Mistakes in a backward pass, all of them",
            "",
            "What `backlight check` looks for. The pages are written by `python -m backlight.checking.pages "
            "docs/mistakes`, which asks `check` about each of them.",
            "",
            "| code | mistake | in words |",
            "| --- | --- | --- |",
            *rows,
            "",
            "## The program of these pages",
            "",
            "Its gradients are right. Each page changes a line or a few; some pages first exchange the softmax for a "
            "sigmoid, or tanh for ReLU.",
            "",
            "```python",
            PROGRAM.rstrip("\n"),
            "```",
            "",
            "```{toctree}",
            ":hidden:",
            ":glob:",
            "",
            "BL*",
            "```",
            "",
        ]
    )


def write_pages(folder: Path, names: Iterable[str] = EXAMPLES) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.md").write_text(index(), encoding="utf-8")
    for name in names:
        verdict = judge(Sources(FILE, {FILE: EXAMPLES[name].wrong}))
        (folder / page_name(name)).write_text(words(name) + "\n" + measured(name, verdict), encoding="utf-8")


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]), sys.argv[2:] or EXAMPLES)
