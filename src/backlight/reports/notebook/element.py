"""The element that a notebook shows: the page's style for it alone, no script, and no more than so many bytes."""

import re
from collections.abc import Iterable

from backlight.reports.check_words import counted
from backlight.reports.html.fragments import paragraph, text
from backlight.reports.html.page import STYLE

MOST_BYTES = 190_000
NAME = "backlight-shown"
# Notebooks have rules for tables and code that would win over ours, with colours for a theme that may be another one.
AGAINST = f"""
.{NAME} {{ margin: 0; text-align: left; }} .{NAME} h3 {{ font-weight: 600; }}
.{NAME} :is(tr, td, th, code) {{ background: none !important; color: inherit !important; }}
.{NAME} :is(td, th) {{ text-align: left !important; }} .{NAME} pre {{ color: inherit !important; }}
""".strip()


def scoped(style: str) -> str:
    """Every rule for what is inside of the element alone.

    >>> scoped("body, p b { a: 1; } @media print { :root { c: 2; } }")
    '.backlight-shown, .backlight-shown p b { a: 1; } @media print { .backlight-shown { c: 2; } }'
    """

    def rule(found: re.Match[str]) -> str:
        before, selectors, declarations = found.groups()
        return f"{before}{', '.join(map(inside, selectors.split(',')))} {{{declarations}}}"

    return re.sub(r"(\s*)([^{}]+)\{([^{}]*)\}", rule, style)


def inside(selector: str) -> str:
    name = selector.strip()
    return f".{NAME}" if name in (":root", "body") else f".{NAME} {name}"


SCOPED = f"{scoped(STYLE)}\n{AGAINST}"


def element(title: str, pieces: Iterable[str], whole: str) -> str:
    """The pieces below their title; those that do not fit are counted, and `whole` says where they are to be seen."""
    head = f'<div class="{NAME}" lang="en"><style>{SCOPED}</style>\n<h3>{text(title)}</h3>\n'
    return head + "\n".join(fitting(filter(None, pieces), MOST_BYTES - len(head.encode()), whole)) + "\n</div>\n"


def fitting(pieces: Iterable[str], room: int, whole: str) -> list[str]:
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
        kept.append(paragraph(f"{counted(left_out, 'part')} left out, too long for a notebook; {whole} shows all."))
    return kept
