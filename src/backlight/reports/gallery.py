"""A single page of pictures and tables that needs no other file; the pictures stand beside it as files, too."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from backlight.figures.style import Figure, save_figure
from backlight.reports.html import fragments
from backlight.reports.html.fragments import Table, paragraph, text
from backlight.reports.html.page import document, write_page


@dataclass(frozen=True)
class Picture:
    """A picture file and what it shows, in words that also serve who cannot see it."""

    path: Path
    caption: str


def save_pictures(figures: Mapping[str, tuple[Figure, str]], folder: Path) -> list[Picture]:
    """Writes folder/name.png for each name, from its figure and caption."""
    return [Picture(save_figure(figure, folder / f"{name}.png"), words) for name, (figure, words) in figures.items()]


@dataclass(frozen=True)
class Section:
    title: str
    text: str
    parts: Sequence[Picture | Table] = ()


def write_gallery(path: Path, title: str, sections: Sequence[Section]) -> None:
    """Writes an HTML page at `path`, with its pictures inside."""
    found = [fragments.Section(f"part-{number}", each.title, body(each)) for number, each in enumerate(sections, 1)]
    write_page(path, document(title, found))


def body(section: Section) -> str:
    words = [paragraph(words) for words in section.text.split("\n\n") if words]
    parts = [picture_html(part) if isinstance(part, Picture) else fragments.table_html(part) for part in section.parts]
    return "\n".join([*words, *parts])


def picture_html(picture: Picture) -> str:
    source = f"data:image/png;base64,{b64encode(picture.path.read_bytes()).decode('ascii')}"
    caption = text(picture.caption)
    return f'<figure><img src="{source}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'


def table_text(table: Table) -> str:
    """The table in Markdown."""
    lines = [table.header, ["---"] * len(table.header), *table.rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
