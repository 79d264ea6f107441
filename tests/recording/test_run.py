import sqlite3

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from backlight.errors import RunError
from backlight.recording.checkpoint import load_checkpoint, save_checkpoint
from backlight.recording.run import Run
from backlight.recording.run_writer import RunWriter
from backlight.recording.summarise import summarise
from backlight.recording.tensor_summary import TensorSummary


@given(arrays(np.float32, st.integers(0, 50), elements=st.floats(width=32)))
def test_a_summary_survives_its_row(array):
    summary = summarise(array)
    read = TensorSummary.unpacked(summary.packed())
    for name, value in vars(summary).items():
        np.testing.assert_equal(getattr(read, name), value)


def test_nan_and_infinity_are_kept(tmp_path):
    with RunWriter(tmp_path / "run") as writer:
        writer.scalars(3, {"loss": float("nan"), "rate": float("inf")})
    run = Run.open(tmp_path / "run")
    np.testing.assert_equal(run.scalar("loss")[1], [np.nan])
    np.testing.assert_equal(run.scalar("rate")[1], [np.inf])


def test_readers_see_what_is_committed_while_it_is_written(tmp_path):
    with RunWriter(tmp_path / "run") as writer:
        writer.scalars(0, {"loss": 1.0})
        writer.commit()
        run = Run.open(tmp_path / "run")
        writer.scalars(1, {"loss": 0.5})
        assert run.scalar("loss")[1].tolist() == [1.0]
        writer.commit()
        assert run.scalar("loss")[1].tolist() == [1.0, 0.5]


def test_a_run_can_be_read_from_a_read_only_folder(tmp_path, monkeypatch):
    with RunWriter(tmp_path / "run") as writer:
        writer.scalars(0, {"loss": 1.0})
    fetch = Run._fetch

    def as_in_a_read_only_folder(run, mode, query, arguments):
        if mode == "mode=ro":
            raise sqlite3.OperationalError("attempt to write a readonly database")
        return fetch(run, mode, query, arguments)

    monkeypatch.setattr(Run, "_fetch", as_in_a_read_only_folder)
    assert Run.open(tmp_path / "run").scalar("loss")[1].tolist() == [1.0]


def test_a_second_writer_is_refused(tmp_path):
    with RunWriter(tmp_path / "run"), pytest.raises(RunError, match="another process is writing"):
        RunWriter(tmp_path / "run", resume=True)
    with RunWriter(tmp_path / "run", resume=True) as writer:  # the lock is free again
        writer.scalars(0, {"loss": 1.0})


def test_rewinding_forgets_what_came_after(tmp_path):
    with RunWriter(tmp_path / "run") as writer:
        for step in range(5):
            writer.scalars(step, {"loss": float(step)})
            writer.tensors(step, {"W": summarise([step]).packed()})
        writer.rewind(2)
    run = Run.open(tmp_path / "run")
    assert run.scalar("loss")[0].tolist() == run.tensor("W")[0].tolist() == [0, 1, 2]
    assert [(event.step, event.kind) for event in run.events()] == [(2, "resume")]


