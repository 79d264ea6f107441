"""The pictures of docs/page.md: the live page in Chromium, as a visitor sees it. `make pictures` writes them."""

import signal
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SPIRALS = "#play?data=spirals&classes=3&samples=500&hidden=8,8&activations=tanh,relu&learning_rate=0.3"
DYING = "#play?activations=relu,relu&hidden=3,3&seed=3&learning_rate=2&noise=0.1&step=2000"
COLOURS = 128  # of a saved picture: a quarter of its size, and nobody sees it


def save(page: Page, name: str) -> None:
    picture = Image.open(BytesIO(page.screenshot(full_page=False))).convert("RGB")
    picture.quantize(COLOURS).save(IMAGES / name, optimize=True)


def opened(
    browser: Browser, link: str, anchor: str, width: int = 1280, height: int = 900, scheme: str = "light"
) -> Page:
    page = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme).new_page()
    page.goto(link + anchor)
    return page


def playground(browser: Browser, link: str) -> None:
    page = opened(browser, link, f"{SPIRALS}&step=1200&then=500;optimizer=adam;learning_rate=0.01", height=1120)
    page.locator("output.step", has_text="1,200").wait_for()
    page.get_by_role("button", name="What would 1,000 other seeds do?").click()
    page.get_by_role("img", name="Histogram").wait_for(timeout=300_000)
    page.get_by_text("Step through one backward pass").click()
    page.get_by_text("1 of 9").wait_for()
    save(page, "page-playground.png")
    for scheme, width, height, name in (("light", 400, 1400, "page-narrow.png"), ("dark", 1280, 700, "page-dark.png")):
        page = opened(browser, link, DYING, width, height, scheme)
        page.locator("output.step", has_text="2,000").wait_for()
        save(page, name)


def viewer(browser: Browser, link: str) -> None:
    page = opened(browser, link, "#runs?run=relu", height=1100)
    page.get_by_text("Decision boundary").first.wait_for()
    page.wait_for_timeout(3000)  # until what is in view has been drawn
    save(page, "page-run.png")


def main() -> None:
    command = [sys.executable, "-c", "from backlight.cli import main; main()"]
    with tempfile.TemporaryDirectory() as folder:
        mlp = ["train", "mlp", "--activation", "relu", "--layers", "2,4,3,2", "--learning-rate", "2", "--seed", "3"]
        subprocess.run([*command, *mlp, "--run", f"{folder}/relu"], check=True, capture_output=True)
        server = subprocess.Popen([*command, "page", folder, "--port", "0"], stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        link = server.stdout.readline().strip()
        try:
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                playground(browser, link)
                viewer(browser, link)
                browser.close()
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(10)


if __name__ == "__main__":
    main()
