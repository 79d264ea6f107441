"""A Verdict on a terminal."""

import unicodedata

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from backlight.checking.verdict import Finding, Severity, Status, Verdict
from backlight.reports.check_words import (
    Grid,
    Part,
    closing_line,
    effect_grid,
    finding_parts,
    finding_title,
    headline,
    notes_part,
    opening_parts,
    tensor_grid,
)

STATUS_STYLES: dict[Status, str] = {"right": "bold green", "wrong": "bold red", "unchecked": "bold yellow"}
SEVERITY_STYLES: dict[Severity, str] = {
    "prevents": "bold red",
    "slows": "bold yellow",
    "rescales": "bold cyan",
    "note": "bold",
}
DIFF_STYLES = {"-": "red", "+": "green"}
WRONG_STYLE = "bold red"
# How mathematics is written where a stream's encoding has no sign for it
SPELLINGS = {
    "−": "-", "–": "-", "—": "-", "·": "*", "⋅": "*", "⊙": "*", "×": "x", "→": "->", "←": "<-", "‖": "||",
    "′": "'", "’": "'", "‘": "'", "“": '"', "”": '"', "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~", "…": "...",
    "∂": "d", "∇": "grad ", "Σ": "sum", "∑": "sum", "√": "sqrt", "∞": "inf", "∈": "in", "±": "+-", "½": "1/2",
    "²": "^2", "³": "^3", "⁻": "^-", "ᵀ": "^T", "⊤": "^T", "ŷ": "y_hat", "η": "eta", "ε": "epsilon",
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "θ": "theta", "λ": "lambda", "μ": "mu", "π": "pi",
    "σ": "sigma", "φ": "phi",
}  # fmt: skip


def print_verdict(verdict: Verdict, console: Console) -> None:
    """Prints the whole report: the answer first, then what was found, each mistake, every gradient, notes.

    Nothing in it is taken for markup, and what the console's encoding cannot hold is spelled out. Prose is wrapped
    to the console's width; lines of a program are left whole.
    """
    paper = Paper(console)
    paper.line(headline(verdict), STATUS_STYLES[verdict.status])
    opening = opening_parts(verdict)
    if opening:
        paper.gap()
    for part in opening:
        paper.part(part, 0)
    for finding in verdict.findings:
        print_finding(finding, verdict, paper)
    if verdict.tensors:
        paper.gap()
        paper.grid(tensor_grid(verdict.tensors), 0)
    if verdict.notes:
        paper.gap()
        paper.part(notes_part(verdict), 0)
    closing = closing_line(verdict)
    if closing:
        paper.gap()
        paper.line(closing, "dim")


def print_finding(finding: Finding, verdict: Verdict, paper: "Paper") -> None:
    paper.gap()
    paper.line(finding_title(finding), SEVERITY_STYLES[finding.severity])
    for part in finding_parts(finding, verdict):
        paper.part(part, 2)
    if finding.patch and finding.patch.effect:
        paper.grid(effect_grid(finding.patch.effect), 2)


class Paper:
    """Writes labelled parts and tables to a console, in characters that its encoding has."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def gap(self) -> None:
        self.console.print()

    def text(self, words: str, style: str = "") -> Text:
        return Text(encodable(words, self.console.encoding), style)

    def line(self, words: str, style: str = "", indent: int = 0) -> None:
        self.wrapped(self.text(words, style), indent)

    def wrapped(self, words: Text, indent: int, first: str = "") -> None:
        """Prose within the console's width; `first` stands before its first line, and the others below its end."""
        lead = " " * indent + first
        for line in words.wrap(self.console, max(1, self.console.width - len(lead)), overflow="fold"):
            line.rstrip()
            self.console.print(Text(lead) + line, soft_wrap=True)
            lead = " " * len(lead)

    def part(self, part: Part, indent: int) -> None:
        """A single line of prose stands beside its label, all else below it."""
        if part.kind == "prose" and len(part.lines) == 1:
            self.wrapped(Text.assemble(self.text(part.label, "bold"), ": ", self.text(part.lines[0])), indent)
            return
        self.line(f"{part.label}:", "bold", indent)
        for line in part.lines:
            if part.kind in ("code", "diff"):
                style = DIFF_STYLES.get(line[:1], "") if part.kind == "diff" else ""
                self.console.print(self.text(" " * (indent + 2) + line, style), soft_wrap=True)
            else:
                self.wrapped(self.text(line), indent + 2, "- " if part.kind == "list" else "")

    def grid(self, grid: Grid, indent: int) -> None:
        self.line(f"{grid.caption}:", "bold", indent)
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for heading in grid.header:
            table.add_column(self.text(heading), overflow="fold")
        for row in grid.rows:
            table.add_row(*map(self.text, row), style=WRONG_STYLE if row[-1] == "WRONG" else "")
        self.console.print(Padding(table, (0, 0, 0, indent + 2), expand=False))


def encodable(text: str, encoding: str) -> str:
    r"""`text` with what `encoding` cannot hold spelled out, transcribed, or as its number.

    >>> print(encodable("δ = ŷ − y, naïve, 中", "ascii"))
    delta = y_hat - y, naive, \u4e2d
    """
    return "".join(spelled(character, encoding) for character in unicodedata.normalize("NFC", text))


def spelled(character: str, encoding: str) -> str:
    plain = "".join(each for each in unicodedata.normalize("NFKD", character) if not unicodedata.combining(each))
    for candidate in (character, SPELLINGS.get(character), plain):
        if candidate and holds(encoding, candidate):
            return candidate
    return character.encode("ascii", "backslashreplace").decode("ascii")


def holds(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
