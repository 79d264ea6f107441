import asyncio
import json
import math
import os
import shutil
import sys

import httpx2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from backlight.errors import RunError, SettingsError
from backlight.page.app import application
from backlight.page.viewer.bands import stretches
from backlight.page.viewer.board import Board
from backlight.page.viewer.folder import RunsFolder, stamp
from backlight.page.viewer.live import keep_looking, look
from backlight.page.viewer.routes import Viewer
from backlight.page.viewer.thinning import kept
from backlight.page.viewer.training import Trainings, Wanted, checked, flags, forms
from backlight.page.viewer.treatment import Treatments
from backlight.page.viewer.window import Version, Window
from backlight.recording.run import Run
from backlight.recording.run_writer import RunWriter
from backlight.recording.summarise import summarise_arrays
from backlight.training.settings import CNNSettings, MLPSettings

TOKEN = "secret"


@pytest.fixture(scope="module")
def page(finished_runs):
    app = application(finished_runs, 8421, TOKEN, asyncio.Event())
    with TestClient(app, "http://127.0.0.1:8421", headers={"authorization": f"Bearer {TOKEN}"}) as client:
        yield client


def got(page, path, **query):
    answer = page.get(f"/api/runs/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


# --- the list --------------------------------------------------------------------------------------------------------


def test_rows_say_what_became_of_each_run(finished_runs):
    rows, complete = look(RunsFolder.at(finished_runs), {})
    assert complete
    assert sorted(rows) == ["deep/nan", "good", "slow"]
    good, broken = rows["good"], rows["deep/nan"]
    assert (good.status, good.step, good.command, good.trouble) == ("finished", 300, "train mlp", "")
    assert good.accuracy == Run.open(finished_runs / "good").scalar("test/accuracy")[1][-1]
    assert broken.status == "diverged"
    assert broken.trouble.startswith("infinity in act/z2 at step 2 (")


def test_nothing_is_read_that_did_not_change(finished_runs, monkeypatch):
    rows, _ = look(RunsFolder.at(finished_runs), {})
    monkeypatch.setattr(Run, "open", lambda folder: pytest.fail(f"{folder} is read again"))
    assert look(RunsFolder.at(finished_runs), rows) == (rows, True)


def test_a_run_moves_while_it_is_written_and_is_seen_to_break_off(tmp_path):
    runs = RunsFolder.at(tmp_path)
    writer = RunWriter(tmp_path / "live")
    writer.tensors(0, summarise_arrays({"act/a": np.ones(3, np.float32)}))
    writer.commit()
    rows, _ = look(runs, {})
    assert (rows["live"].status, rows["live"].step, rows["live"].trouble) == ("running", 0, "")
    writer.tensors(7, summarise_arrays({"act/a": np.array([1, np.inf], np.float32)}))
    writer.commit()
    rows, _ = look(runs, rows)
    assert (rows["live"].step, rows["live"].trouble) == (7, "infinity in act/a at step 7 (1 of 2 values)")
    writer.close()
    rows, _ = look(runs, rows)
    assert rows["live"].status == "broken off"
    shutil.rmtree(tmp_path / "live")
    assert look(runs, rows) == ({}, True)


def test_trouble_is_forgotten_when_the_run_was_taken_back_before_it(tmp_path):
    runs, fine = RunsFolder.at(tmp_path), summarise_arrays({"act/a": np.ones(3, np.float32)})
    with RunWriter(tmp_path / "live") as writer:
        writer.tensors(0, fine)
        writer.tensors(1, summarise_arrays({"act/a": np.full(3, np.nan, np.float32)}))
        writer.commit()
        rows, _ = look(runs, {})
        assert rows["live"].trouble
        writer.rewind(0)
        writer.tensors(1, fine)
        writer.commit()
        rows, _ = look(runs, rows)
        assert rows["live"].trouble == ""


def test_a_damaged_run_is_listed_with_the_reason(tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "run.sqlite").write_bytes(b"no database" * 100)
    rows, _ = look(RunsFolder.at(tmp_path), {})
    assert rows["bad"].status == "damaged"
    assert "not a database" in rows["bad"].trouble


def test_news_begins_with_all_and_goes_on_with_what_changed(tmp_path):
    async def scene():
        board, closing, heard = Board(), asyncio.Event(), []
        board.post("a", 1)
        board.post("b", 2)

        async def listen():
            async for fresh in board.news(closing):
                heard.append(fresh)

        listening = asyncio.ensure_future(listen())
        await asyncio.sleep(0)
        assert board.listened.is_set()
        board.post("a", 1)  # no news
        board.post("b", None)
        while len(heard) < 2:
            await asyncio.sleep(0)
        closing.set()
        await listening
        assert not board.listened.is_set()
        return heard

    assert asyncio.run(scene()) == [{"a": 1, "b": 2}, {"b": None}]


def test_the_folder_is_looked_at_only_while_somebody_listens(finished_runs, monkeypatch):
    async def scene():
        board, closing = Board(), asyncio.Event()
        looking = asyncio.ensure_future(keep_looking(RunsFolder.at(finished_runs), board, closing))
        news = board.news(closing)
        seen = {}
        while "complete" not in seen:
            seen |= await anext(news)
        await news.aclose()  # the tab is closed
        assert not board.listened.is_set()
        closing.set()
        await asyncio.wait_for(looking, 5)
        return seen

    seen = asyncio.run(scene())
    assert {"run good", "run slow", "run deep/nan"} <= set(seen)
    assert seen["run good"]["status"] == "finished"


# --- no path outside -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["..", "../good", "/etc", "good/../../other", "", "good\0", "x" * 5000, "good/checkpoints"]
)
def test_names_that_are_no_run_below_the_folder_are_refused(page, name):
    answer = page.get("/api/runs/about", params={"run": name})
    assert answer.status_code == 400
    assert "no run of that name" in answer.json()["error"]


