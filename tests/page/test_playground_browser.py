"""The playground trained in headless Chromium; the `opened` fixture fails on any console error."""

import re
import signal
import urllib.error
import urllib.request

from tests.page.play import until
from tests.page.served import start, stop
from tests.page.tab import BROKEN_ADDRESS, GOOD, choose, expect, frame, go, passed, pause, play, step, stroke


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
            return error.code == 404 and "has ended" in error.read().decode()
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
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        expect(page.locator("#trouble")).to_contain_text("the server has stopped")
    finally:
        stop(process)
