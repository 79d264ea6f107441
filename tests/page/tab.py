"""What a test does in a tab of the playground, as somebody's hands would."""

import json
import re
import urllib.request

from tests.page.play import BROKEN, until

PATIENCE = 30_000  # milliseconds
FASTEST = ""  # of the speeds
GOOD = re.compile(r"^(9[7-9]|100)\.\d %$")
BROKEN_ADDRESS = f"activations={','.join(BROKEN['activations'])}&learning_rate={BROKEN['learning_rate']:g}&noise=0.1"


def expect(locator):
    from playwright.sync_api import expect as expect_of

    expect_of.set_options(timeout=PATIENCE)
    return expect_of(locator)


def frame(page):
    """What the session shows now, out of a stream of one's own."""
    with urllib.request.urlopen(page.streams[-1], timeout=30) as lines:
        kind = ""
        for line in lines:
            text = line.decode().rstrip("\n")
            if text.startswith("event: "):
                kind = text
            elif text.startswith("data: ") and kind == "event: frame":
                return json.loads(text.removeprefix("data: "))
    raise AssertionError("the stream ended without a frame")


def step(page):
    return int(page.inner_text(".step").replace(",", ""))


def play(page, speed=FASTEST):
    page.select_option("[aria-label='Steps a second']", speed)
    page.click("button.play")


def pause(page):
    page.click("button.play:has-text('Pause')")
    expect(page.locator("button.play")).to_have_text("▶ Play")


def go(page, wanted):
    page.locator("input[type=range]").fill(str(wanted))
    expect(page.locator(".step")).to_have_text(f"{wanted:,}")


def passed(page, wanted):
    until(lambda: step(page) >= wanted)


def choose(page, name, value):
    """A value of a control, as with the keyboard: typed, and left."""
    field = page.locator(f"[data-setting={name}] :is(input, select)")
    if field.evaluate("each => each.tagName") == "SELECT":
        field.select_option(value)
    else:
        field.fill(str(value))
        field.press("Tab")


def stroke(page, colour, start_at, end_at):
    """With the pen of that colour, from place to place; both in shares of the plane's side."""
    page.click(f"button.pen:has-text('{colour}')")
    page.locator(".boundary").scroll_into_view_if_needed()
    box = page.locator(".boundary").bounding_box()
    place = lambda at: (box["x"] + at[0] * box["width"], box["y"] + at[1] * box["height"])  # noqa: E731  # a place is read better in a line
    page.mouse.move(*place(start_at))
    page.mouse.down()
    page.mouse.move(*place(end_at), steps=20)
    page.mouse.up()


def tab_to(page, selector, key="Tab"):
    """With the Tab key alone."""
    for _ in range(150):
        page.keyboard.press(key)
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"no way to {selector} by keyboard")