def test_a_run_outside_is_reached_by_no_name_and_by_no_link(finished_runs, tmp_path):
    inside = tmp_path / "runs"
    inside.mkdir()
    (inside / "folder").symlink_to(finished_runs / "good")
    shutil.copytree(finished_runs / "good", inside / "mixed")
    (inside / "mixed" / "snapshots" / "train_points.npy").unlink()
    (inside / "mixed" / "snapshots" / "train_points.npy").symlink_to(finished_runs / "good/snapshots/train_points.npy")
    (inside / "file").mkdir()
    (inside / "file" / "run.sqlite").symlink_to(finished_runs / "good" / "run.sqlite")
    runs = RunsFolder.at(inside)
    assert "folder" not in runs.found()
    for name in ("folder", "mixed", "file", f"../{finished_runs.name}/good"):
        with pytest.raises(RunError, match="no run of that name"):
            runs.folder(name)


def test_links_within_the_folder_are_no_harm(finished_runs, tmp_path):
    shutil.copytree(finished_runs / "good", tmp_path / "real")
    (tmp_path / "again").symlink_to(tmp_path / "real")
    assert RunsFolder.at(tmp_path).folder("again") == (tmp_path / "real").resolve()


# --- views -----------------------------------------------------------------------------------------------------------


def test_what_was_trained_is_told_with_the_command_that_does_it_again(page):
    about = got(page, "about", run="good")
    assert about["again"].startswith("backlight train mlp --data moons --layers 2,8,2")
    assert about["points"]
    assert not about["digits"]
    assert [group["title"] for group in about["groups"]] == ["Activations", "Parameters", "Gradients", "Updates"]


def test_the_verdict_has_words_evidence_and_a_cure(page):
    [slow] = got(page, "verdict", run="slow")
    assert not slow["good"]
    assert slow["treatable"]
    assert slow["change"].startswith("learning_rate = ")
    assert "learning rate is too low" in slow["causes"][0]["title"]
    assert slow["causes"][0]["evidence"]
    [good] = got(page, "verdict", run="good")
    assert good["good"]
    assert not good["treatable"]


