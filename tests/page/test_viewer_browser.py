"""The viewer as somebody sees it, in headless Chromium."""

import subprocess
import sys

import pytest

CELL = "table.runs tbody tr:has(a:text-is('{}')) td:nth-child({})"
STATUS, STEP = 4, 5


def changed(locator):
    """Waits until it says something else."""
    from playwright.sync_api import expect

    expect(locator).not_to_have_text(locator.inner_text(), timeout=30_000)


def no_wider_than_the_window(page):
    return page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_list_appears_and_leads_to_a_run(served, opened, finished_runs):
    page = opened(served(finished_runs) + "#runs")
    page.wait_for_selector("text=3 runs")
    assert page.inner_text(CELL.format("deep/nan", STATUS)) == "diverged"
    page.click("a:text-is('slow')")
    page.wait_for_selector("text=the learning rate is too low")
    page.wait_for_selector("button:has-text('Try the treatment')")
    page.go_back()
    page.wait_for_selector("text=3 runs")


def test_a_run_trained_meanwhile_appears_moves_and_can_be_looked_into(served, opened, tmp_path):
    page = opened(served(tmp_path) + "#runs")
    page.wait_for_selector("text=No run in the folder yet")
    words = ["train", "mlp", f"--run={tmp_path / 'live'}", "--steps=10000000", "--record-every=500", "--samples=20"]
    training = subprocess.Popen([sys.executable, "-m", "backlight", *words], stderr=subprocess.DEVNULL)
    try:
        page.wait_for_selector(f"{CELL.format('live', STATUS)}:text-is('running')")
        changed(page.locator(CELL.format("live", STEP)))
        page.click("a:text-is('live')")
        page.wait_for_selector("text=It is being trained.")
        changed(page.locator(".status"))
        caption = page.locator("figure.chart figcaption:has-text('train/loss')")
        caption.wait_for()
        changed(caption)  # the picture moves too
    finally:
        training.terminate()
        training.wait()
    page.wait_for_selector(".status:has-text('stopped')")
    page.wait_for_selector("button:has-text('Go on with the training')")


def test_curves_answer_the_keyboard_and_keys_alone_lead_everywhere(served, opened, finished_runs):
    page = opened(served(finished_runs) + "#runs")
    page.wait_for_selector("text=3 runs")
    while page.evaluate("document.activeElement.textContent") != "good":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("figure.chart figcaption:has-text('train/loss')")
    while page.evaluate("document.activeElement.tagName") != "CANVAS":
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("figure.chart output").startswith("step 0: ")
    page.keyboard.press("Shift+ArrowRight")
    assert page.inner_text("figure.chart output").startswith("step 100: ")
    with page.expect_response(lambda answer: "curves" in answer.url and "first=" in answer.url):
        page.keyboard.press("+")
    first, last = (
        int(each) for each in page.locator(".range input").evaluate_all("all => all.map((one) => one.value)")
    )
    assert 0 <= first < 100 < last < 300
    page.keyboard.press("0")
    assert page.locator(".range input").nth(1).input_value() == "300"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the numbers of the picture
    page.wait_for_selector("figure.chart details[open] th:text-is('300')")


def test_every_picture_has_words(served, opened, finished_runs):
    page = opened(served(finished_runs) + "#runs?run=deep%2Fnan")
    page.wait_for_selector("text=No: its loss")
    for picture in page.locator("figure.chart").all():
        picture.scroll_into_view_if_needed()
        picture.locator("figcaption:not(:text-is('…'))").wait_for()
        assert "loading" not in picture.locator("canvas").get_attribute("aria-label")
    broken = page.locator("figure.chart figcaption:has-text('NaN')")
    assert broken.count() > 0


def test_bars_stand_where_a_tensor_is_not_finite(served, opened, finished_runs):
    page = opened(served(finished_runs) + "#runs?run=deep%2Fnan")
    caption = page.locator("figcaption:has-text('infinite')").first
    page.locator("figure.chart").last.scroll_into_view_if_needed()
    caption.wait_for(state="attached")
    figure = page.locator("figure.chart", has=caption).first
    figure.scroll_into_view_if_needed()
    dark = figure.locator("canvas").evaluate(
        """(canvas) => {
          const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          const ink = new Array(canvas.width).fill(0);
          for (let at = 0; at < pixels.length; at += 4) {
            if (pixels[at] < 90 && pixels[at + 3] > 150) ink[(at / 4) % canvas.width] += 1;
          }
          return ink.filter((count) => count > canvas.height / 2).length;
        }"""
    )
    assert dark >= 1


