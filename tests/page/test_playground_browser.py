"""The playground as somebody uses it, in headless Chromium; the `opened` fixture fails on any console error."""

import json
import re
import signal
import time
import urllib.error
import urllib.request

import pytest
from tests.page.play import BROKEN, until
from tests.page.served import start, stop

GOOD = re.compile(r"^(9[7-9]|100)\.\d %$")
FASTEST = ""  # of the speeds
PATIENCE = 30_000  # milliseconds
BROKEN_ADDRESS = f"activations={','.join(BROKEN['activations'])}&learning_rate={BROKEN['learning_rate']:g}&noise=0.1"


def expect(locator):
    from playwright.sync_api import expect as expect_of

    expect_of.set_options(timeout=PATIENCE)
    return expect_of(locator)


@pytest.fixture(scope="module")
def server(browser, tmp_path_factory):
    """One for all tests of this file."""
    process, link = start(tmp_path_factory.mktemp("runs"))
    yield process, link
    stop(process)


@pytest.fixture
def playground(server, opened):
    """A function that opens a tab at an address's settings, and waits for its first picture."""

    def tab(address="", expected=None, **options):
        page = opened("about:blank", expected=expected, **options)
        page.streams = []  # addresses of the tab's event streams
        page.on("request", lambda asked: page.streams.append(asked.url) if "/events" in asked.url else None)
        page.goto(f"{server[1]}#play{'?' if address else ''}{address}")
        page.wait_for_selector("body[data-drawn]")
        return page

    return tab


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
    place = lambda at: (box["x"] + at[0] * box["width"], box["y"] + at[1] * box["height"])  # noqa: E731
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


def test_moons_are_learnt(playground):
    page = playground("noise=0.1&hidden=8,8")
    assert page.locator(".big").inner_text() != "100.0 %"
    play(page)
    expect(page.locator(".big")).to_have_text(GOOD)
    pause(page)
    correct, total = frame(page)["measured"][4], 200
    assert correct * total >= 0.97 * total
    assert "class 0 (blue)" in page.get_attribute(".boundary", "aria-label")


def test_going_back_restores_the_weights_to_the_bit(playground):
    page = playground("noise=0.1&optimizer=adam&learning_rate=0.02&batch_size=20&step=40")
    expect(page.locator(".step")).to_have_text("40")
    early = frame(page)
    play(page)
    passed(page, 500)
    pause(page)
    late, last = frame(page), step(page)
    for wanted, seen in ((40, early), (last, late), (40, early)):
        go(page, wanted)
        now = frame(page)
        for name in ("parameters", "memory", "gradients", "updates", "boundary", "measured"):
            assert now[name] == seen[name], name
    assert early["parameters"] != late["parameters"]
    page.click("text=↺ Start")
    expect(page.locator(".step")).to_have_text("0")


def test_a_change_on_the_way_makes_a_branch_and_the_trunk_stays(playground):
    page = playground("noise=0.1&step=60")
    expect(page.locator(".step")).to_have_text("60")
    trunk = frame(page)["parameters"]
    go(page, 30)
    choose(page, "optimizer", "adam")
    expect(page.locator(".branches button")).to_have_count(2)
    page.click("button:text-is('Step')")
    expect(page.locator(".step")).to_have_text("31")
    assert frame(page)["number"] == 1
    page.click("button:has-text('Trunk')")
    expect(page.locator(".step")).to_have_text("60")
    assert frame(page)["parameters"] == trunk


def test_a_drawn_data_set_is_learnt(playground):
    page = playground()
    page.click("summary:has-text('Draw points')")
    stroke(page, "blue", (0.2, 0.2), (0.3, 0.8))
    stroke(page, "orange", (0.7, 0.2), (0.8, 0.8))
    page.click("button:has-text('Train on them')")
    expect(page.locator("[data-setting=data] select")).to_have_value("own")
    seen = frame(page)
    points = seen["data"]["train"]
    assert len(points) > 15
    assert {label for *_, label in points} == {0, 1}
    assert all((x > 0) == label for x, _, label in points)  # blue on the left, where it was drawn
    play(page)
    expect(page.locator(".big")).to_have_text("100.0 %")
    pause(page)