def test_a_run_being_trained_gets_no_judgement_of_its_end(tmp_path):
    from backlight.page.viewer.verdict import verdict

    with RunWriter(tmp_path / "live") as writer:
        for step in range(20):
            writer.scalars(step, {"train/loss": 0.7})
        writer.commit()
        found = verdict(Run.open(tmp_path / "live"))
    assert found["sentence"] == "It is being trained. Nothing wrong was found so far."


def test_a_verdict_is_not_asked_for_again_before_it_is_paid_off(finished_runs, monkeypatch):
    from backlight.page.viewer import verdict

    asked = []
    monkeypatch.setattr(verdict, "verdict", lambda run: asked.append(run) or {"n": len(asked)})
    verdicts = verdict.Verdicts()
    folder = finished_runs / "good"
    assert [verdicts.of(Version(folder, mark))["n"] for mark in ("a", "a", "b", "b")] == [1, 1, 1, 1]


def test_curves_of_several_runs_share_pictures(page):
    pictures = got(page, "curves", run=["good", "slow"], points=50)
    loss = next(each for each in pictures if each["title"] == "loss")
    assert loss["kind"] == "log"
    assert {line["label"] for line in loss["lines"]} == {
        f"{run} {name}" for run in ("good", "slow") for name in ("train/loss", "test/loss")
    }
    assert {line["run"] for line in loss["lines"]} == {0, 1}


def test_a_range_of_steps_is_shown_with_its_neighbours(page):
    [line] = [
        line for each in got(page, "curves", run="good", first=95, last=125) for line in each["lines"]
        if line["label"] == "train/loss"
    ]  # fmt: skip
    assert line["steps"] == [90, 100, 110, 120, 130]


def test_nan_in_a_curve_is_null_and_words_not_a_gap_without_a_word(page):
    loss = next(each for each in got(page, "curves", run="deep/nan") if each["title"] == "loss")
    assert any(None in line["values"] for line in loss["lines"])
    assert all("not finite" in line["words"] for line in loss["lines"] if None in line["values"])


def test_health_and_boundary_are_there(page):
    titles = [each["title"] for each in got(page, "health", run="good")]
    assert titles == [
        "share of dead units", "share of saturated values", "‖update‖ / ‖weights‖ (0.001 is usual)", "‖gradient‖",
    ]  # fmt: skip
    found = got(page, "boundary", run="good")["good"]
    assert len(found["moments"]) > 5
    assert found["moments"][-1]["step"] == 300
    assert found["moments"][0]["image"].startswith("data:image/png;base64,")
    assert len(found["points"]) == len(found["probabilities"]) == 200


def test_what_sets_runs_apart(page):
    found = got(page, "differences", run=["good", "slow"])
    assert ["learning_rate", "0.5", "1e-07"] in found["settings"]
    assert found["partings"][0]["headline"].startswith("the runs part at step ")


def test_bands_of_several_runs_have_one_scale(page):
    found = got(page, "bands", run=["good", "slow"], tensor="param/W1", points=16)
    assert [run["label"] for run in found["runs"]] == ["good", "slow"]
    assert found["limits"]["low"] == min(value for run in found["runs"] for value in run["minimum"])
    assert all(len(run["steps"]) <= 16 for run in found["runs"])


def test_a_tensor_with_nan_is_told_in_words(page, finished_runs):
    name = next(each.name for each in Run.open(finished_runs / "deep/nan").first_nonfinite() if each.nan)
    found = got(page, "bands", run="deep/nan", tensor=name)
    assert sum(found["runs"][0]["nan"]) > 0
    assert " NaN " in found["runs"][0]["words"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"run": "good", "points": "1"}, "points must be"),
        ({"run": "good", "first": "-3"}, "first must be a whole number"),
        ({"run": "good", "last": "9" * 40}, "last must be a whole number"),
        ({}, "choose 1 to 8 runs"),
        ({"run": [f"r{n}" for n in range(9)]}, "choose 1 to 8 runs"),
    ],
)
def test_questions_out_of_range_are_refused_in_words(page, query, words):
    answer = page.get("/api/runs/curves", params=query)
    assert answer.status_code == 400
    assert words in answer.json()["error"]


