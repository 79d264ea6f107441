import re
import shutil
import subprocess
import sys

import pytest

from backlight.training.settings import MLPSettings
from backlight.training.train_mlp import train_mlp

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
SERVE = "import sys, pathlib; from backlight.page.serve import serve; serve(pathlib.Path(sys.argv[1]), 0, say=print)"


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


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium. One a module, not a session: while its driver is started no other test can use asyncio."""
    driver = pytest.importorskip("playwright.sync_api", reason="the browser's driver, playwright, is not installed")
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        pytest.skip("Chromium is not installed")
    with driver.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture
def served():
    """A function that serves a folder in a process of its own and gives the link; all end with the test."""
    servers = []

    def serve(folder):
        server = subprocess.Popen([sys.executable, "-u", "-c", SERVE, str(folder)], stdout=subprocess.PIPE, text=True)
        servers.append(server)
        link = server.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=\S+", link)
        return link

    yield serve
    for server in servers:
        server.terminate()
    for server in servers:
        server.wait(20)  # it ends by itself, whatever it had started
        server.stdout.close()


@pytest.fixture
def opened(browser):
    """A function that opens a page; what it complains of in the console fails the test, but for `expected`."""
    complaints, contexts = [], []

    def open_page(link, width=1280, colours="light", expected=None):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=colours)
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
