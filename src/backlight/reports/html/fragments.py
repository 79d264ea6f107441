"""Pieces of the page as strings. Every text goes through `text`: names come from files that somebody else wrote."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeVar

from backlight.reports.check_words import visible

MOST_ROWS = 200  # of a table
T = TypeVar("T")


@dataclass(frozen=True)
class Table:
    """What a picture shows, in numbers; `remark` says what a longer table was thinned from."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    remark: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page: its anchor, its heading, and what stands below it."""

    anchor: str
    title: str
    body: str


def text(words: object) -> str:
    """For between tags and inside quoted attributes."""
    return escape(visible(str(words)))


def paragraph(words: str, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f"<p{attribute}>{text(words)}</p>"


def bullets(lines: Iterable[str], tag: str = "ul") -> str:
    return f"<{tag}>{''.join(f'<li>{text(line)}</li>' for line in lines)}</{tag}>"


def folded(summary: str, body: str, open_: bool = False) -> str:
    return f"<details{' open' if open_ else ''}><summary>{text(summary)}</summary>{body}</details>"


def table_html(table: Table) -> str:
    head = "".join(f'<th scope="col">{text(cell)}</th>' for cell in table.header)
    rows = "\n".join(row_html(row) for row in table.rows)
    remark = paragraph(table.remark, "small") if table.remark else ""
    whole = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'{remark}<div class="scroll" tabindex="0">{whole}</div>'


def row_html(row: Sequence[str]) -> str:
    first, *others = row
    return f'<tr><th scope="row">{text(first)}</th>{"".join(f"<td>{text(cell)}</td>" for cell in others)}</tr>'


def thinned(header: Sequence[str], keys: Sequence[T], row: Callable[[T], Sequence[str]]) -> Table:
    """At most MOST_ROWS rows, evenly spread, with the first and the last; the others are never made."""
    count = len(keys)
    if count <= MOST_ROWS:
        return Table(header, [row(key) for key in keys])
    places = sorted({round(number * (count - 1) / (MOST_ROWS - 1)) for number in range(MOST_ROWS)})
    return Table(header, [row(keys[place]) for place in places], f"{len(places)} of {count:,} rows, evenly spread")


def figure_html(picture: str, caption: str, table: Table | None, kind: str = "plain") -> str:
    """A picture with its caption, and its numbers folded away below it; `kind` "single" bounds its width."""
    numbers = folded("Numbers", table_html(table)) if table and table.rows else ""
    return f'<figure class="{kind}">{picture}<figcaption>{text(caption)}</figcaption>{numbers}</figure>'


def panels(figures: Iterable[str], kind: str = "panels") -> str:
    """Pictures beside each other as far as the page is wide."""
    return f'<div class="{kind}">{"".join(figures)}</div>'


def number(value: float) -> str:
    """
    >>> number(1234567), number(0.00012345), number(float("nan")), number(2.0)
    ('1.235e+06', '0.0001234', 'NaN', '2')
    """
    return "NaN" if value != value else f"{value:.4g}"