def test_the_whole_report_is_shut_into_a_sandbox_and_can_be_saved(page):
    shown = page.get("/api/runs/report", params={"run": "good"})
    assert shown.headers["content-security-policy"].startswith("sandbox allow-scripts; default-src 'none'")
    assert "allow-same-origin" not in shown.headers["content-security-policy"]
    assert "content-disposition" not in shown.headers
    assert "Backlight report" in shown.text
    saved = page.get("/api/runs/report", params={"run": ["good", "deep/nan"], "download": ""})
    assert saved.headers["content-disposition"] == 'attachment; filename="backlight-good-nan.html"'


def test_nobody_without_the_token_learns_anything(page):
    for path in ("news", "about", "curves", "report", "forms"):
        answer = page.get(f"/api/runs/{path}", params={"run": "good"}, headers={"authorization": "Bearer wrong"})
        assert answer.status_code == 401


# --- nothing is lost -------------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.one_of(st.floats(width=32), st.sampled_from([math.nan, math.inf, -math.inf])), min_size=1, max_size=400
    ),
    st.integers(16, 64),
)
def test_thinned_curves_keep_extremes_ends_and_what_is_not_finite(values, most):
    curve = np.array(values, np.float64)
    places = kept(curve, most)
    assert np.array_equal(places, np.unique(places))
    assert len(places) <= most + 2
    assert {0, len(curve) - 1} <= set(places.tolist())
    shown, finite = curve[places], curve[np.isfinite(curve)]
    if len(finite):
        assert (np.min(shown[np.isfinite(shown)]), np.max(shown[np.isfinite(shown)])) == (finite.min(), finite.max())
    assert np.isfinite(curve).all() == np.isfinite(shown).all()
    if not np.isfinite(curve).all():
        first = np.flatnonzero(~np.isfinite(curve))[0]
        assert first in places


def test_bands_keep_every_extreme_and_every_nan(tmp_path, rng):
    arrays = [rng.normal(size=20).astype(np.float32) for _ in range(300)]
    for step in (17, 120, 121, 299):
        arrays[step][rng.integers(20)] = np.nan
    arrays[200][3], arrays[77][0], arrays[5][5] = 1e20, -1e20, np.inf
    with RunWriter(tmp_path / "run") as writer:
        for step, array in enumerate(arrays):
            writer.tensors(step, summarise_arrays({"act/a": array}))
    folder = tmp_path / "run"
    found = stretches(Version(folder, stamp(folder)), "act/a", Window(points=20))
    assert len(found.columns["steps"]) == 20
    assert (max(found.columns["maximum"]), min(found.columns["minimum"])) == (np.float32(1e20), np.float32(-1e20))
    assert (sum(found.columns["nan"]), sum(found.columns["infinite"]), sum(found.columns["count"])) == (4, 1, 6000)
    near = stretches(Version(folder, stamp(folder)), "act/a", Window(120, 121, 20))
    assert (near.columns["steps"], near.columns["nan"]) == ([120, 121], [1, 1])
    assert "4 NaN and 1 infinite of 6,000 values, first at step 5" in found.words


# --- treatments ------------------------------------------------------------------------------------------------------


def stub(script):
    return lambda folder: [sys.executable, "-c", script]


TREATED = json.dumps({
    "run": "x", "outcome": "cured", "finding": "learning-rate-too-low",
    "change": {"name": "learning-rate-too-low", "setting": "learning_rate", "before": 1e-7, "after": 1.0},
    "instruction": "", "needed": 0.7,
    "arms": [{"label": "unchanged", "accuracy": 0.5, "success": {"estimate": 0.0, "low": 0.0, "high": 0.1, "n": 30}}],
})  # fmt: skip


async def until(board, subject, holds):
    async for _ in board.news(asyncio.Event()):
        if holds(board.word(subject)):
            return board.word(subject)


