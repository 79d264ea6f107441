"""Reports in a browser: they open without a network and without a complaint, and everybody can use them."""

import io
from pathlib import Path

import pytest

import backlight as bl

ROOT = Path(__file__).parents[2]
TEXTS = "h1, h2, h3, p, li, a, th, td, summary, figcaption, pre, label, output, svg text:not([style])"
# WCAG 2.2: the contrast of every text with the colour that lies behind it
CONTRASTS = """
(selector) => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (value) => value <= 0.04045 * 255 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = parts(getComputedStyle(each).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll(selector)].map((element) => {
    const style = getComputedStyle(element);
    const ink = light(parts(element.ownerSVGElement ? style.fill : style.color)), paper = light(behind(element));
    const low = Math.min(ink, paper), high = Math.max(ink, paper);
    return [(high + 0.05) / (low + 0.05), element.textContent.slice(0, 40)];
  });
}
"""


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """One of each kind, by name."""
    folder = tmp_path_factory.mktemp("reports")
    good = bl.train_mlp(bl.MLPSettings(steps=600, record_every=20), folder / "good")
    bad = bl.train_mlp(
        bl.MLPSettings(layers=(2, 4, 3, 2), activation="relu", learning_rate=50.0, steps=200, record_every=20),
        folder / "bad",
    )
    swept = {"activation": ["relu", "tanh"], "l2": [0, 0.1]}
    study = bl.study(folder / "study", **swept, seeds=5, steps=60, stream=io.StringIO())
    return {
        "run": bl.report(good),
        "failed": bl.report(bad),
        "several": bl.report(good, bad, out=folder / "both.html"),
        "study": bl.report(study),
        "check": bl.check(ROOT / "examples" / "casebook" / "n_layer_network.py").report(folder / "check.html"),
    }


KINDS = ("run", "failed", "several", "study", "check")


def unfold(page):
    page.evaluate("document.querySelectorAll('details').forEach((each) => each.open = true)")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_wider_than_the_window(opened, reports, kind):
    page = opened(reports[kind], 400)
    unfold(page)
    for width in (400, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("kind", KINDS)
def test_every_text_has_contrast(opened, reports, kind):
    page = opened(reports[kind])
    unfold(page)
    for colours in ("light", "dark"):
        page.emulate_media(color_scheme=colours)
        found = page.evaluate(CONTRASTS, TEXTS)
        assert len(found) > 50
        assert [each for each in found if each[0] < 4.5] == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_picture_has_its_words_and_its_numbers(opened, reports, kind):
    page = opened(reports[kind])
    figures = page.locator("figure:has(svg)")
    assert figures.count() == page.locator("svg").count()
    for words in page.locator("svg > desc").all():
        assert words.text_content()
    assert page.locator("figure:has(svg):not(:has(table))").count() == 0
    assert figures.count() >= (1 if kind == "check" else 5)


def test_the_answer_is_on_the_first_screen(opened, reports):
    answers = {
        "run": "Yes, it learnt.",
        "failed": "No, it did not learn. The likeliest cause",
        "several": "No, it did not learn. The likeliest cause",
        "study": "succeed",
        "check": "3 mistakes",
    }
    for kind, words in answers.items():
        box = opened(reports[kind], 400).locator(f"main >> text={words}").first.bounding_box()
        assert box["y"] + box["height"] < 900, kind


def test_the_slider_is_moved_by_the_keyboard(opened, reports):
    page = opened(reports["run"])
    slider, said = page.locator("input[type=range]"), page.locator(".slider output")
    last = said.text_content()
    assert last.startswith("step 600: ")
    assert page.locator(".moment:not(.off)").count() == 1
    slider.focus()
    page.keyboard.press("Home")
    assert said.text_content().startswith("step 0: ")
    assert slider.get_attribute("aria-valuetext") == said.text_content()
    page.keyboard.press("ArrowRight")
    assert said.text_content().startswith("step 1: ")
    assert page.locator(".moment").nth(1).is_visible()
    assert page.locator(".moment:not(.off)").count() == 1
    page.keyboard.press("End")
    assert said.text_content() == last


def test_tables_unfold_by_the_keyboard(opened, reports):
    page = opened(reports["run"])
    folded = page.locator("figure details").first
    folded.locator("summary").focus()
    page.keyboard.press("Enter")
    assert folded.locator("table").is_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "scroll"


def test_it_prints_on_white_without_what_only_a_screen_needs(opened, reports):
    page = opened(reports["run"], colours="dark")
    page.emulate_media(media="print", color_scheme="dark")
    white = "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == white
    assert not page.locator("nav").is_visible()
    assert not page.locator(".slider").is_visible()
    assert page.locator(".moment").last.is_visible()
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_a_notebook_shows_it_without_touching_what_is_around(opened, reports, tmp_path):
    shown = bl.Run.open(reports["failed"].parent)._repr_html_()
    file = tmp_path / "cell.html"
    around = "<p id=around>around</p><table id=own><tr><td>a</td></tr></table>"
    file.write_text(f"<!doctype html><meta charset=utf-8>{around}", encoding="utf-8")
    looks = "['around', 'own'].map((id) => getComputedStyle(document.getElementById(id)).cssText)"
    before = opened(file, 400).evaluate(looks)
    file.write_text(f"<!doctype html><meta charset=utf-8>{around}{shown}", encoding="utf-8")
    page = opened(file, 400)
    assert page.evaluate(looks) == before
    assert page.locator("text=No, it did not learn").first.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert [each for each in page.evaluate(CONTRASTS, ".backlight-shown p, .backlight-shown td") if each[0] < 4.5] == []
