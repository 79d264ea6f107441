"""The page around the sections: one style, one small script, nothing from anywhere else."""

from collections.abc import Sequence
from pathlib import Path

from backlight.errors import SettingsError
from backlight.files import write_atomically
from backlight.reports.html.fragments import Section, text

# Okabe & Ito's colours; in the dark, blue and sky blue change places, since blue on black is hard to see.
STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c1c1e; --soft: #5c5c61; --line: #c9c9ce; --grid: #e7e7ea;
  --good: #00664a; --bad: #a33c00; --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #cc79a7; --c4: #b87a00;
  --c5: #56b4e9; --c6: #1c1c1e; --c7: #8a8a8a; }
@media screen and (prefers-color-scheme: dark) { :root { --paper: #16171a; --ink: #ececef; --soft: #a9a9b0;
  --line: #4b4c52; --grid: #2c2d32; --good: #5cd6ac; --bad: #ff9d66; --c0: #56b4e9; --c1: #ff8c3a; --c2: #2cc795;
  --c4: #e69f00; --c5: #4794d6; --c6: #ececef; } }
* { box-sizing: border-box; }
body { background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; max-width: 76rem;
  margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.3rem; margin: .2rem 0; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; } p { margin: .4rem 0; max-width: 50rem; }
nav a { margin-right: 1rem; } a { color: var(--c0); }
.answer { font-size: 1.35rem; line-height: 1.35; font-weight: 600; border-left: 6px solid var(--bad);
  padding-left: .8rem; margin: .8rem 0; } .answer.good { border-color: var(--good); }
article { border-left: 4px solid var(--line); padding-left: .8rem; margin: 1rem 0; }
article.prevents { border-color: var(--bad); } article.slows, article.rescales { border-color: var(--c4); }
article h3 { margin-top: 0; } ul, ol { margin: .2rem 0 .6rem; padding-left: 1.4rem; max-width: 50rem; }
.label { font-weight: 600; margin: .4rem 0 0; } .small, figcaption { font-size: .85rem; color: var(--soft); }
pre { background: var(--grid); padding: .7rem; border-radius: 4px; white-space: pre-wrap; font-size: .85rem; }
figure { margin: 0 0 .8rem; min-width: 0; } svg { display: block; width: 100%; height: auto; overflow: visible; }
img { max-width: 100%; background: #fff; border-radius: 4px; } figure.single { max-width: 34rem; }
.panels { display: grid; gap: .4rem 1.2rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); }
.images { display: grid; gap: .6rem; grid-template-columns: repeat(auto-fill, minmax(6rem, 1fr)); }
details { margin: .2rem 0; } summary { cursor: pointer; font-size: .85rem; color: var(--soft); }
:focus-visible { outline: 2px solid var(--c0); outline-offset: 2px; }
.scroll { overflow-x: auto; } details .scroll { max-height: 24rem; }
table { border-collapse: collapse; font-size: .82rem; }
caption { text-align: left; padding: .3rem 0; color: var(--soft); } tr.wrong { color: var(--bad); }
del { color: var(--bad); text-decoration: none; } ins { color: var(--good); text-decoration: none; }
th, td { overflow-wrap: break-word; text-align: left; vertical-align: top; padding: .15rem .8rem .15rem 0;
  border-bottom: 1px solid var(--grid);
  font-variant-numeric: tabular-nums; font-weight: 400; } thead th { font-weight: 600; }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft); } svg text.head { fill: var(--ink); }
.frame { fill: none; stroke: var(--line); } .rule { stroke: var(--grid); }
.guide { stroke: var(--soft); stroke-dasharray: 2 3; }
.thin { fill: none; stroke-width: .8; opacity: .35; } .thick { fill: none; stroke-width: 1.7; }
.band { fill: var(--c0); stroke: var(--c0); stroke-width: .7; stroke-opacity: .5; } .median { stroke: var(--c1); }
.interval { stroke: var(--c0); stroke-width: 4; stroke-opacity: .45; } .dots { fill: none; stroke-width: 4;
  stroke-linecap: round; stroke-opacity: .55; }
.broken { stroke: var(--ink); stroke-width: 1.6; } .pixels { image-rendering: pixelated; }
.off { display: none; } input[type=range] { width: min(100%, 30rem); display: block; } .slider { font-size: .85rem; }
@media print { :root { color-scheme: light; } body { max-width: none; padding: 0; font-size: 11pt; }
  nav, .slider { display: none; } figure, pre, tr { break-inside: avoid; }
  h1, h2, h3, .label, .small { break-after: avoid; } details .scroll { max-height: none; }
  th, td { overflow-wrap: anywhere; } }
""".strip()
COLOURS = 8
STYLE += "\n" + "\n".join(
    f".s{number} {{ stroke: var(--c{number}); }} .f{number} {{ fill: var(--c{number}); }}" for number in range(COLOURS)
)
# Without it, each boundary stays at its last step.
SCRIPT = """
for (const box of document.querySelectorAll(".slider")) {
  const frames = box.parentElement.querySelectorAll(".moment"), input = box.querySelector("input");
  const show = () => {
    frames.forEach((frame, at) => frame.classList.toggle("off", at != input.value));
    const words = frames[input.value].getAttribute("data-words");
    box.querySelector("output").textContent = words;
    input.setAttribute("aria-valuetext", words);
  };
  box.hidden = false; input.addEventListener("input", show); show();
}
""".strip()


def document(title: str, sections: Sequence[Section]) -> str:
    """The whole file. The policy in its head forbids whatever is not in the file."""
    links = "".join(f'<a href="#{text(each.anchor)}">{text(each.title)}</a>' for each in sections)
    body = "\n".join(
        f'<section id="{text(each.anchor)}"><h2>{text(each.title)}</h2>\n{each.body}</section>' for each in sections
    )
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{text(title)}</title>\n'
        f"<style>\n{STYLE}\n</style></head>\n<body><header><h1>{text(title)}</h1><nav>{links}</nav></header>\n"
        f"<main>\n{body}\n</main>\n<script>\n{SCRIPT}\n</script></body></html>\n"
    )


def write_page(target: Path, page: str) -> Path:
    """Raises SettingsError if the folder to write into is not there."""
    if not target.parent.is_dir():
        raise SettingsError(f"{target.parent}: no such folder; make it first, or choose another place for the page")
    write_atomically(target, page)
    return target