def test_nan_is_explained_and_the_cure_helps(playground):
    page = playground(BROKEN_ADDRESS)
    play(page)
    broken = page.locator(".broken")
    expect(broken).to_contain_text("After step 7 the loss is no longer a number")
    expect(broken).to_contain_text("The learning rate 100 is too high; use 1")
    assert "not numbers" in page.get_attribute(".boundary", "aria-label")
    assert page.locator("button.play").is_disabled()
    pixels = page.locator(".boundary canvas").evaluate(
        "each => [...each.getContext('2d').getImageData(0, 0, each.width, each.height).data]"
    )
    assert {tuple(pixels[at : at + 3]) for at in range(0, len(pixels), 4)} == {(60, 60, 60), (200, 200, 200)}
    page.click("button:has-text('Back to step 6')")
    expect(broken).to_be_empty()
    assert frame(page)["trouble"] is None
    page.click("button:text-is('Step')")
    page.click("button:has-text('Try the cure')")
    passed(page, 300)
    expect(broken).to_be_empty()
    assert page.input_value("[data-setting=learning_rate] input") == "1"
    pause(page)


def test_dead_units_are_marked_and_explained(playground):
    page = playground("activations=relu,relu&learning_rate=50&noise=0.1&step=30")
    expect(page.locator(".remarks")).to_contain_text("dead")
    assert page.locator(".unit[data-state=dead]").count() > 0


def test_a_thousand_other_seeds(playground):
    page = playground("noise=0.1&step=100")
    expect(page.locator(".step")).to_have_text("100")
    page.click("button:has-text('1,000 other seeds')")
    panel = page.locator("section[aria-label='Other seeds']")
    expect(panel).to_contain_text("1,000 networks")
    expect(panel).to_contain_text("100 steps")
    shares = panel.locator(".histogram").get_attribute("aria-label").rsplit(": ", 1)[1].split(", ")
    assert sum(map(int, shares)) == 1000
    assert re.search(r"better than \d", panel.inner_text())


def test_the_backward_pass_by_keyboard(playground):
    page = playground("activations=tanh,relu&noise=0.1&batch_size=20&step=25")
    expect(page.locator(".step")).to_have_text("25")
    tab_to(page, "summary:has(+ .pass)")
    page.keyboard.press("Enter")
    body = page.locator(".pass")
    expect(body).to_contain_text("1 of 9: Forward through layer 1")
    expect(body).to_contain_text("z₁ = x W₁ + b₁")
    tab_to(page, ".pass [data-go=next]")
    titles, differences = [], []
    for number in range(2, 10):
        page.keyboard.press("Enter")
        expect(body).to_contain_text(f"{number} of 9:")
        titles.append(body.locator("[aria-live]").inner_text())
        words = re.search(r"numeric gradient .*: (\S+)\.$", body.inner_text(), re.MULTILINE)
        if words:
            differences.append(float(words.group(1).replace("−", "-")))
    assert len(differences) == 3
    assert max(differences) < 1e-5
    assert titles[-1].endswith("The gradient of layer 1's weights")
    tab_to(page, ".pass [data-go=back]", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(body).to_contain_text("8 of 9:")


def test_the_keyboard_alone_suffices(playground):
    page = playground("noise=0.1")
    tab_to(page, "[data-setting=data] select")
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-setting=data] select")).to_have_value("circles")
    until(lambda: frame(page)["data"]["name"] == "circles")
    tab_to(page, "button.play")
    page.keyboard.press("Enter")
    passed(page, 100)
    page.keyboard.press("Enter")
    expect(page.locator("button.play")).to_have_text("▶ Play")
    last = step(page)
    tab_to(page, "input[type=range]")
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".step")).to_have_text(f"{last - 1:,}")
    page.keyboard.press("Home")
    expect(page.locator(".step")).to_have_text("0")
    page.keyboard.press("End")
    expect(page.locator(".step")).to_have_text(f"{last:,}")
    tab_to(page, "select[aria-label='Activation of layer 1']")
    page.keyboard.press("ArrowDown")
    expect(page.locator("select[aria-label='Activation of layer 1']")).to_have_value("sigmoid")
    expect(page.locator(".branches button")).to_have_count(2)
    tab_to(page, "[data-unit='2-1']")
    page.keyboard.press("Enter")
    expect(page.locator(".unit-card h3")).to_have_text("Unit 2 of layer 2")
    tab_to(page, ".boundary")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    point = page.locator(".unit-card").inner_text()
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Enter")
    until(lambda: page.locator(".unit-card").inner_text() != point)


