"""How smoothly the viewer scrolls through a run of 10,000 steps × 40 tensors, in headless Chromium.

    python benchmarks/page_viewer.py

The page of a run is opened, and scrolled from top to bottom at a steady speed as somebody does who looks for something.
Told are the times between two frames, how long answers of the server took, and in how many frames a picture could be
seen that was not drawn yet; twice, the second time with what the server keeps. Then one picture is zoomed into.

Then the convolutional network is trained, and it is told how much of one processor the server takes meanwhile: while
nobody looks, while the list is looked at, and while that run is.

Writes benchmarks/records/page_viewer.json.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import BrowserContext, Page, sync_playwright
from watch import STEPS, TENSORS, write_long_run

from backlight.recording.environment import describe_environment

RECORD = Path(__file__).parent / "records" / "page_viewer.json"
CHROMIUM = "/usr/bin/chromium"
SECONDS = 15  # over which the server's time is measured
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
SPEED = 1500  # pixels a second
SERVE = "import sys, pathlib; from backlight.page.serve import serve; serve(pathlib.Path(sys.argv[1]), 0, say=print)"
SCROLL = """
(speed) => new Promise((done) => {
  const frames = [], late = [];
  let before = performance.now(), began = before;
  const step = (now) => {
    frames.push(now - before);
    before = now;
    const seen = [...document.querySelectorAll("figure.chart")].filter((figure) => {
      const box = figure.querySelector("canvas").getBoundingClientRect();
      return box.bottom > 0 && box.top < innerHeight;
    });
    late.push(seen.filter((figure) => figure.querySelector("figcaption").textContent === "…").length);
    scrollTo(0, ((now - began) / 1000) * speed);
    if (scrollY + innerHeight < document.documentElement.scrollHeight - 2) requestAnimationFrame(step);
    else done({ frames, late, seconds: (now - began) / 1000, height: document.documentElement.scrollHeight });
  };
  requestAnimationFrame(step);
})
"""
LATENCIES = """
() => performance.getEntriesByType("resource").filter((each) => each.name.includes("/api/runs/bands"))
  .map((each) => each.duration)
"""


def measured(values: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {"median": statistics.median(values), "95 %": cuts[94], "99 %": cuts[98], "largest": max(values),
            "n": len(values)}  # fmt: skip


def scrolled(page: Page, link: str) -> dict[str, Any]:
    began = time.perf_counter()
    page.goto(f"{link}#runs?run=long")
    page.wait_for_selector("figure.chart canvas")
    opened = time.perf_counter() - began
    page.wait_for_timeout(3000)  # what is seen first is drawn
    found = page.evaluate(SCROLL, SPEED)
    frames = found["frames"][1:]
    page.wait_for_timeout(1000)
    return {
        "seconds until the page stands": opened,
        "height in pixels": found["height"],
        "seconds of scrolling": found["seconds"],
        "milliseconds between frames": measured(frames),
        "share of frames above 25 ms": sum(each > 25 for each in frames) / len(frames),
        "share of frames with a picture seen before it was drawn": sum(map(bool, found["late"])) / len(frames),
        "milliseconds of an answer with a tensor": measured(page.evaluate(LATENCIES)),
    }


def zoomed(page: Page) -> float:
    """Milliseconds from the key to the picture of half of the steps."""
    canvas = page.locator("figure.chart canvas").last
    canvas.scroll_into_view_if_needed()
    canvas.focus()
    began = time.perf_counter()
    with page.expect_response(lambda response: "first=" in response.url):
        canvas.press("+")
    return 1000 * (time.perf_counter() - began)


def taken(server: psutil.Process) -> float:
    """The share of one processor that it takes."""
    before, began = server.cpu_times(), time.perf_counter()
    time.sleep(SECONDS)
    after = server.cpu_times()
    seconds: float = after.user + after.system - before.user - before.system
    return seconds / (time.perf_counter() - began)


def attached(context: BrowserContext, link: str, folder: Path, server: psutil.Process) -> dict[str, float]:
    """What a training that is looked at costs the processor beside it; each after a while in which all is loaded."""
    words = ["train", "cnn", f"--run={folder}", "--epochs=1000"]
    quiet = subprocess.DEVNULL
    training = subprocess.Popen([sys.executable, "-m", "backlight", *words], stdout=quiet, stderr=quiet)
    try:
        shares = {"nobody looks": taken(server)}
        page = context.new_page()
        for what, place in (("the list", "#runs"), ("the run", f"#runs?run={folder.name}")):
            page.goto(f"{link}{place}")
            page.wait_for_timeout(10_000)
            shares[what] = taken(server)
        return shares
    finally:
        training.terminate()
        training.wait()


def main() -> None:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as place:
        write_long_run(Path(place) / "long")
        server = subprocess.Popen([sys.executable, "-u", "-c", SERVE, place], stdout=subprocess.PIPE, text=True)
        assert server.stdout is not None
        link = server.stdout.readline().strip()
        try:
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                context = browser.new_context(viewport={"width": 1280, "height": 900})
                page = context.new_page()
                first, again = scrolled(page, link), scrolled(context.new_page(), link)
                zoom = zoomed(page)
                for each in context.pages:
                    each.close()
                process = psutil.Process(server.pid)
                record = {
                    "steps": STEPS, "tensors": TENSORS, "pixels a second": SPEED, "window": [1280, 900],
                    "first": first, "again": again, "milliseconds of a zoom": zoom,
                    "share of a processor beside a training": attached(context, link, Path(place) / "cnn", process),
                    "load of the machine before": load,
                    "chromium": browser.version, "environment": describe_environment(),
                }  # fmt: skip
                browser.close()
        finally:
            server.terminate()
            server.wait()
    print(json.dumps(record, indent=1, ensure_ascii=False))
    RECORD.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