def test_who_goes_on_before_a_run_is_there_sees_the_last_that_was_asked_for(served, opened, finished_runs):
    page = opened(served(finished_runs) + "#runs")
    page.wait_for_selector("text=3 runs")
    held = []
    page.route(lambda url: url.endswith("about?run=slow"), lambda route: held.append(route))  # it is answered late
    with page.expect_request(lambda request: request.url.endswith("about?run=slow")):
        page.click("a:text-is('slow')")
    page.evaluate("location.hash = 'runs?run=good'")  # not before: two changes at once are seen as the last alone
    page.wait_for_selector("h2:text-is('good')")
    with page.expect_response(lambda response: response.url.endswith("about?run=slow")):
        held[0].continue_()
    page.wait_for_selector("text=Yes, it learnt.")
    assert page.inner_text("h2") == "good"


def test_runs_are_compared(served, opened, finished_runs):
    page = opened(served(finished_runs) + "#runs")
    for name in ("good", "slow"):
        page.check(f"input[aria-label='compare {name}']")
    page.click("button:text-is('Compare 2')")
    page.wait_for_selector("th:text-is('learning_rate')")
    page.wait_for_selector("text=The runs part at step")
    page.wait_for_selector("figcaption:has-text('good train/loss')")


def test_the_report_opens_in_its_sandbox(served, opened, finished_runs):
    page = opened(served(finished_runs) + "#runs?run=good")
    with page.context.expect_page() as opening:
        page.click("text=The whole report")
    report = opening.value
    report.wait_for_selector("h1:has-text('Backlight report')")
    assert report.evaluate("origin") == "null"
    assert report.evaluate("getComputedStyle(document.querySelector('h1')).fontWeight") == "700"
    with page.expect_download() as saving:
        page.click("text=Save the report as one file")
    assert saving.value.suggested_filename == "backlight-good.html"


@pytest.mark.parametrize(("kind", "longest"), [("mlp", {"steps": 10_000_000}), ("cnn", {"epochs": 1000})])
def test_training_from_the_form_and_its_stop(served, opened, tmp_path, kind, longest):
    if kind == "cnn":
        pytest.importorskip("torch", reason="the convolutional network needs PyTorch")
    page = opened(served(tmp_path) + "#runs")
    page.click("summary:has-text('Train here')")
    form = page.locator("form", has=page.locator(f"button:text-is('Train {kind}')"))
    form.get_by_label("name of the run").fill("mine")
    for name, value in longest.items():
        form.get_by_label(name, exact=False).first.fill(str(value))
    form.locator("button[type=submit]").click()
    page.wait_for_selector(f"{CELL.format('mine', STATUS)}:text-is('running')")
    changed(page.locator(CELL.format("mine", STEP)))
    page.click("button:text-is('Stop mine')")
    page.wait_for_selector(f"{CELL.format('mine', STATUS)}:text-is('stopped')", timeout=60_000)


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("address", ["#runs", "#runs?run=slow", "#runs?run=good&run=slow"])
def test_nothing_is_wider_than_a_telephone(served, opened, finished_runs, address, colours):
    page = opened(served(finished_runs) + address, 400, colours)
    page.wait_for_selector("table.runs tbody tr, figure.chart figcaption:not(:text-is('…'))")
    assert no_wider_than_the_window(page)
    page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    assert no_wider_than_the_window(page)


def test_keys_stay_on_a_button_while_the_training_says_what_it_does(served, opened, tmp_path):
    page = opened(served(tmp_path) + "#runs")
    page.click("summary:has-text('Train here')")
    form = page.locator("form").first
    form.get_by_label("name of the run").fill("mine")
    form.locator("label:has-text('steps') input").first.fill("10000000")
    form.locator("button[type=submit]").click()
    line = page.locator(".train p", has_text="mine training: step")
    line.wait_for()
    page.focus("button:text-is('Stop mine')")
    changed(line)
    assert page.evaluate("document.activeElement.textContent") == "Stop mine"
    page.click("th a:text-is('mine')")
    page.focus("button:text-is('Stop the training')")
    changed(page.locator(".doing"))
    page.keyboard.press("Enter")
    page.wait_for_selector("button:text-is('Go on with the training')")
