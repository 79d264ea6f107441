"""Damaged run folders: noticed, refused in words, repaired with what was lost said."""

import json
import os
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from backlight.cli import main
from backlight.errors import RunError
from backlight.recording.checkpoint import load_checkpoint, save_checkpoint
from backlight.recording.compare import compare
from backlight.recording.facts import Facts, write_facts
from backlight.recording.histogram import decode
from backlight.recording.overview import list_runs
from backlight.recording.page_sums import PageSums
from backlight.recording.repair import repair
from backlight.recording.run import Run
from backlight.recording.run_writer import RunWriter
from backlight.recording.summarise import summarise_arrays
from backlight.recording.tensorboard import records
from backlight.recording.verify import verify

PAGE = 4096


def write(folder, steps=60):
    """A record of some dozen pages."""
    rng = np.random.default_rng(0)
    with RunWriter(folder, ("train", "mlp"), {"seed": 3, "steps": steps}) as writer:
        write_facts(folder, Facts(optimizer="sgd", batch_size=5))
        for step in range(steps):
            writer.scalars(step, {"train/loss": 1 / (step + 1)})
            writer.tensors(step, summarise_arrays({f"act/{name}": rng.normal(size=500) for name in "ab"}))
        writer.snapshot("grid", np.eye(3))
        save_checkpoint(writer.subfolder("checkpoints") / "latest.safetensors", {"W": np.arange(6.0)}, {"step": steps})
        writer.event(steps, "finished")
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write(tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture
def run(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "run")
    return tmp_path / "run"


def turn_a_bit(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def command(*words):
    """The exit code."""
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    return end.value.code


def test_a_whole_run_is_found_whole(run, capsys):
    found = verify(run)
    assert (found.damage, found.sealed, found.written, found.files) == ((), True, False, 6)
    assert command("runs", run.parent, "--verify") == 0
    assert "6 files, nothing damaged" in capsys.readouterr().out
    assert repair(run) is None


@pytest.mark.parametrize("name", ["settings.toml", "environment.json", "facts.json", "run.sqlite", "run.sums",
                                  "snapshots/grid.npy", "checkpoints/latest.safetensors"])  # fmt: skip
def test_no_turned_bit_goes_unnoticed(run, name):
    """Wherever it is; but for those that say nothing, such as SQLite's count of changes."""
    content = (run / name).read_bytes()
    rng = np.random.default_rng(0)
    silent = 0
    for at in rng.integers(0, len(content), 40).tolist():
        turn_a_bit(run / name, at)
        damage = verify(run).damage
        silent += not damage
        assert all(each.file in (name, "run.sqlite") for each in damage)
        (run / name).write_bytes(content)
    assert silent <= (0 if name not in ("run.sums", "snapshots/grid.npy", "checkpoints/latest.safetensors") else 12)


def test_a_number_that_changed_is_never_read(run):
    content = (run / "run.sqlite").read_bytes()
    at = content.index(np.float64(1 / 7).byteswap().tobytes())  # the loss of a step
    turn_a_bit(run / "run.sqlite", at + 3)
    with sqlite3.connect(run / "run.sqlite") as database:  # SQLite notices nothing
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
    for read in (Run.open, lambda folder: compare(Run.open(folder), Run.open(folder))):
        with pytest.raises(RunError, match=r"run\.sqlite: 1 of its pages are not what was recorded.*--verify"):
            read(run)
    (listed,) = list_runs(run.parent)
    assert listed.status == "damaged"


def test_what_is_on_good_pages_is_saved_and_the_rest_is_named(whole, run, capsys):
    original = Run.open(whole)
    size = (run / "run.sqlite").stat().st_size // PAGE
    for page in range(1, size, 7):
        turn_a_bit(run / "run.sqlite", page * PAGE + 100)
    damaged = (run / "run.sqlite").read_bytes()
    assert command("runs", run, "--repair") == 1
    assert "lost: run.sqlite: " in capsys.readouterr().out
    assert (run / "damaged-1" / "run.sqlite.damaged").read_bytes() == damaged
    saved = Run.open(run)
    kept = 0
    for name in original.tensor_names():
        steps, summaries = original.tensor(name)
        right = dict(zip(steps.tolist(), summaries, strict=True))
        for step, summary in zip(*saved.tensor(name), strict=True):
            kept += 1
            assert summary.mean == right[step].mean
            np.testing.assert_array_equal(summary.cell_counts, right[step].cell_counts)
    assert 60 < kept < 120
    assert any("act/" in words for words in saved.lost())
    assert verify(run).damage == ()
    (listed,) = list_runs(run.parent)
    assert listed.lost == saved.lost()
    assert command("export", run, "--to", "csv") == 0
    assert "was damaged and repaired; lost are: run.sqlite" in capsys.readouterr().err


def test_nothing_is_lost_where_only_the_sums_were(whole, run):
    (run / "run.sums").write_bytes(b"")
    with pytest.raises(RunError, match=r"run\.sums: cannot be read: 0 bytes"):
        Run.open(run)
    assert repair(run).lost == ()
    assert compare(Run.open(whole), Run.open(run)).first is None
    assert verify(run).damage == ()


@pytest.mark.parametrize("name", ["run.sqlite", "settings.toml", "environment.json", "facts.json", "snapshots/grid.npy",
                                  "checkpoints/latest.safetensors"])  # fmt: skip
def test_what_is_no_file_is_named_and_moved_away(run, name):
    (run / name).unlink()
    (run / name).mkdir()
    assert [each.file for each in verify(run).damage] == [name]
    assert any(name in words for words in repair(run).lost)
    assert (run / "damaged-1" / f"{name}.damaged").is_dir()
    assert verify(run).damage == ()
    _ = Run.open(run).settings, Run.open(run).environment, Run.open(run).facts()


def test_a_killed_run_is_whole_and_one_whose_log_is_lost_is_not(tmp_path):
    with RunWriter(tmp_path / "alive") as writer:
        for step in range(30):
            writer.scalars(step, {"loss": float(step)})
            writer.commit()
        shutil.copytree(tmp_path / "alive", tmp_path / "killed")
        (tmp_path / "killed" / ".lock").unlink()
        assert verify(tmp_path / "alive").written
    assert verify(tmp_path / "killed").damage == ()
    log = (tmp_path / "killed" / "run.sqlite-wal").read_bytes()
    shutil.copytree(tmp_path / "killed", tmp_path / "cut")
    (tmp_path / "cut" / "run.sqlite-wal").write_bytes(log[: len(log) * 2 // 3])
    shutil.rmtree(tmp_path / "killed" / "run.sqlite-shm", ignore_errors=True)
    with pytest.raises(RunError, match="pages are not what was recorded"):
        Run.open(tmp_path / "cut")
    assert any("recorded last" in words for words in repair(tmp_path / "cut").lost)
    steps, values = Run.open(tmp_path / "cut").scalar("loss")
    assert 5 < len(steps) < 30
    assert values.tolist() == steps.tolist()


def test_a_kill_between_the_commit_and_its_sums_is_no_damage(tmp_path):
    """The file of sums is then one commit behind; and damage in what it does not know yet is noticed still."""
    with RunWriter(tmp_path / "alive") as writer:
        writer.scalars(0, {"loss": 0.0})
        writer.commit()
        before = (tmp_path / "alive" / "run.sums").read_bytes()
        writer.scalars(1, {"loss": 1.0})
        writer.commit()
        shutil.copytree(tmp_path / "alive", tmp_path / "killed")
    (tmp_path / "killed" / ".lock").unlink()
    (tmp_path / "killed" / "run.sums").write_bytes(before)
    assert Run.open(tmp_path / "killed").scalar("loss")[1].tolist() == [0, 1]
    turn_a_bit(tmp_path / "killed" / "run.sqlite-wal", -100)
    with pytest.raises(RunError, match="not what was recorded"):
        Run.open(tmp_path / "killed")


def test_a_resumed_run_keeps_its_sums(tmp_path):
    write(tmp_path / "run", steps=5)
    with sqlite3.connect(tmp_path / "run" / "run.sqlite") as database:
        database.execute("DELETE FROM event")
    database.close()
    (tmp_path / "run" / "run.sums").unlink()  # as an earlier version leaves it
    with RunWriter(tmp_path / "run", resume=True) as writer:
        writer.rewind(3)
    assert not verify(tmp_path / "run").sealed
    write(tmp_path / "b", steps=5)
    with RunWriter(tmp_path / "b2") as writer:
        writer.scalars(1, {"a": 1.0})
    with RunWriter(tmp_path / "b2", resume=True) as writer:
        for step in range(200):
            writer.scalars(step, {f"a{number}": 1.0 for number in range(20)})
        writer.rewind(50)
    assert verify(tmp_path / "b2").damage == ()
    assert Run.open(tmp_path / "b2").last_step() == 50


def test_what_is_damaged_as_json(run, capsys):
    (run / "settings.toml").write_text("seed = 4\n", encoding="utf-8")
    assert command("runs", run.parent, "--verify", "--json") == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert [each["file"] for each in found["damage"]] == ["settings.toml"]


def test_checkpoints_with_a_changed_number_are_refused(tmp_path):
    save_checkpoint(tmp_path / "file", {"W": np.arange(100.0)}, {"step": 3})
    content = (tmp_path / "file").read_bytes()
    turn_a_bit(tmp_path / "file", len(content) - 20)
    with pytest.raises(RunError, match="its checksum differs"):
        load_checkpoint(tmp_path / "file")


def test_event_files_are_read_record_by_record(tmp_path):
    pytest.importorskip("google_crc32c")
    with RunWriter(tmp_path / "run") as writer:
        writer.add_event_file()
        for step in range(5):
            writer.scalars(step, {"loss": 1.0})
        writer.event(5, "finished")
    (path,) = (tmp_path / "run" / "tensorboard").iterdir()
    content = path.read_bytes()
    found = list(records(content))
    assert [record.whole for record in found] == [True] * 6
    turn_a_bit(path, found[2].start + 14)
    assert "record at byte" in verify(tmp_path / "run").damage[0].what
    assert len(repair(tmp_path / "run").lost) == 1
    assert [record.whole for record in records(path.read_bytes())] == [True] * 5
    path.write_bytes(content[:-3])
    assert "cut off" in verify(tmp_path / "run").damage[0].what


def test_counts_that_no_array_holds_are_no_histogram():
    with pytest.raises(ValueError, match="damaged histogram"):
        decode(b"\xec\xae\x87\xe9\xe9\xeb\x88\xaf\xa8\xab\xaa\x03")


def test_a_log_that_another_program_has_moved_into_the_database_is_no_damage(tmp_path, monkeypatch):
    """Killed between a commit and its sums, then opened by a program that writes: SQLite merges the log."""
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(PageSums, "follow", lambda sums: os._exit(0))
        writer = RunWriter(tmp_path / "run")
        for step in range(300):
            writer.scalars(step, {f"loss {number}": 1.0 for number in range(30)})
        writer.commit()
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    with closing(sqlite3.connect(tmp_path / "run" / "run.sqlite")) as database:
        database.execute("SELECT COUNT(*) FROM step").fetchone()
    assert not (tmp_path / "run" / "run.sqlite-wal").exists()
    assert len(Run.open(tmp_path / "run").scalar("loss 7")[1]) == 300