def test_points_can_be_put_down_by_keyboard(playground):
    page = playground()
    tab_to(page, ".setting-group > summary")
    page.keyboard.press("Enter")
    tab_to(page, ".pen[data-class='0']")
    page.keyboard.press("Enter")
    tab_to(page, ".boundary")
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    tab_to(page, ".pen[data-class='1']", "Shift+Tab")
    page.keyboard.press("Enter")
    tab_to(page, ".boundary")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    tab_to(page, ".pen[data-class='4']", "Shift+Tab")
    page.keyboard.press("Tab")
    expect(page.locator("button:focus")).to_have_text("Train on them")
    page.keyboard.press("Enter")
    expect(page.locator("[data-setting=data] select")).to_have_value("own")
    assert sorted(label for *_, label in frame(page)["data"]["train"]) == [0, 1]


def test_weights_are_told_on_hover_with_numbers_filled_in(playground):
    page = playground("noise=0.1&step=10")
    expect(page.locator(".step")).to_have_text("10")
    page.hover("[data-unit='1-2']")
    card = page.locator(".unit-card")
    expect(card.locator("h3")).to_have_text("Unit 3 of layer 1")
    assert re.search(r"^= −?\d", card.locator(".formula").nth(1).inner_text())
    rows = card.locator("tbody tr").all_inner_texts()
    assert [row.split("\t")[0] for row in rows] == ["x₁", "x₂", "bias"]
    values = [[float(value.replace("−", "-")) for value in row.split("\t")[1:]] for row in rows]
    for weight, gradient, update, then in values:
        assert update == pytest.approx(-0.3 * gradient, rel=2e-3)
        assert then == pytest.approx(weight + update, rel=2e-3)
    assert "−η ∂L/∂w" in card.inner_text()


def test_the_address_gives_the_same_numbers_again(playground):
    page = playground("data=spirals&classes=3&hidden=6,5&noise=0.1&batch_size=50&step=30")
    expect(page.locator(".step")).to_have_text("30")
    choose(page, "learning_rate", 0.05)
    choose(page, "l2", 0.01)
    page.click("button:text-is('Epoch')")
    expect(page.locator(".step")).to_have_text("32")
    page.wait_for_url(re.compile(r"then=30;.*step=32"))
    seen, figures = frame(page), page.inner_text(".figures")
    other = playground(page.url.split("#play?")[1])
    page.reload()
    for tab in (other, page):
        expect(tab.locator(".step")).to_have_text("32")
        expect(tab.locator(".figures")).to_have_text(figures)
        again = frame(tab)
        for name in ("parameters", "memory", "boundary", "measured", "branches"):
            assert again[name] == seen[name], name


