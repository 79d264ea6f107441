"""The causes in words, and their pages."""

from pathlib import Path

from backlight.diagnosis.catalogue import CAUSES, LEVELS, page, page_name, write_pages

ROOT = Path(__file__).parents[2]


def test_codes_are_unique_and_without_gaps():
    assert [cause.code for cause in CAUSES.values()] == [f"BL{number}" for number in range(101, 101 + len(CAUSES))]
    assert len(CAUSES) == 38


def test_each_cause_says_everything():
    for name, cause in CAUSES.items():
        assert name == name.lower()
        assert cause.level in LEVELS
        assert not cause.title.endswith(".")
        assert cause.meaning.endswith(".")
        assert all((cause.likely, cause.tries, cause.against, cause.source))


def test_the_pages_are_those_of_the_catalogue(tmp_path):
    write_pages(tmp_path)
    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    kept = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "rules").glob("BL*.md")}
    assert kept == written, "run python -m backlight.diagnosis.catalogue"
    assert written[page_name("dead-units")] == page("dead-units")


def test_the_guide_names_every_cause():
    guide = (ROOT / "docs" / "diagnosis.md").read_text(encoding="utf-8")
    for name, cause in CAUSES.items():
        assert f"[{cause.code}](rules/{page_name(name)})" in guide
        assert name in guide