def test_a_treatment_says_what_it_does_and_what_became_of_it(tmp_path):
    async def scene():
        board = Board()
        script = f"import sys; print('20 seeds: unchanged', file=sys.stderr); print({TREATED!r})"
        await Treatments(board, stub(script)).start("slow", tmp_path)
        return await until(board, "treatment", lambda word: word["state"] == "done")

    found = asyncio.run(scene())
    assert found["lines"] == ["20 seeds: unchanged"]
    assert found["result"]["words"].startswith("cured: ")
    assert (found["result"]["setting"], found["result"]["after"]) == ("learning_rate", 1.0)
    assert found["result"]["arms"][0]["high"] == 0.1


def test_a_second_treatment_is_refused_in_words_and_the_first_can_be_cancelled(tmp_path):
    async def scene():
        board = Board()
        treatments = Treatments(board, stub("import sys, time; print('begun', file=sys.stderr); time.sleep(60)"))
        await treatments.start("slow", tmp_path)
        await until(board, "treatment", lambda word: word["lines"] == ["begun"])
        with pytest.raises(SettingsError, match="a treatment of slow goes on"):
            await treatments.start("good", tmp_path)
        await treatments.cancel()
        assert board.word("treatment")["state"] == "cancelled"
        await treatments.start("good", tmp_path)
        await treatments.cancel()

    asyncio.run(scene())


def test_a_treatment_that_fails_says_why(tmp_path):
    async def scene():
        board = Board()
        script = "import sys; print('backlight: no run there', file=sys.stderr); sys.exit(2)"
        await Treatments(board, stub(script)).start("x", tmp_path)
        return await until(board, "treatment", lambda word: word["state"] == "failed")

    assert asyncio.run(scene())["error"] == "backlight: no run there"


# --- trainings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "settings", "words"),
    [
        ("mlp", {"data": "/etc/passwd.csv"}, "data must be one of moons"),
        ("mlp", {"data": "mnist"}, "data must be one of moons"),
        ("mlp", {"data_dir": "/etc"}, "data_dir cannot be set here"),
        ("mlp", {"run": "x"}, "run cannot be set here"),
        ("mlp", {"activation": "--json"}, "activation"),
        ("mlp", {"steps": "5; rm"}, "settings"),
        ("mlp", {"layers": [2, 10_000_000, 2]}, "layers may be at most"),
        ("cnn", {"learning_rate": -1}, "learning_rate must be a number above 0"),
        ("cnn", {"threads": 1000}, "threads may be at most"),
    ],
)
def test_settings_that_do_not_do_are_refused(kind, settings, words):
    with pytest.raises(SettingsError, match=words):
        checked(Wanted(kind, "x", settings))


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "../x", "a b", "-x", "x" * 65, "é", "a\n"])
def test_a_run_lands_directly_in_the_folder_or_not_at_all(page, name):
    answer = page.post("/api/runs/train", json={"kind": "mlp", "name": name, "settings": {}})
    assert answer.status_code == 400
    assert "a run's name has" in answer.json()["error"]


def test_a_name_that_is_taken_is_refused(page):
    answer = page.post("/api/runs/train", json={"kind": "mlp", "name": "good", "settings": {}})
    assert "there is such a folder already" in answer.json()["error"]


def test_the_form_offers_all_settings_but_paths_and_the_flags_say_them():
    found = forms()
    names = [field.name for field in found["mlp"]["fields"]]
    assert "layers" in names
    assert "data_dir" not in names
    assert next(field for field in found["mlp"]["fields"] if field.name == "data").choices[-1] == "digits"
    assert all(field.help or field.choices for kind in found.values() for field in kind["fields"])
    assert "--test-each-epoch" in flags(CNNSettings(test_each_epoch=True))
    assert "--layers=2,4,2" in flags(MLPSettings(layers=(2, 4, 2)))