def test_a_drawn_data_set_is_in_the_address_too(playground):
    page = playground()
    page.click("summary:has-text('Draw points')")
    stroke(page, "blue", (0.2, 0.2), (0.3, 0.8))
    stroke(page, "green", (0.7, 0.2), (0.8, 0.8))
    page.click("button:has-text('Train on them')")
    expect(page.locator("[data-setting=data] select")).to_have_value("own")
    page.wait_for_url(re.compile("points="))
    seen = frame(page)
    page.reload()
    page.wait_for_selector("body[data-drawn]")
    assert frame(page)["parameters"] == seen["parameters"]
    assert frame(page)["data"] == seen["data"]


def test_a_link_hides_what_a_class_shall_not_see(playground):
    page = playground("hide=data,own,learning_rate,layers,activations,seeds,backward,unit,link,speed,export")
    for hidden in (
        "[data-setting=data]", "[data-setting=learning_rate]", "summary:has-text('Draw points')", "text=+ layer",
        "select[aria-label^='Activation']", "section[aria-label='Other seeds']", ".pass", ".unit-card", "text=Link to this",
        "[aria-label='Steps a second']", "text=Take it away",
    ):  # fmt: skip
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.locator("[data-setting=noise]")).to_be_visible()
    page.click("button.play")
    passed(page, 10)
    pause(page)
    page.wait_for_url(re.compile("hide=data,own"))


def test_the_link_panel_writes_such_a_link(playground):
    page = playground("noise=0.1&step=5")
    page.click("summary:has-text('Link to this')")
    page.get_by_label("hide learning rate").check()
    link = page.input_value("[aria-label='Link that restores this']")
    assert link.endswith("#play?noise=0.1&step=5&hide=learning_rate")
    assert "token" not in link


def test_several_tabs_do_not_disturb_each_other(playground):
    pages = [playground(f"noise=0.1&seed={seed}") for seed in (1, 2, 3)]
    for page in pages:
        play(page, "300")
    for page in pages:
        passed(page, 50)
    for page in pages:
        pause(page)
    seen = [frame(page) for page in pages]
    assert [each["branches"][0]["settings"]["seed"] for each in seen] == [1, 2, 3]
    assert len({each["parameters"] for each in seen}) == 3
    assert len({page.streams[-1] for page in pages}) == 3


def test_a_csv_is_trained_on_and_a_bad_one_explained(playground):
    page = playground(expected="400 (Bad Request)")
    page.click("summary:has-text('Draw points')")
    rows = [f"{at / 10},{(-1) ** at * (1 + at / 40)},{at % 2}" for at in range(40)]

    def load(text):
        file = {"name": "own.csv", "mimeType": "text/csv", "buffer": text.encode()}
        page.set_input_files("input[type=file]", file)

    load("a,b,class\n" + "\n".join(rows[:5]) + "\n1,oops,0")
    expect(page.locator("#trouble")).to_have_text("the file, line 7, column 2: 'oops' is not a number")
    load("a,b,class\n" + "\n".join(rows))
    expect(page.locator("[data-setting=data] select")).to_have_value("own")
    expect(page.locator("#trouble")).to_be_hidden()
    assert len(frame(page)["data"]["train"]) == 32
    play(page)
    expect(page.locator(".big")).to_have_text("100.0 %")
    pause(page)


def test_five_classes(playground):
    page = playground("noise=0.1&hidden=8,8")
    choose(page, "data", "blobs")
    choose(page, "classes", 5)
    expect(page.locator("[aria-label='Logit of class 4']")).to_be_visible()
    play(page)
    expect(page.locator(".big")).to_have_text(GOOD)
    pause(page)
    assert "class 4 (yellow)" in page.get_attribute(".boundary", "aria-label")


