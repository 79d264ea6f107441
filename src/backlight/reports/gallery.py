"""A single page of pictures and tables, with plain links to the files beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from backlight.figures.style import Figure, save_figure
from backlight.files import write_atomically

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 66rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin-top: 2.5rem; }
figure { margin: 1rem 0; } img { max-width: 100%; background: white; border-radius: 4px; }
figcaption { font-size: .9rem; opacity: .8; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #8884; }
"""


@dataclass(frozen=True)
class Picture:
    """A picture file and what it shows, in words that also serve who cannot see it."""

    path: Path
    caption: str


def save_pictures(figures: Mapping[str, tuple[Figure, str]], folder: Path) -> list[Picture]:
    """Writes folder/name.png for each name, from its figure and caption."""
    return [Picture(save_figure(figure, folder / f"{name}.png"), words) for name, (figure, words) in figures.items()]


@dataclass(frozen=True)
class Table:
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    title: str
    text: str
    parts: Sequence[Picture | Table] = ()


def write_gallery(path: Path, title: str, text: str, sections: Sequence[Section]) -> None:
    """Writes an HTML page at `path`; pictures are linked relative to it."""
    body = "\n".join(section_html(section, path.parent) for section in sections)
    page = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>\n'
        f"<body><h1>{escape(title)}</h1>\n{paragraphs(text)}\n{body}\n</body></html>\n"
    )
    write_atomically(path, page)


def section_html(section: Section, base: Path) -> str:
    parts = [picture_html(part, base) if isinstance(part, Picture) else table_html(part) for part in section.parts]
    return "\n".join([f"<h2>{escape(section.title)}</h2>", paragraphs(section.text), *parts])


def paragraphs(text: str) -> str:
    return "\n".join(f"<p>{escape(paragraph)}</p>" for paragraph in text.split("\n\n") if paragraph)


def picture_html(picture: Picture, base: Path) -> str:
    source = escape(picture.path.relative_to(base).as_posix())
    caption = escape(picture.caption)
    return f'<figure><img src="{source}" alt="{caption}" loading="lazy"><figcaption>{caption}</figcaption></figure>'


def table_html(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.header)
    rows = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    return f'<div class="scroll"><table><tr>{head}</tr>\n{rows}\n</table></div>'


def table_text(table: Table) -> str:
    """The table in Markdown."""
    lines = [table.header, ["---"] * len(table.header), *table.rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
