import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlight.checking.verdict import TensorCheck, Verdict
from backlight.errors import SettingsError
from backlight.reports.check_result import CheckResult
from backlight.reports.check_words import answer, headline, visible
from backlight.reports.html.check import check_page
from backlight.reports.html.page import STYLE
from backlight.reports.notebook.check import html
from tests.reports.test_check_text import EVERY_KIND, MISTAKE, PATCH, RIGHT, SEVERAL, TENSORS, UNKNOWN, WRONG

TAGS = {
    *("div", "style", "h3", "h4", "p", "strong", "section", "ul", "li", "br", "pre", "code", "del", "ins"),
    *("table", "caption", "thead", "tbody", "tr", "th", "td", "details", "summary", "article"),
    *("figure", "figcaption", "svg", "title", "desc", "text", "path", "circle"),
}
ATTRIBUTES = {"class", "lang", "scope", "translate", "tabindex", "role", "viewbox"}
DRAWN = {"x", "y", "cx", "cy", "r", "d", "text-anchor"}


class Page(HTMLParser):
    """The text of a fragment without its style; fails where tags do not match or attributes are not ours."""

    def __init__(self, text):
        super().__init__()
        self.open, self.text, self.tags = [], "", []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        assert tag in TAGS
        assert {name for name, _ in attributes} <= ATTRIBUTES | DRAWN
        self.tags.append(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text += data

    def handle_comment(self, data):
        raise AssertionError(data)

    handle_decl = unknown_decl = handle_pi = handle_comment


@pytest.mark.parametrize("name", EVERY_KIND)
def test_a_whole_element_that_needs_nothing_else(name):
    text = html(EVERY_KIND[name])
    page = Page(text)
    assert page.tags[0] == "div"
    assert page.text.strip().startswith(headline(EVERY_KIND[name]))
    assert not re.search(r"https?:|url\(|@import|<script", text)


def test_everything_is_there():
    page = Page(html(WRONG))
    for words in (
        "BL330, training fails",
        "54 | dz = da * slope(self.z)  # [bold]not markup[/bold]",
        "δ_L = (ŷ − y) / N",
        "relative error 0.41",
        "slope-of-input, slope-twice",
        "-        dz = da * slope(self.z)",
        "+        dz = da",
        "agree with central differences",
        "3 of 20",
        "1 of 2 gradients is wrong",
        "accuracy was not looked at",
    ):
        assert words in page.text
    assert page.text.count("WRONG") == 1


def test_tables_have_captions_and_headers_and_long_parts_are_folded():
    text = html(SEVERAL)
    page = Page(text)
    assert page.tags.count("table") == page.tags.count("thead") == 2
    assert page.tags.count("caption") == page.tags.count("figcaption") == 1
    assert text.count('scope="row"') == 2 + len(TENSORS)
    assert (
        page.tags.count("details") == page.tags.count("summary") == 3
    )  # the gradients, the notes, the effect's numbers
    long = replace(MISTAKE, patch=replace(PATCH, diff="", before="a\n" * 20))
    assert Page(html(replace(WRONG, findings=(long,)))).tags.count("details") == 4
    assert "details" not in Page(html(replace(RIGHT, tensors=()))).tags


@pytest.mark.parametrize("name", EVERY_KIND)
def test_the_page_is_one_file_that_needs_nothing_else(name, tmp_path):
    path = CheckResult(EVERY_KIND[name]).report(tmp_path / "check.html")
    text = path.read_text(encoding="utf-8")
    assert answer(EVERY_KIND[name])[1:20] in unescape(text)
    assert 'http-equiv="Content-Security-Policy" content="default-src' in text
    assert not re.search(r"https?:|url\(|@import|src=", text)
    with pytest.raises(SettingsError, match="no such folder"):
        CheckResult(EVERY_KIND[name]).report(tmp_path / "no" / "check.html")


def test_what_mending_does_to_training_is_drawn_with_its_interval():
    text = check_page(WRONG)
    assert "before: 0.15 [0.05237, 0.3604], n = 20" in text
    assert text.count('class="interval"') == 2


def luminance(colour):
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("dark", [False, True])
def test_colours_have_contrast(dark):
    """WCAG 2.2: 4.5 for text, 3 for lines."""
    light_rules, dark_rules = STYLE.split("@media screen and (prefers-color-scheme: dark)")
    colours = dict(re.findall(r"--(\w+): (#\w{6})", light_rules.replace("#fff;", "#ffffff;")))
    colours |= dict(re.findall(r"--(\w+): (#\w{6})", dark_rules)) if dark else {}
    for name in ("ink", "soft", "good", "bad", "c0", "c1", "c2"):
        low, high = sorted((luminance(colours["paper"]), luminance(colours[name])))
        assert (high + 0.05) / (low + 0.05) >= (3 if name.startswith("c") else 4.5), name


def test_it_stays_small_and_says_what_is_left_out():
    long = "<&'\"𝛿>" * 5_000
    many = tuple(TensorCheck(f"{long}{number}", (2, 3), 1.0, number != 900) for number in range(1000))
    finding = replace(MISTAKE, title=long, explanation=long, evidence=(long,) * 9, text=long, equivalents=(long,) * 9)
    huge = Verdict(long, "wrong", subject=long, objective=long, findings=(finding,) * 9, tensors=many, notes=(long,))
    text = html(huge)
    assert len(text.encode()) < 200_000
    assert "left out" in Page(text).text
    assert len(html(replace(WRONG, findings=(UNKNOWN,) * 1000)).encode()) < 200_000


def test_the_wrong_gradients_stay_where_there_are_too_many_rows():
    many = tuple(TensorCheck(f"W{number}", (2, 3), 1.0, number != 900) for number in range(1000))
    page = Page(html(replace(WRONG, tensors=many)))
    assert "W900" in page.text
    assert "W199" not in page.text
    assert "800 more are not shown" in page.text


hostile = st.text(max_size=50) | st.sampled_from(
    [
        "<script>alert(1)</script>",
        "</code></pre></div>",
        "</style>",
        "<!--",
        "]]>",
        "&lt;",
        '" onload="x',
        "<img src=x>",
    ]
)


@given(hostile)
def test_hostile_text_is_shown_as_it_is(text):
    finding = replace(
        MISTAKE, title=text, explanation=text, formula=text, evidence=(text,), text=f";{text};", equivalents=(text,),
        tensor=text, file=text, patch=replace(PATCH, file=text, before=text, diff="", proof=text),
    )  # fmt: skip
    tensor = TensorCheck(text, (2,), 0.5, False)
    verdict = Verdict(text, "wrong", subject=text, findings=(finding,), tensors=(tensor,), notes=(text,))
    assert f"54 | {visible(f';{text};')}".replace("\n", " ") in Page(html(verdict)).text
    page = check_page(verdict)
    assert page.count("<script") == page.count("</html>") == 1
    assert "<img" not in page
