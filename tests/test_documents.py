"""Code that people copy has to run: the blocks of the README and of the documentation, and the examples."""

import re
import runpy
import shutil
import sys
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from msgspec import convert

import backlight
from backlight.page.playground.settings import PlaygroundSettings
from tests.document_blocks import Reader, blocks

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [page for page in DOCS.rglob("*.md") if "_build" not in page.parts]
RUN = [page for page in (ROOT / "README.md", *sorted(PAGES)) if blocks(page)]


@pytest.fixture
def threads_of_torch():
    """A page may change their number."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads_of_torch")
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_a_page_does_what_it_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "my_network", None)  # taken away again afterwards
    if "lightning" in page.read_text(encoding="utf-8"):
        pytest.importorskip("lightning")
    shutil.copy(ROOT / "tests" / "my_network.py", tmp_path)  # the reader's own
    Reader(page).follow()


@pytest.mark.parametrize("name", ["points.py", "digits.py"])
def test_examples(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(ROOT / "examples" / name))
    assert "accuracy" in capsys.readouterr().out


def test_links_between_documents_lead_somewhere():
    for document in [*ROOT.glob("*.md"), *PAGES, *ROOT.glob("examples/**/*.md")]:
        text = document.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_links_into_the_page_restore_what_it_knows():
    static = ROOT / "src/backlight/page/static"
    hideable = re.search(r"HIDEABLE = {(.*?)};", (static / "play_controls.js").read_text(encoding="utf-8"), re.DOTALL)[
        1
    ]
    links = re.findall(r"#play\?([^)\s]+)\)", (DOCS / "tutorials/teacher.md").read_text(encoding="utf-8"))
    assert len(links) > 5
    for link in links:
        given = {name: values[0] for name, values in parse_qs(link, keep_blank_values=True).items()}
        hidden = given.pop("hide", "")
        assert set(filter(None, hidden.split(","))) <= set(re.findall(r"(\w+): \"", hideable)), link
        assert int(given.pop("step", 0)) >= 0
        for name in {"hidden", "activations"} & set(given):
            given[name] = list(filter(None, given[name].split(",")))
        assert set(given) <= set(PlaygroundSettings.__struct_fields__), link
        convert(given, PlaygroundSettings, strict=False)


def test_every_page_stands_in_a_table_of_contents():
    listed = {DOCS / "index.md"}
    for page in PAGES:
        for tree in re.findall(r"```{toctree}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for entry in re.findall(r"^[\w/*-]+$", tree, re.MULTILINE):
                found = list(page.parent.glob(f"{entry}.md"))
                assert found, f"{page.name}: no page {entry}"
                listed |= set(found)
    assert not set(PAGES) - listed, "name these in a toctree, such as those of docs/index.md"


def test_every_public_name_stands_in_the_reference():
    reference = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "api").glob("*.md"))
    listed = set(re.findall(r":: backlight\.(\w+)$", reference, re.MULTILINE))
    assert listed == {name for name in backlight.__all__ if not name.startswith("__")}
