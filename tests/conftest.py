import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# The first call of a kernel loads or compiles it: no example has a deadline, the whole test has pytest's.
settings.register_profile("backlight", deadline=None)
settings.load_profile("backlight")

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


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
def opened(browser):
    """Opens a file or an address in a page of its own; what it complains of or asks the network for fails the test."""
    contexts, complaints = [], []

    def open_(place, width=1280, colours="light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=colours)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: watched(request.url))
        page.goto(place.resolve().as_uri() if isinstance(place, Path) else place)
        return page

    def watched(address):
        if not address.startswith(("file:", "data:", "http://127.0.0.1:")):
            complaints.append(f"asked for {address}")

    yield open_
    for context in contexts:
        context.close()
    assert not complaints