def test_a_training_is_started_seen_stopped_as_by_ctrl_c_and_gone_on_with(tmp_path):
    async def scene():
        board = Board()
        trainings = Trainings(RunsFolder.at(tmp_path), board)
        settings = {"steps": 10_000_000, "record_every": 200, "samples": 20}
        await trainings.start(Wanted("mlp", "mine", settings))
        with pytest.raises(SettingsError, match="there is such a folder already"):
            await trainings.start(Wanted("mlp", "mine", settings))
        await trained(trainings, tmp_path / "mine", 400)
        trainings.stop("mine")
        await until(board, "trainings", lambda word: word["mine"]["state"] == "ended")
        run = Run.open(tmp_path / "mine")
        assert run.ending().kind == "stopped"
        reached = run.last_step()
        await trainings.resume("mine")
        await trained(trainings, tmp_path / "mine", reached + 200)
        await trainings.end()  # the server's stop
        assert run.ending().kind == "stopped"
        with pytest.raises(SettingsError, match="no training of this name"):
            trainings.stop("mine")

    asyncio.run(asyncio.wait_for(scene(), 120))


async def trained(trainings, folder, step):
    """Until the record has reached the step."""
    while True:
        try:
            if (Run.open(folder).last_step() or 0) >= step:
                return
        except RunError:
            pass
        await asyncio.sleep(0.02)


# A server in the background of a shell is deaf to SIGINT, and so is what it starts.
INTERRUPTIBLE = "import signal, time; signal.signal(signal.SIGINT, signal.default_int_handler); time.sleep(60)"


def test_no_more_than_two_trainings_at_once(tmp_path, monkeypatch):
    from backlight.page.viewer import training

    monkeypatch.setattr(training, "backlight", lambda *words: [sys.executable, "-c", INTERRUPTIBLE])

    async def scene():
        trainings = Trainings(RunsFolder.at(tmp_path), Board())
        await trainings.start(Wanted("mlp", "a", {}))
        await trainings.start(Wanted("mlp", "b", {}))
        with pytest.raises(SettingsError, match="a and b are being trained"):
            await trainings.start(Wanted("mlp", "c", {}))
        await trainings.end()

    asyncio.run(scene())


def test_a_training_that_cannot_begin_says_why(tmp_path):
    async def scene():
        board = Board()
        await Trainings(RunsFolder.at(tmp_path), board).start(Wanted("mlp", "a", {"layers": [3, 2]}))
        return await until(board, "trainings", lambda word: word["a"]["state"] == "failed")

    assert "do not fit moons" in asyncio.run(scene())["a"]["line"]


def test_a_run_with_data_from_a_path_is_not_gone_on_with_from_here(tmp_path):
    with RunWriter(tmp_path / "own", ("train", "mlp"), {"data": "/secret/a.csv"}):
        pass
    with RunWriter(tmp_path / "loop", (), {}):
        pass
    trainings = Trainings(RunsFolder.at(tmp_path), Board())
    with pytest.raises(SettingsError, match="the command line takes files as well"):
        asyncio.run(trainings.resume("own"))
    with pytest.raises(SettingsError, match="the loop is your own"):
        asyncio.run(trainings.resume("loop"))


def test_with_the_server_everything_that_it_started_ends(tmp_path, monkeypatch):
    from backlight.page.viewer import training

    note = f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))"
    script = f"import os, pathlib, time; {note}; time.sleep(60)"
    monkeypatch.setattr(training, "backlight", lambda *words: [sys.executable, "-c", script])

    async def scene():
        viewer = Viewer(tmp_path, asyncio.Event())
        async with viewer.life():
            await viewer.trainings.start(Wanted("mlp", "a", {}))
            while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
                await asyncio.sleep(0.01)

    asyncio.run(scene())
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_streams_end_with_the_server(served, finished_runs):
    link = served(finished_runs)
    address, _, token = link.partition("/?token=")
    with httpx2.stream("GET", f"{address}/api/runs/news", params={"token": token}, timeout=20) as stream:
        lines = stream.iter_lines()
        assert next(lines) == "event: news"
        assert "run good" in next(line for line in lines if "complete" in line)