def test_what_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(RunError, match=r"nowhere: no run there"):
        Run.open(tmp_path / "nowhere")
    with RunWriter(tmp_path / "run"):
        pass
    (tmp_path / "run" / "settings.toml").write_text("= broken", encoding="utf-8")
    with pytest.raises(RunError, match=r"settings\.toml"):
        _ = Run.open(tmp_path / "run").settings
    with sqlite3.connect(tmp_path / "run" / "run.sqlite") as database:
        database.execute("PRAGMA user_version = 1")
    database.close()
    with pytest.raises(RunError, match="version 1"):
        Run.open(tmp_path / "run")
    (tmp_path / "run" / "run.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(RunError, match=r"run\.sqlite"):
        Run.open(tmp_path / "run")


def test_an_exception_loses_nothing_recorded(tmp_path):
    def fail():
        with RunWriter(tmp_path / "run") as writer:
            writer.scalars(0, {"loss": 1.0})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert Run.open(tmp_path / "run").scalar("loss")[1].tolist() == [1.0]


def test_the_file_is_plain_sqlite(tmp_path):
    with RunWriter(tmp_path / "run") as writer:
        writer.scalars(0, {"loss": 1.0})
        writer.snapshot("grid", np.eye(3))
    with sqlite3.connect(tmp_path / "run" / "run.sqlite") as database:
        assert database.execute("SELECT value FROM step").fetchone() == (1.0,)
    database.close()
    np.testing.assert_array_equal(Run.open(tmp_path / "run").snapshot("grid"), np.eye(3))
    assert Run.open(tmp_path / "run").environment["versions"]["numpy"] == np.__version__


def test_checkpoints_keep_layout_and_state(tmp_path):
    arrays_in = {
        "C": np.arange(6.0).reshape(2, 3),
        "F": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "0": np.ones(()),
    }
    arrays_in["transposed"] = np.arange(24, dtype=np.float32).reshape(2, 3, 4).transpose(2, 0, 1)
    save_checkpoint(tmp_path / "file", arrays_in, {"step": 3})
    arrays_out, state = load_checkpoint(tmp_path / "file")
    assert state == {"step": 3}
    for name, array in arrays_in.items():
        np.testing.assert_array_equal(arrays_out[name], array)


def test_damaged_checkpoints_are_refused(tmp_path):
    with pytest.raises(RunError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "absent")
    save_checkpoint(tmp_path / "file", {"W": np.ones(5)}, {})
    content = (tmp_path / "file").read_bytes()
    for damaged in (b"", content[:20], content[:-1], b"x" * 100):
        (tmp_path / "file").write_bytes(damaged)
        with pytest.raises(RunError, match="damaged checkpoint"):
            load_checkpoint(tmp_path / "file")


def test_a_run_that_was_resumed_has_not_ended(tmp_path):
    with RunWriter(tmp_path / "run") as writer:
        writer.event(3, "stopped")
    assert Run.open(tmp_path / "run").ending().kind == "stopped"
    with RunWriter(tmp_path / "run", resume=True) as writer:
        writer.rewind(3)
        writer.commit()
        assert Run.open(tmp_path / "run").ending() is None


def test_reading_leaves_no_files_behind(tmp_path):
    with RunWriter(tmp_path / "run") as writer:
        writer.scalars(0, {"loss": 1.0})
    before = sorted(tmp_path.rglob("*"))
    assert Run.open(tmp_path / "run").scalar_names() == ["loss"]
    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_environment_is_named(tmp_path):
    with RunWriter(tmp_path / "run"):
        pass
    (tmp_path / "run" / "environment.json").write_text("{", encoding="utf-8")
    with pytest.raises(RunError, match=r"environment\.json"):
        _ = Run.open(tmp_path / "run").environment


def test_a_disk_that_refuses_is_reported_at_the_next_call_and_at_the_end(tmp_path, monkeypatch):
    def refuse(step, values):
        raise OSError(28, "No space left on device")

    writer = RunWriter(tmp_path / "run")
    monkeypatch.setattr(writer._database, "scalars", refuse)
    writer.scalars(0, {"loss": 1.0})
    with pytest.raises(RunError, match="No space left"):
        writer.commit()
    with pytest.raises(RunError, match="No space left"):
        writer.scalars(1, {"loss": 1.0})
    with pytest.raises(RunError, match="No space left"):
        writer.close()
    writer.close()
    with RunWriter(tmp_path / "run", resume=True):  # the lock is free
        pass


def test_nothing_waits_for_the_disk_and_nothing_is_dropped(tmp_path, monkeypatch):
    """The writing thread is held up; what is handed over meanwhile is counted and all of it is written."""
    from threading import Event

    gate = Event()
    with RunWriter(tmp_path / "run") as writer:
        insert = writer._database.scalars
        monkeypatch.setattr(writer._database, "scalars", lambda *args: (gate.wait(), insert(*args)))
        for step in range(500):
            writer.scalars(step, {"loss": float(step)})
        assert writer.most_waiting >= 490
        gate.set()
    assert Run.open(tmp_path / "run").scalar("loss")[1].tolist() == list(range(500))


def test_a_process_that_was_forked_leaves_the_record_alone(tmp_path):
    import os

    with RunWriter(tmp_path / "run") as writer:
        writer.scalars(0, {"loss": 1.0})
        child = os.fork()
        if child == 0:
            writer.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        writer.scalars(1, {"loss": 2.0})
    assert Run.open(tmp_path / "run").scalar("loss")[1].tolist() == [1.0, 2.0]
