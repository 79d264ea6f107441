"""The page of a study: rates with intervals, what can be told apart, every picture with its numbers."""

import io
import re
import shutil

import numpy as np
import pytest

import backlight as bl
from backlight.errors import RunError, SettingsError
from backlight.intervals import Interval
from backlight.reports.html.dots import dots_figure
from backlight.reports.html.fragments import Table
from backlight.reports.html.intervals import intervals_figure
from backlight.reports.html.phases import phases_figure
from tests.reports.test_html_report import read

SMALL = {"layers": [[2, 3, 2], [2, 5, 2]], "activation": ["relu", "tanh"], "seeds": 6, "steps": 300}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return bl.study(tmp_path_factory.mktemp("studies") / "small", stream=io.StringIO(), **SMALL)


def test_the_page_has_every_part(small):
    page, reader, words = read(bl.report(small))
    for title in (
        "How often does it succeed?", "How the networks are distributed", "What can be told apart",
        "Over two settings", "Decision boundaries", "What was trained",
    ):  # fmt: skip
        assert f"{title}</h2>" in page
    for condition, rate in small.rates():
        assert f"{small.label(condition)}: {rate}" in words
    pictures = reader.tags.count("svg")
    assert pictures == 4 + 8  # rates, accuracies, comparisons, phases; the median and the worst network of each
    assert page.count('role="img"><title>') == page.count("<desc>") == page.count("<summary>Numbers") == pictures
    assert "--layers 2,3,2 --layers 2,5,2 --activation relu --activation tanh" in words
    assert "http" not in page.replace("http-equiv", "")
    assert len(page.encode()) < 500_000


def test_the_answer_is_first_and_says_what_is_not_told(small):
    _, _, words = read(bl.report(small))
    best = max(small.rates(), key=lambda pair: pair[1].estimate)
    assert f"{small.label(best[0])} succeeds most often, {best[1].estimate:.0%} [" in words
    worst = min(small.rates(), key=lambda pair: pair[1].estimate)
    told = small.compare_conditions(worst[0], best[0]).told
    assert ("So few seeds do not tell the two apart." in words) != told


def test_a_study_of_one_condition_compares_nothing(tmp_path):
    study = bl.study(tmp_path / "one", seeds=4, steps=50, stream=io.StringIO())
    page, _, words = read(bl.report(study.folder))
    assert "of the networks succeed." in words
    assert "What can be told apart" not in page
    assert "Over two settings" not in page


def test_a_study_stands_alone(small, tmp_path):
    run = bl.train_mlp(bl.MLPSettings(steps=20), tmp_path / "run")
    with pytest.raises(SettingsError, match="name it alone"):
        bl.report(run, small)


def test_what_is_not_trained_yet_is_said(small, tmp_path):
    folder = tmp_path / "half"
    shutil.copytree(small.folder, folder)
    next((folder / "blocks").iterdir()).unlink()
    with pytest.raises(RunError, match="resume the study"):
        bl.report(folder)


def test_the_extremes_of_many_networks_are_drawn():
    sample = np.r_[0.01, np.full(5000, 0.95), 1.0]
    page = dots_figure("accuracy", {"a": sample}, 0.9, "Dots.")
    assert "Of 5,002 networks 250 are drawn" in page
    assert 'class="dots s1" d="M13.7' in page  # the one at 0.01
    assert "5001 of 5002 above 0.9" in page


def test_more_rows_than_a_picture_holds_are_all_in_its_table():
    rates = [(f"condition {n}", Interval(0.5, 0.4, 0.6, 100)) for n in range(200)]
    table = Table(("condition", "rate"), [(label, str(rate)) for label, rate in rates])
    page = intervals_figure("rate", rates, "Rates.", table)
    assert "60 of 200 rows are drawn." in page
    assert page.count('class="interval"') == 60
    assert page.count("<tr>") == 201


def test_names_of_strangers_stay_text():
    """A label holds the path of a CSV file."""
    some, hostile = Interval(0.5, 0.4, 0.6, 9), "<script>\"'</svg>"
    pages = [
        intervals_figure("rate", [(hostile, some)], hostile, Table(("condition",), [(hostile,)])),
        dots_figure("accuracy", {hostile: np.ones(3)}, 0.9, hostile),
        phases_figure(np.ones((1, 1)), (hostile, [hostile]), (hostile, [hostile]), hostile),
    ]
    for page in pages:
        assert "<script>" not in page
        assert page.count("</svg>") == 1


def test_a_phase_diagram_says_every_number():
    page = phases_figure(np.array([[0.0, 0.25], [0.5, 1.0]]), ("l2", ["0", "0.1"]), ("rate", ["1", "2"]), "Rates.")
    assert "l2 0.1: 0.50 at rate 1, 1.00 at rate 2" in page
    assert page.count("<rect") == 4


def luminance(colour):
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in colour]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def test_numbers_stand_out_from_their_shade():
    """WCAG 2.2: 4.5 for text."""
    for rate in np.linspace(0, 1, 101):
        page = phases_figure(np.array([[rate]]), ("l2", ["0"]), ("rate", ["1"]), "Rates.")
        shade = [int(part) / 255 for part in re.search(r'fill="rgb\((\d+),(\d+),(\d+)\)"', page).groups()]
        ink = 1.0 if "fill:#fff" in page else 0.0
        low, high = sorted((luminance(shade), ink))
        assert (high + 0.05) / (low + 0.05) >= 4.5, rate
