import threading

import pytest

from backlight.training.settings import MLPSettings
from backlight.training.train_mlp import train_mlp
from tests.page.served import start, stop


@pytest.fixture(scope="session")
def finished_runs(tmp_path_factory):
    """A folder with a run that learnt, one that did not, and one, deeper, whose loss became NaN; not to be changed."""
    from backlight.errors import DivergedError

    folder = tmp_path_factory.mktemp("runs")
    train_mlp(MLPSettings(steps=300, record_every=10), folder / "good")
    train_mlp(MLPSettings(steps=200, record_every=10, learning_rate=1e-7), folder / "slow")
    with pytest.raises(DivergedError):
        train_mlp(
            MLPSettings(steps=50, record_every=1, learning_rate=1e150, activation="relu"), folder / "deep" / "nan"
        )
    return folder


@pytest.fixture(scope="session")
def compiled():
    """The engine is on disk: a server that has to compile it first answers nothing that needs compiled code."""
    from backlight.page.app import compile_engine

    compile_engine(threading.Event())


@pytest.fixture
def served(compiled):
    """A function that serves a folder in a process of its own and gives the link; all end with the test."""
    servers = []

    def serve(folder):
        server, link = start(folder)
        servers.append(server)
        return link

    yield serve
    for server in servers:
        stop(server)


@pytest.fixture
def opened(browser):
    """A function that opens a page; what it complains of in the console fails the test, but for `expected`."""
    complaints, contexts = [], []

    def open_page(link, width=1280, expected=None, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda said: complain(said.text, expected) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(link)
        return page

    def complain(words, expected):
        if expected is None or expected not in words:
            complaints.append(words)

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def server(browser, tmp_path_factory):
    """(process, link) of one server for all tests of a file."""
    process, link = start(tmp_path_factory.mktemp("runs"))
    yield process, link
    stop(process)


@pytest.fixture
def playground(server, opened):
    """A function that opens a tab at an address's settings, and waits for its first picture."""

    def tab(address="", **options):
        page = opened("about:blank", **options)
        page.streams = []  # addresses of the tab's event streams
        page.on("request", lambda asked: page.streams.append(asked.url) if "/events" in asked.url else None)
        page.goto(f"{server[1]}#play{'?' if address else ''}{address}")
        page.wait_for_selector("body[data-drawn]")
        return page

    return tab
