"""A check's Verdict: the pieces that its page and a notebook show, and the page; all text of the user is escaped."""

from collections.abc import Iterable
from html import escape

import numpy as np

from backlight.checking.verdict import Effect, Finding, TensorCheck, Verdict
from backlight.intervals import rate_interval
from backlight.reports.check_words import (
    Grid,
    Part,
    answer,
    closing_line,
    counted,
    effect_grid,
    finding_parts,
    finding_title,
    gradients_sentence,
    notes_part,
    one_line,
    opening_parts,
    tensor_grid,
)
from backlight.reports.html.fragments import Section, Table, folded, paragraph
from backlight.reports.html.intervals import intervals_figure
from backlight.reports.html.page import document

MOST_CHARACTERS = 4_000  # of a part; a cell of a table holds a twentieth
MOST_ROWS = 200
LONG = 12  # lines that are folded away


def check_page(verdict: Verdict) -> str:
    """The whole file."""
    findings = [finding_html(each, verdict) for each in verdict.findings]
    found = [
        Section(
            "verdict", "Is the gradient right?", answer_html(verdict) + "".join(map(part_html, opening_parts(verdict)))
        ),
        Section("findings", "What was found", "".join(findings)),
        Section("gradients", "Every gradient", tensors_html(verdict.tensors)),
        Section("notes", "How it was checked", notes_html(verdict) + paragraph(closing_line(verdict))),
    ]
    name = clipped(one_line(verdict.file), 200)
    return document(f"Backlight check: {name}", [each for each in found if each.body])


def verdict_pieces(verdict: Verdict) -> list[str]:
    """What was found, each mistake, every gradient, notes."""
    return [
        *map(part_html, opening_parts(verdict)),
        *(finding_html(each, verdict) for each in verdict.findings),
        tensors_html(verdict.tensors),
        notes_html(verdict),
        paragraph(closing_line(verdict)),
    ]


def answer_html(verdict: Verdict) -> str:
    said = answer(verdict)
    return paragraph(
        clipped(f"{said[:1].upper()}{said[1:]}."), "answer good" if verdict.status == "right" else "answer"
    )


def finding_html(finding: Finding, verdict: Verdict) -> str:
    effect = finding.patch.effect if finding.patch else None
    pieces = [
        f"<h3>{text_html(finding_title(finding))}</h3>",
        *map(part_html, finding_parts(finding, verdict)),
        *([effect_html(effect)] if effect else []),
    ]
    body = "\n".join(pieces)
    return f'<article class="{finding.severity}">\n{body}\n</article>'


def effect_html(effect: Effect) -> str:
    """Training before and after the patch: shares that learnt, with Wilson's 95 % intervals."""
    learnt = (("before", effect.learnt_before), ("after", effect.learnt_after))
    rates = [(name, rate_interval(np.arange(effect.seeds) < successes)) for name, successes in learnt]
    grid = effect_grid(effect)
    return intervals_figure("share that learnt", rates, f"{clipped(grid.caption)}.", Table(grid.header, grid.rows))


def part_html(part: Part) -> str:
    """A label and what it labels; what is long is folded away below the label."""
    label = escape(part.label)
    if part.kind == "prose" and len(part.lines) == 1:
        return f"<p><strong>{label}:</strong> {text_html(part.lines[0])}</p>"
    show = {"prose": prose_html, "list": list_html, "code": code_html, "diff": diff_html}[part.kind]
    body = show(clipped("\n".join(part.lines)).split("\n"))
    if len(part.lines) > LONG:
        return folded(part.label, body)
    return f'<p class="label">{label}:</p>\n{body}'


def prose_html(lines: list[str]) -> str:
    return f"<p>{'<br>'.join(map(escape, lines))}</p>"


def list_html(lines: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def code_html(lines: list[str]) -> str:
    return preformatted(map(escape, lines))


def diff_html(lines: list[str]) -> str:
    """Removed and inserted lines marked as such; their signs stay for who sees no colours."""
    tags = {"-": "del", "+": "ins"}
    named = [(tags.get(line[:1]), escape(line)) for line in lines]
    return preformatted(f"<{tag}>{line}</{tag}>" if tag else line for tag, line in named)


def preformatted(lines: Iterable[str]) -> str:
    body = "\n".join(lines)
    return f'<pre translate="no"><code>{body}</code></pre>'


def tensors_html(tensors: tuple[TensorCheck, ...]) -> str:
    """Every gradient, the wrong ones first to be kept where there are too many rows."""
    if not tensors:
        return ""
    kept = set(sorted(range(len(tensors)), key=lambda number: tensors[number].right)[:MOST_ROWS])
    table = grid_html(tensor_grid([each for number, each in enumerate(tensors) if number in kept]))
    more = f"<p>{len(tensors) - MOST_ROWS:,} more are not shown.</p>" if len(tensors) > MOST_ROWS else ""
    sentence = gradients_sentence(tensors)
    return folded(sentence[0].upper() + sentence[1:], table + more)


def notes_html(verdict: Verdict) -> str:
    notes = clipped("\n".join(notes_part(verdict).lines)).split("\n")
    return folded(counted(len(verdict.notes), "note"), list_html(notes)) if verdict.notes else ""


def grid_html(grid: Grid) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' if cell else "<td></td>" for cell in grid.header)
    rows = "\n".join(row_html(row) for row in grid.rows)
    caption = f"<caption>{text_html(grid.caption)}</caption>"
    table = f"<table>{caption}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>"
    return f'<div class="scroll">{table}</div>'


def row_html(row: tuple[str, ...]) -> str:
    name, *cells = (escape(clipped(cell, MOST_CHARACTERS // 20)) for cell in row)
    wrong = ' class="wrong"' if row[-1] == "WRONG" else ""
    return f'<tr{wrong}><th scope="row">{name}</th>' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def text_html(text: str) -> str:
    return escape(clipped(text))


def clipped(text: str, most: int = MOST_CHARACTERS) -> str:
    return text if len(text) <= most else f"{text[:most]} …"
