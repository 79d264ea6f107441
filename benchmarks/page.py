"""The live page in Chromium: how soon the first picture stands, how many follow, and what they cost the training.

    python benchmarks/page.py [--contexts 20] [--windows 10] [--seconds 3] [--out FILE]

*First picture*: milliseconds from the navigation to the frame after the one in which everything was drawn, each in a
fresh context with an empty cache. *Pictures a second*: drawn by the page while [2, 8, 8, 3] is trained on 500 points
as fast as it goes. *Steps a second* in the same windows, and of `Trainer.advance` alone in a process of its own, by
turns: the page pauses while the other trains. Server, browser and the other are started as from a terminal each: Linux
shares processors out by session. Where other programs use the machine too, seconds say little, so both
are also told per second of processor time of the thread that trains.

Writes benchmarks/records/page.json.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from backlight.page.playground.branch import Branch
from backlight.page.playground.points import dataset_of
from backlight.page.playground.settings import PlaygroundSettings
from backlight.recording.environment import describe_environment

RECORD = Path(__file__).parent / "records" / "page.json"
CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
ADDRESS = "data=spirals&classes=3&samples=500&noise=0.1&hidden=8,8"
SETTINGS = PlaygroundSettings(data="spirals", classes=3, samples=500, noise=0.1, hidden=(8, 8))
STRETCH = 0.1  # seconds of `advance` at a time, where it is alone
FIRST = """new MutationObserver((_, observer) => {
  if (!document.body?.dataset.drawn) return;
  observer.disconnect();
  requestAnimationFrame(() => { window.firstPicture = performance.now(); });
}).observe(document, { subtree: true, childList: true, attributes: true });"""
SEEN = """[performance.now() / 1000, Number(document.body.dataset.drawn),
  Number(document.querySelector(".step").textContent.replaceAll(",", ""))]"""


def alone() -> None:
    """Answers each line, a number of seconds, with steps a second, and a second of processor time, of training on."""
    branch = Branch.root(SETTINGS, dataset_of(SETTINGS))
    moment = branch.trainer.advance(branch.at(0), 100)
    steps = 100
    print("ready", flush=True)
    for line in sys.stdin:
        began, used, first = time.perf_counter(), time.process_time(), moment.step
        while (passed := time.perf_counter() - began) < float(line):
            before = time.perf_counter()
            moment = branch.trainer.advance(moment, steps)
            steps = max(1, int(steps * STRETCH / (time.perf_counter() - before)))
        count = moment.step - first
        print(count / passed, count / (time.process_time() - used), flush=True)


class Alone:
    """That process."""

    def __init__(self) -> None:
        command = [sys.executable, __file__, "--alone"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.asks, self.answers = self.process.stdin, self.process.stdout
        self.answers.readline()

    def turn(self, seconds: float) -> tuple[float, float]:
        self.asks.write(f"{seconds}\n")
        self.asks.flush()
        by_clock, by_processor = self.answers.readline().split()
        return float(by_clock), float(by_processor)

    def end(self) -> None:
        self.asks.close()
        self.process.wait()


class Window(NamedTuple):
    """A second's worth of it, and of the turn beside it alone."""

    pictures: float
    steps: float
    steps_by_processor: float
    alone: float
    alone_by_processor: float


def first_pictures(browser: Any, link: str, count: int) -> list[float]:
    found = []
    for _ in range(count):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_init_script(FIRST)
        page = context.new_page()
        page.goto(link)
        page.wait_for_selector("body[data-drawn]")
        while (passed := page.evaluate("window.firstPicture")) is None:
            pass
        found.append(float(passed))
        context.close()
    return found


def while_training(browser: Any, link: str, server: psutil.Process, windows: int, seconds: float) -> list[Window]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(f"{link}#play?{ADDRESS}")
    page.wait_for_selector("body[data-drawn]")
    page.select_option("[aria-label='Steps a second']", "")
    other, found = Alone(), []
    for number in range(windows):
        before = other.turn(seconds) if number % 2 else None
        page.click("button.play")
        page.wait_for_timeout(500)
        used, (began, drawn, step) = processor_times(server), page.evaluate(SEEN)
        page.wait_for_timeout(1000 * seconds)
        later, (ended, last_drawn, last_step) = processor_times(server), page.evaluate(SEEN)
        cost = max(later[thread] - used.get(thread, 0.0) for thread in later)  # of the busiest, the one that trains
        page.click("button.play")
        page.wait_for_selector("button.play:has-text('▶')")
        steps, passed = last_step - step, ended - began
        found.append(
            Window((last_drawn - drawn) / passed, steps / passed, steps / cost, *(before or other.turn(seconds)))
        )
        print(", ".join(f"{name} {value:,.1f}" for name, value in found[-1]._asdict().items()), flush=True)
    other.end()
    context.close()
    return found


def processor_times(process: psutil.Process) -> dict[int, float]:
    """Seconds of each thread."""
    return {thread.id: float(thread.user_time + thread.system_time) for thread in process.threads()}


def spread(values: list[float]) -> dict[str, float]:
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return {
        "median": middle, "quarter": low, "three_quarters": high, "least": min(values), "most": max(values),
        "n": len(values),
    }  # fmt: skip


def measured(contexts: int, windows: int, seconds: float) -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as runs, sync_playwright() as playwright:
        command = [sys.executable, "-m", "backlight", "page", runs, "--port", "0"]
        server = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
        )
        assert server.stdout is not None
        link = server.stdout.readline().strip()
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            first_pictures(browser, link, 1)  # the engine is loaded, files are in the system's cache
            first = first_pictures(browser, link, contexts)
            training = while_training(browser, link, psutil.Process(server.pid), windows, seconds)
            name = f"Chromium {browser.version}"
        finally:
            browser.close()
            server.terminate()
            server.wait()
    return {
        "browser": name,
        "first picture, milliseconds": spread(first),
        "pictures a second": spread([each.pictures for each in training]),
        "steps a second, in the page": spread([each.steps for each in training]),
        "steps a second, alone": spread([each.alone for each in training]),
        "share of the speed alone": spread([each.steps / each.alone for each in training]),
        "the same by processor time": spread([each.steps_by_processor / each.alone_by_processor for each in training]),
        "load average afterwards": os.getloadavg()[0],
        "seconds of a window": seconds,
        "network": [2, *SETTINGS.hidden, SETTINGS.classes],
        "points": SETTINGS.samples,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contexts", type=int, default=20)
    parser.add_argument("--windows", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--out", type=Path, default=RECORD)
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        return alone()
    found = measured(arguments.contexts, arguments.windows, arguments.seconds)
    versions = {name: version(name) for name in ("starlette", "uvicorn", "msgspec", "numba", "playwright")}
    document = {"measured": found, "versions": versions, "environment": describe_environment()}
    print(json.dumps(found, indent=1))
    arguments.out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return None


if __name__ == "__main__":
    main()
