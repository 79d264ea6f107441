"""Hands and eyes on the playground: keyboard, controls, links for a class, small windows, dark rooms."""

import re

import pytest

from tests.page.play import until
from tests.page.tab import BROKEN_ADDRESS, GOOD, choose, expect, frame, passed, pause, play, step, tab_to


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


def test_a_link_hides_what_a_class_shall_not_see(playground):
    page = playground("hide=data,own,learning_rate,layers,activations,seeds,backward,unit,link,speed,export")
    for hidden in (
        "[data-setting=data]", "[data-setting=learning_rate]", "summary:has-text('Draw points')", "text=+ layer",
        "select[aria-label^='Activation']", "section[aria-label='Other seeds']", ".pass", ".unit-card",
        "[aria-label='Steps a second']", "text=Take it away", "text=Link to this",
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
    choose(page, "formula", "open(x)")
    expect(page.locator("#trouble")).to_contain_text("not allowed in a formula")
    choose(page, "formula", "x^2 - 0.5")
    until(lambda: frame(page)["data"]["name"] == "y > x^2 - 0.5")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "data=blobs&classes=5&hidden=12,12,12,12,12,12&activations=relu,relu,relu,relu,relu,relu",
        BROKEN_ADDRESS + "&step=30",
    ],
)
def test_nothing_is_wider_than_a_telephone(playground, address):
    page = playground(address, width=400)
    for details in page.locator("summary").all():
        details.click()
    widths = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert widths == [400, 400]


CONTRASTS = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const linear = (part) => (part / 255 <= 0.03928 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, a = 1] = channels(getComputedStyle(at).backgroundColor);
      if (a > 0.5) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.closest(":disabled, noscript, svg")) continue;
    const a = luminance(channels(getComputedStyle(element).color)), b = luminance(behind(element));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push([ratio, element.tagName, element.textContent.slice(0, 40)]);
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
