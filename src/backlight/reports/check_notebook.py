"""A Verdict as a fragment of HTML that needs nothing else: what a notebook shows."""

from collections.abc import Iterable
from html import escape

from backlight.checking.verdict import Finding, TensorCheck, Verdict
from backlight.reports.check_words import (
    Grid,
    Part,
    closing_line,
    counted,
    effect_grid,
    finding_parts,
    finding_title,
    gradients_sentence,
    headline,
    notes_part,
    opening_parts,
    tensor_grid,
)

MOST_BYTES = 190_000
MOST_CHARACTERS = 4_000  # of a part; a cell of a table holds a twentieth
MOST_ROWS = 200
LONG = 12  # lines that are folded away
# Each colour stands with a background of its own, so that the page around it does not matter.
STYLE = """
.backlight-check { --back: #ffffff; --ink: #1c1c1e; --line: #8a8a8e; --bad: #b3261e; --good: #1b6e2d; --warn: #7a5200;
  background: var(--back); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; padding: .8rem; }
@media (prefers-color-scheme: dark) { .backlight-check { --back: #1a1b1e; --ink: #e8e8ea; --line: #85858a;
  --bad: #ff8a80; --good: #7fd992; --warn: #ffc46b; } }
.backlight-check h3 { font-size: 1.15em; margin: 0 0 .5em; } .backlight-check h4 { font-size: 1em; margin: 0 0 .5em; }
.backlight-check section { border-left: 4px solid var(--line); margin: 1em 0; padding-left: .8em; }
.backlight-check .prevents { border-color: var(--bad); } .backlight-check .slows,
.backlight-check .rescales { border-color: var(--warn); }
.backlight-check p, .backlight-check ul, .backlight-check pre { margin: .2em 0 .6em; }
.backlight-check .label { font-weight: 600; margin: .2em 0 0; }
.backlight-check pre { background: none; color: inherit; font: 13px/1.45 ui-monospace, monospace; overflow-x: auto; }
.backlight-check del { color: var(--bad); text-decoration: none; }
.backlight-check ins { color: var(--good); text-decoration: none; }
.backlight-check .scroll { overflow-x: auto; } .backlight-check table { border-collapse: collapse; color: inherit; }
.backlight-check caption { text-align: left; padding: .3em 0; }
.backlight-check tr { background: none; } .backlight-check .wrong { color: var(--bad); font-weight: 600; }
.backlight-check th, .backlight-check td { text-align: left; padding: .2em 1em .2em 0;
  border-bottom: 1px solid var(--line); }
""".strip()


def html(verdict: Verdict) -> str:
    """The report as one element with its own style, below 200 kB; all text of the user is escaped.

    What does not fit is left out and counted; the report on a terminal is whole.
    """
    pieces = [
        *map(part_html, opening_parts(verdict)),
        *(finding_html(each, verdict) for each in verdict.findings),
        tensors_html(verdict.tensors),
        notes_html(verdict),
        f"<p>{escape(closing_line(verdict))}</p>",
    ]
    head = f'<div class="backlight-check" lang="en"><style>{STYLE}</style>\n<h3>{text_html(headline(verdict))}</h3>\n'
    return head + "\n".join(fitting(filter(None, pieces), MOST_BYTES - len(head.encode()))) + "\n</div>\n"


def fitting(pieces: Iterable[str], room: int) -> list[str]:
    """The pieces that together take no more than `room` bytes, and a sentence if some do not."""
    kept, left_out = [], 0
    for piece in pieces:
        size = len(piece.encode()) + 1
        if size <= room:
            kept.append(piece)
            room -= size
        else:
            left_out += 1
    if left_out:
        kept.append(f"<p>{counted(left_out, 'part')} left out, too long for a notebook; a terminal shows all.</p>")
    return kept


def finding_html(finding: Finding, verdict: Verdict) -> str:
    effect = finding.patch.effect if finding.patch else None
    pieces = [
        f"<h4>{text_html(finding_title(finding))}</h4>",
        *map(part_html, finding_parts(finding, verdict)),
        *([grid_html(effect_grid(effect))] if effect else []),
    ]
    body = "\n".join(pieces)
    return f'<section class="{finding.severity}">\n{body}\n</section>'


def part_html(part: Part) -> str:
    """A label and what it labels; what is long is folded away below the label."""
    label = escape(part.label)
    if part.kind == "prose" and len(part.lines) == 1:
        return f"<p><strong>{label}:</strong> {text_html(part.lines[0])}</p>"
    show = {"prose": prose_html, "list": list_html, "code": code_html, "diff": diff_html}[part.kind]
    body = show(clipped("\n".join(part.lines)).split("\n"))
    if len(part.lines) > LONG:
        return folded_html(part.label, body)
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
    return folded_html(sentence[0].upper() + sentence[1:], table + more)


def notes_html(verdict: Verdict) -> str:
    notes = clipped("\n".join(notes_part(verdict).lines)).split("\n")
    return folded_html(counted(len(verdict.notes), "note"), list_html(notes)) if verdict.notes else ""


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


def folded_html(summary: str, body: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>\n{body}\n</details>"


def text_html(text: str) -> str:
    return escape(clipped(text))


def clipped(text: str, most: int = MOST_CHARACTERS) -> str:
    return text if len(text) <= most else f"{text[:most]} …"
