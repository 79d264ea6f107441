from html.parser import HTMLParser

from backlight.reports.gallery import Picture, Section, Table, table_text, write_gallery


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


def test_pictures_are_linked_beside_the_page_and_text_is_escaped(tmp_path):
    picture = Picture(tmp_path / "figures" / "a b.png", 'a "picture" <of> & something')
    table = Table(("x", "y"), [("<1>", "2"), ("3", "4")])
    write_gallery(tmp_path / "index.html", "A <title>", "First.\n\nSecond.", [Section("Part", "", [picture, table])])
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    links = Links()
    links.feed(page)
    assert links.sources == ["figures/a b.png"]
    assert links.alternatives == ['a "picture" <of> & something']
    assert links.cells == 4
    assert "&lt;1&gt;" in page
    assert page.count("<p>") == 2
    assert "http" not in page


def test_table_as_markdown():
    assert table_text(Table(("a", "b"), [("1", "2")])) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
