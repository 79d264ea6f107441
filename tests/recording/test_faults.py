"""Kills between two lines, disks that are full or read-only, a second writer, forks, a clock that is set back."""

import errno
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from backlight.errors import RunError
from backlight.files import write_atomically
from backlight.recording import database, run_writer
from backlight.recording.checkpoint import load_checkpoint, save_checkpoint
from backlight.recording.run import Run
from backlight.recording.run_writer import RunWriter


class Killed(BaseException):
    pass


def killing(*_, **__):
    raise Killed


def python(program, *words):
    """A process of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", program, *map(str, words)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@contextmanager
def read_only(folder):
    """A file system that refuses writes even of root, who may mount one."""
    try:
        subprocess.run(["mount", "--bind", folder, folder], check=True, capture_output=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may mount")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


WRITE_AND_DIE = """
import os, signal, sys
from pathlib import Path
from backlight.recording.run_writer import RunWriter
writer = RunWriter(Path(sys.argv[1]))
for step in range(5):
    writer.scalars(step, {"loss": float(step)})
writer.commit()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_there_is_no_table_or_a_whole_one(tmp_path, monkeypatch):
    """Killed before the tables are in place, and while they are made: what is left can be begun anew."""
    with monkeypatch.context() as patch:
        patch.setattr(database.Path, "replace", killing)
        with pytest.raises(Killed):
            RunWriter(tmp_path / "run")
    assert list((tmp_path / "run").glob("run.sqlite*")) == []
    with sqlite3.connect(tmp_path / "run" / ".run.sqlite.partial") as half:
        half.execute("DROP TABLE step")
    half.close()
    with pytest.raises(RunError, match="no run to resume; begin it without --resume"):
        RunWriter(tmp_path / "run", resume=True)
    with RunWriter(tmp_path / "run") as writer:
        writer.scalars(0, {"loss": 1.0})
    assert Run.open(tmp_path / "run").scalar("loss")[1].tolist() == [1.0]
    assert list((tmp_path / "run").glob(".*.partial*")) == []


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_at_the_start_names_the_file_and_leaves_the_folder_free(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("backlight.files.os.fsync", full)
        with pytest.raises(RunError, match=r"settings\.toml: cannot be written: No space left"):
            RunWriter(tmp_path / "run")
    with RunWriter(tmp_path / "run"):
        pass


def test_a_full_disk_leaves_the_old_file_as_it_was_and_names_it(tmp_path, monkeypatch):
    path = tmp_path / "latest.safetensors"
    save_checkpoint(path, {}, {"step": 3})
    monkeypatch.setattr("backlight.files.os.fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*latest\.safetensors'"):
        write_atomically(path, b"new")
    with pytest.raises(RunError, match=r"latest\.safetensors: cannot be written: No space left"):
        save_checkpoint(path, {}, {"step": 4})
    assert load_checkpoint(path)[1] == {"step": 3}
    assert os.listdir(tmp_path) == ["latest.safetensors"]


def test_a_disk_that_fills_at_the_very_end_leaves_the_lock_free(tmp_path, monkeypatch):
    writer = RunWriter(tmp_path / "run")
    close = writer._database.close
    monkeypatch.setattr(writer._database, "close", lambda: full(close()))
    with pytest.raises(RunError, match="No space left"):
        writer.close()
    with RunWriter(tmp_path / "run", resume=True):
        pass


def test_a_second_process_is_refused_and_the_first_is_not_disturbed(tmp_path):
    command = "import sys; from backlight.cli import main; main(sys.argv[1:])"
    with RunWriter(tmp_path / "run", ("train", "mlp")) as writer:
        for more in ([], ["--resume"]):
            second = python(command, "train", "mlp", "--run", tmp_path / "run", *more)
            assert (second.returncode, second.stdout) == (1, "")
            assert second.stderr == f"backlight: {tmp_path / 'run'}: another process is writing this run\n"
        writer.scalars(0, {"loss": 1.0})
    assert Run.open(tmp_path / "run").scalar("loss")[1].tolist() == [1.0]


def test_a_run_that_is_begun_while_one_looks_is_not_written_over(tmp_path, monkeypatch):
    """Between the look whether there is a run and the lock another process may have made one."""
    locked = run_writer.locked

    def locked_too_late(folder):
        with monkeypatch.context() as patch:
            patch.setattr(run_writer, "locked", locked)
            RunWriter(folder, settings={"of": "the first"}).close()
        return locked(folder)

    monkeypatch.setattr(run_writer, "locked", locked_too_late)
    with pytest.raises(RunError, match="a run is already there"):
        RunWriter(tmp_path / "run", settings={"of": "the second"})
    assert Run.open(tmp_path / "run").settings == {"of": "the first"}


def test_a_read_only_folder_is_read_and_not_written(tmp_path):
    with RunWriter(tmp_path / "run") as writer:
        writer.scalars(0, {"loss": 1.0})
    with read_only(tmp_path):
        assert Run.open(tmp_path / "run").scalar("loss")[1].tolist() == [1.0]
        for folder, resume in ((tmp_path / "run", True), (tmp_path / "other", False)):
            with pytest.raises(RunError, match=r"cannot be written: Read-only file system"):
                RunWriter(folder, resume=resume)


def test_the_log_of_a_killed_run_is_not_passed_over_in_a_read_only_folder(tmp_path):
    """Its index is missing, as on another machine: without the log the run would look empty."""
    assert python(WRITE_AND_DIE, tmp_path / "run").returncode == -9
    assert (tmp_path / "run" / "run.sqlite-wal").stat().st_size
    (tmp_path / "run" / "run.sqlite-shm").unlink()
    with read_only(tmp_path), pytest.raises(RunError, match=r"last rows of a run that was killed.* open the copy"):
        Run.open(tmp_path / "run")
    assert Run.open(tmp_path / "run").scalar("loss")[1].tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_a_clock_that_is_set_back(tmp_path, monkeypatch):
    """An hour before each event: their order, the ending and TensorBoard's curve stay what they are."""
    hours = iter(range(10_000, 0, -1))
    monkeypatch.setattr(time, "time", lambda: 3600.0 * next(hours))
    monkeypatch.setattr(time, "time_ns", lambda: 3_600_000_000_000 * next(hours) + 10**18)
    for first, resume in ((0, False), (3, True)):
        with RunWriter(tmp_path / "run", resume=resume) as writer:
            writer.add_event_file(resume_step=first if resume else None)
            if resume:
                writer.rewind(first - 1)
            for step in range(first, first + 4):
                writer.scalars(step, {"loss": step + 10.0 * first})
            writer.event(first + 3, "finished" if resume else "stopped")
    run = Run.open(tmp_path / "run")
    assert run.scalar("loss")[1].tolist() == [0, 1, 2, 33, 34, 35, 36]
    assert [event.kind for event in run.events()] == ["stopped", "resume", "finished"]
    assert run.ending().kind == "finished"
    accumulator = EventAccumulator(str(tmp_path / "run" / "tensorboard"), size_guidance={"scalars": 0})
    accumulator.Reload()
    assert [scalar.value for scalar in accumulator.Scalars("loss")] == [0, 1, 2, 33, 34, 35, 36]


FORKED = """
import os, sys
from pathlib import Path
from backlight.recording.run_writer import RunWriter
with RunWriter(Path(sys.argv[1])) as writer:
    writer.add_event_file()
    writer.scalars(0, {"loss": 0.0})
    writer.commit()
    writer._events.scalars(1, {"loss": 1.0})
    child = os.fork()
    if not child:
        writer.scalars(7, {"loss": 7.0})
        writer.commit()
        writer.rewind(0)
        sys.exit(5)  # in the usual way, so that everything is torn down
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
    writer.scalars(2, {"loss": 2.0})
"""


def test_a_forked_process_writes_nothing_and_waits_for_nothing(tmp_path):
    done = python(FORKED, tmp_path / "run")
    assert (done.returncode, done.stderr) == (0, "")
    assert Run.open(tmp_path / "run").scalar("loss")[1].tolist() == [0.0, 2.0]
    accumulator = EventAccumulator(str(tmp_path / "run" / "tensorboard"), size_guidance={"scalars": 0})
    accumulator.Reload()
    assert [scalar.value for scalar in accumulator.Scalars("loss")] == [0.0, 1.0, 2.0]