def test_layers_and_units_are_added_and_taken_away(playground):
    page = playground("noise=0.1")

    def sizes():
        return [page.locator(f"[data-unit^='{layer}-']").count() for layer in range(page.locator(".column").count())]

    assert sizes() == [2, 4, 3, 2]
    page.click("text=+ layer")
    until(lambda: sizes() == [2, 4, 3, 3, 2])
    page.click("[aria-label='One unit more in layer 1']")
    until(lambda: sizes() == [2, 5, 3, 3, 2])
    for left in (2, 1):
        page.click("[aria-label='One unit fewer in layer 3']")
        until(lambda wanted=left: sizes() == [2, 5, 3, wanted, 2])
    page.click("[aria-label='One unit fewer in layer 3']")
    until(lambda: sizes() == [2, 5, 3, 2])
    assert frame(page)["branches"][0]["settings"]["hidden"] == [5, 3]
    page.click("button:text-is('Step')")
    expect(page.locator(".step")).to_have_text("1")


def test_a_wrong_setting_is_refused_in_words_and_the_old_one_stays(playground):
    page = playground(expected="400 (Bad Request)")
    choose(page, "noise", 7)
    expect(page.locator("#trouble")).to_contain_text("Expected `float` <= 2.0")
    expect(page.locator("[data-setting=noise] input")).to_have_value("0.2")
    choose(page, "data", "formula")
    choose(page, "formula", "__import__('os')")
    expect(page.locator("#trouble")).to_contain_text("not allowed in a formula")
    choose(page, "formula", "x^2 - 0.5")
    until(lambda: frame(page)["data"]["name"] == "y > x^2 - 0.5")


@pytest.mark.parametrize("address", ["", "data=blobs&classes=5&hidden=12,12,12,12,12,12&activations=relu,relu,relu,relu,relu,relu", BROKEN_ADDRESS + "&step=30"])
def test_nothing_is_wider_than_a_telephone(playground, address):
    page = playground(address, width=400)
    for details in page.locator("summary").all():
        details.click()
    widths = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert widths == [400, 400]


CONTRASTS = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (rgb) => { const [r, g, b] = rgb.map((each) => { const c = each / 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (element) => { for (let at = element; at; at = at.parentElement) { const [r, g, b, a = 1] = channels(getComputedStyle(at).backgroundColor); if (a > 0.5) return [r, g, b]; } return [255, 255, 255]; };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.closest(":disabled, noscript, svg")) continue;
    const a = luminance(channels(getComputedStyle(element).color).slice(0, 3)), b = luminance(behind(element));
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), element.tagName, element.textContent.slice(0, 40)]);
  }
  return found.sort((one, other) => one[0] - other[0]);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_can_be_read(playground, scheme):
    page = playground("activations=relu,relu&learning_rate=50&noise=0.1&step=30", color_scheme=scheme)
    expect(page.locator(".remarks")).to_contain_text("dead")
    page.click("summary:has-text('What everything')")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    found = page.evaluate(CONTRASTS)
    assert len(found) > 60
    assert [each for each in found if each[0] < 4.5] == []


def test_a_closed_tab_ends_its_session(server, playground):
    process, _ = server
    page = playground("noise=0.1")
    play(page)
    passed(page, 100)
    name, token = re.search(r"/playground/(.+)/events\?token=(.+)", page.streams[-1]).groups()
    origin = page.url.split("/#")[0]
    page.context.close()

    def ended():
        asks = urllib.request.Request(f"{origin}/api/playground/{name}", b'{"do": "probe", "point": [0, 0]}')
        asks.add_header("authorization", f"Bearer {token}")
        try:
            urllib.request.urlopen(asks, timeout=5).close()
        except urllib.error.HTTPError as error:
            assert "has ended" in error.read().decode()
            return error.code == 404
        return False

    assert not ended()  # a connection that broke may be taken up again
    until(ended, 20, every=0.1)
    assert process.poll() is None


def test_the_server_stops_at_once_though_a_tab_is_open(tmp_path, opened):
    process, link = start(tmp_path)
    try:
        page = opened(f"{link}#play?noise=0.1", expected="ERR_")
        page.wait_for_selector("body[data-drawn]")
        play(page)
        passed(page, 50)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert time.monotonic() - began < 3
        expect(page.locator("#trouble")).to_contain_text("the server has stopped")
    finally:
        stop(process)
