"""Code that people copy has to run: the blocks of the README and the examples."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCKS = [
    (name, block)
    for name in ("README.md", "docs/diagnosis.md", "docs/report.md", "docs/studies.md", "docs/watching.md")
    for block in re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), flags=re.DOTALL)
]


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_blocks_of_the_documents(number, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    name, block = BLOCKS[number]
    if "lightning" in block:
        pytest.importorskip("lightning")
    exec(compile(block, name, "exec"), {})
    assert re.search("accuracy|dead units|activations", capsys.readouterr().out)


@pytest.mark.parametrize("name", ["points.py", "digits.py"])
def test_examples(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(ROOT / "examples" / name))
    assert "accuracy" in capsys.readouterr().out


def test_links_between_documents_lead_somewhere():
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]:
        text = document.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
