from html.parser import HTMLParser

from backlight.reports.gallery import Picture, Section, table_text, write_gallery
from backlight.reports.html.fragments import Table


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.sources, self.alternatives, self.cells = [], [], 0

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "img":
            self.sources.append(values["src"])
            self.alternatives.append(values["alt"])
        self.cells += tag == "td"


def test_pictures_stand_in_the_page_and_text_is_escaped(tmp_path):
    picture = Picture(tmp_path / "a b.png", 'a "picture" <of> & something')
    picture.path.write_bytes(b"pixels")
    table = Table(("x", "y"), [("<1>", "2"), ("3", "4")])
    write_gallery(tmp_path / "index.html", "A <title>", [Section("Part", "First.\n\nSecond.", [picture, table])])
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    links = Links()
    links.feed(page)
    assert links.sources == ["data:image/png;base64,cGl4ZWxz"]
    assert links.alternatives == ['a "picture" <of> & something']
    assert links.cells == 2  # beside the first of each row, which names it
    assert "&lt;1&gt;" in page
    assert page.count("<p>") == 2
    assert "https:" not in page


def test_table_as_markdown():
    assert table_text(Table(("a", "b"), [("1", "2")])) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
