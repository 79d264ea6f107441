"""What notebooks show: one element, no script, less than 200 kB, its style for itself alone, every text as text."""

import io
import re

import numpy as np
import pytest

import backlight as bl
from backlight.diagnosis.finding import Diagnosis
from backlight.diagnosis.treatment import Arm, Treatment
from backlight.intervals import Interval
from backlight.networks.layer import Layer
from backlight.recording.run_writer import RunWriter
from backlight.recording.summarise import summarise
from backlight.reports.notebook.element import NAME, SCOPED, element
from tests.reports.test_html_report import HOSTILE, Reader

ARMS = (Arm("unchanged", 0.5, Interval(0.1, 0.05, 0.2, 100)), Arm("l2 = 0", 0.9, Interval(0.9, 0.8, 0.95, 100)))


def seen(shown):
    """The element read strictly: its reader, and its text."""
    html = shown._repr_html_()
    assert len(html.encode()) < 200_000
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert not reader.open
    assert html.startswith(f'<div class="{NAME}"')
    assert {"script", "iframe", "link", "form", "object", "html", "body"}.isdisjoint(reader.tags)
    assert not any(name == "id" or name.startswith("on") for name, _ in reader.attributes)
    assert "http" not in html
    return reader, " ".join("".join(reader.words).split())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return bl.train_mlp(bl.MLPSettings(steps=600, record_every=20), tmp_path_factory.mktemp("runs") / "mine")


def test_a_run(run):
    reader, words = seen(run)
    assert "Yes, it learnt." in words
    assert "backlight train mlp --data moons" in words
    assert reader.tags.count("svg") == 3
    assert repr(run) == f"Run(folder={run.folder!r})"


def test_a_large_run_is_thinned_until_it_fits(tmp_path):
    rng = np.random.default_rng(0)
    with RunWriter(tmp_path / "run", ("watch",), {}) as writer:
        for step in range(3000):
            writer.scalars(step, {f"own/{number}": float(rng.normal()) for number in range(30)} | {"train/loss": 1.0})
    reader, words = seen(bl.Run.open(tmp_path / "run"))
    assert reader.tags.count("svg") >= 2
    assert re.search(r"\d+ parts left out, too long for a notebook; backlight report .*run shows all.", words)


def test_names_of_strangers_stay_text(tmp_path):
    folder = tmp_path / "<img onerror=alert(1)>"
    with RunWriter(folder, ("watch",), {"note": "</pre><script>alert(2)</script>"}) as writer:
        writer.tensors(0, {HOSTILE: summarise(np.arange(3.0)).packed()})
        writer.scalars(0, {"</style><b onclick=x>loss": 1.0})
    reader, words = seen(bl.Run.open(folder))
    assert "b" not in reader.tags
    assert "<img onerror=alert(1)>" in words
    assert "<script>alert(2)</script>" in words


def test_a_damaged_run_says_so(run, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.sqlite").write_bytes((run.folder / "run.sqlite").read_bytes())
    assert re.fullmatch(r"<pre>.*settings.toml.*</pre>", bl.Run.open(folder)._repr_html_())


def test_a_study(tmp_path):
    study = bl.study(tmp_path / "study", activation=["relu", "tanh"], seeds=5, steps=60, stream=io.StringIO())
    reader, words = seen(study)
    for condition, rate in study.rates():
        assert f"{study.label(condition)}: {rate}" in words
    assert reader.tags.count("svg") == 1
    assert seen(bl.Run.open(study.folder))[1] == words


def test_a_network():
    network = bl.DeepNeuralNetwork([2, 5, 3], "relu")
    reader, words = seen(network)
    assert "33 parameters in 4 tensors." in words
    assert "2 → 5" in words
    assert reader.tags.count("svg") == 1
    broken = [Layer(np.full((2, 3), np.nan), np.zeros((1, 3)), network.layers[0].activation), network.layers[1]]
    assert "from NaN to NaN" in seen(bl.DeepNeuralNetwork.from_layers(broken))[1]


def test_a_network_of_pytorch():
    pytest.importorskip("torch")
    _, words = seen(bl.ConvNetwork())
    assert "3,274,634 parameters in 8 tensors." in words
    assert "conv1.weight (32 × 1 × 5 × 5)" in words
    assert repr(bl.ConvNetwork()).startswith("ConvNetwork(")


def test_a_diagnosis(tmp_path):
    settings = bl.MLPSettings(layers=(2, 4, 3, 2), activation="relu", learning_rate=50.0, steps=200)
    found = bl.diagnose(bl.train_mlp(settings, tmp_path / "run"))
    assert not found.healthy
    _, words = seen(found)
    assert "What to try, the likeliest first" in words
    assert "nothing wrong was found; 1 rule passed" in seen(Diagnosis("mine", (), (), ("dead-units",), ()))[1]


def test_a_treatment():
    found = Diagnosis("<b>mine</b>", (), (), (), ())
    treated = Treatment("cured", found, "dead-units", None, "", *ARMS, needed=0.9)
    reader, words = seen(treated)
    assert "Cured" in words
    assert "unchanged: 0.1 [0.05, 0.2], n = 100; l2 = 0: 0.9 [0.8, 0.95], n = 100" in words
    assert reader.tags.count("svg") == 1
    assert "Nothing to treat" in seen(Treatment("healthy", found))[1]


def test_the_style_is_for_the_element_alone():
    selectors = re.findall(r"([^{}]+)\{[^{}]*\}", SCOPED)
    assert len(selectors) > 50
    for selector in selectors:
        assert all(each.strip().startswith(f".{NAME}") for each in re.sub(r":is\([^)]*\)", "", selector).split(","))


def test_what_does_not_fit_is_counted():
    html = element("title", ["a" * 100_000, "", "b" * 100_000, "c"], "a terminal")
    assert len(html.encode()) < 200_000
    assert "1 part left out, too long for a notebook; a terminal shows all." in html
    assert ("aaa" in html, "bbb" in html) == (True, False)
