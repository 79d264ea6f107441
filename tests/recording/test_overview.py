import io
import json
import sqlite3
import sys

import numpy as np
import pytest
from rich.console import Console

from backlight.errors import RunError
from backlight.recording.overview import list_runs
from backlight.recording.run_writer import RunWriter
from backlight.recording.summarise import summarise_arrays
from backlight.reports.runs_text import HEADINGS, cells, plain_table, rich_table


def make(folder, *events, command=("train", "mlp"), bad_step=None):
    with RunWriter(folder, command) as writer:
        for step in range(5):
            values = np.full(4, np.nan if step == bad_step else 1.0)
            writer.tensors(2 * step, summarise_arrays({"act/x": np.ones(3), "grad/x": values}))
            writer.scalars(2 * step, {"loss": 1.0})
        writer.scalars(11, {"accuracy": 0.5})
        for kind, detail in events:
            writer.event(9, kind, detail)


def test_what_there_is_to_say_about_a_run(tmp_path):
    detail = json.dumps({"steps": 10, "recorded": 5, "seconds": 0.5, "share": 0.0185})
    make(tmp_path / "runs" / "deep" / "a", ("watched", detail), ("finished", ""), bad_step=2)
    (each,) = list_runs(tmp_path / "runs")
    assert each.folder == tmp_path / "runs" / "deep" / "a"
    assert (each.status, each.command) == ("finished", ("train", "mlp"))
    assert (each.last_step, each.tensors, each.recorded, each.watching) == (11, 2, 5, 0.0185)
    assert (each.nonfinite.step, each.nonfinite.name, each.nonfinite.nan) == (4, "grad/x", 4)
    assert each.size > (each.folder / "run.sqlite").stat().st_size
    assert json.loads(json.dumps(each.document()))["nonfinite"]["count"] == 4


@pytest.mark.parametrize(
    ("kinds", "command", "status"),
    [
        (["finished"], ("train", "mlp"), "finished"),
        (["stopped"], ("train", "mlp"), "stopped"),
        (["diverged", "exception", "watched"], ("train", "cnn"), "diverged"),
        (["stopped", "resume"], ("train", "mlp"), "broken off"),
        (["stopped", "resume", "finished"], ("train", "mlp"), "finished"),
        (["stopped", "finished"], ("study",), "finished"),
        (["watched"], ("train", "cnn"), "broken off"),
        (["watch", "watched"], ("watch",), "finished"),
        (["watch", "exception", "watched"], ("watch",), "broken off"),
        ([], ("watch",), "broken off"),
    ],
)
def test_what_became_of_a_run(tmp_path, kinds, command, status):
    make(tmp_path / "a", *((kind, '{"share": 0.1}') for kind in kinds), command=command)
    assert [each.status for each in list_runs(tmp_path)] == [status]


def test_looking_at_a_run_does_not_disturb_its_writer(tmp_path):
    with RunWriter(tmp_path / "a") as writer:
        writer.scalars(1, {"loss": 1.0})
        writer.commit()
        before = sorted(writer.folder.iterdir())
        assert [(each.status, each.last_step) for each in list_runs(tmp_path)] == [("running", 1)]
        assert sorted(writer.folder.iterdir()) == before
        with pytest.raises(RunError, match="another process is writing"):
            RunWriter(tmp_path / "a", resume=True)  # the lock is held still
        writer.event(1, "stopped")
        writer.commit()
        assert list_runs(tmp_path)[0].status == "running"
    assert list_runs(tmp_path)[0].status == "stopped"
    RunWriter(tmp_path / "a", resume=True).close()  # and free


def test_without_a_lock_file_nobody_writes_and_none_is_made(tmp_path):
    make(tmp_path / "a")
    (tmp_path / "a" / ".lock").unlink()
    assert list_runs(tmp_path)[0].status == "broken off"
    assert not (tmp_path / "a" / ".lock").exists()


def test_where_locks_cannot_be_looked_at_the_end_is_open(tmp_path, monkeypatch):
    make(tmp_path / "a")
    make(tmp_path / "b", ("stopped", ""))
    monkeypatch.setitem(sys.modules, "fcntl", None)
    assert [each.status for each in list_runs(tmp_path)] == ["open", "stopped"]


def test_an_empty_run(tmp_path):
    with RunWriter(tmp_path / "a"):
        pass
    (each,) = list_runs(tmp_path)
    assert (each.status, each.last_step, each.tensors, each.recorded) == ("broken off", None, 0, 0)
    assert (each.nonfinite, each.watching, each.error) == (None, None, None)


def test_damaged_folders_are_listed_with_what_is_wrong(tmp_path):
    for name in ("empty", "garbage", "good", "old", "settings", "event"):
        make(tmp_path / name, ("finished", ""), *([("watched", "{")] if name == "event" else []))
    (tmp_path / "empty" / "run.sqlite").write_bytes(b"")
    (tmp_path / "garbage" / "run.sqlite").write_bytes(b"not a database" * 100)
    (tmp_path / "settings" / "settings.toml").unlink()
    database = sqlite3.connect(tmp_path / "old" / "run.sqlite")
    database.execute("PRAGMA user_version = 1")
    database.close()
    found = {each.folder.name: each for each in list_runs(tmp_path)}
    assert {name for name, each in found.items() if each.status == "damaged"} == set(found) - {"good"}
    assert len(found) == 6
    for name, complaint in [("empty", "version 0"), ("garbage", "run.sqlite"), ("old", "version 1"),
                            ("settings", "settings.toml"), ("event", "line 1 column 2")]:  # fmt: skip
        assert complaint in found[name].error
        assert complaint in plain_table([cells(found[name], tmp_path)])


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(RunError, match="absent: no such folder"):
        list_runs(tmp_path / "absent")
    assert list_runs(tmp_path) == []


def test_both_tables_say_the_same(tmp_path):
    make(tmp_path / "a", ("watched", '{"share": 0.018}'), ("finished", ""), bad_step=2)
    make(tmp_path / "[b]old", ("stopped", ""))
    rows = [cells(each, tmp_path) for each in list_runs(tmp_path)]
    assert [row[0] for row in rows] == ["[b]old", "a"]
    terminal = io.StringIO()
    Console(file=terminal, force_terminal=True, width=200, color_system=None).print(rich_table(rows))
    plain = plain_table(rows)
    for cell in (*HEADINGS, *rows[0], *rows[1]):
        assert cell in plain
        assert cell in terminal.getvalue()
    assert "NaN in grad/x at step 4 (4 of 4 values)" in plain
    assert "1.8%" in plain
    header, first, second = plain.splitlines()
    assert header.index("status") == first.index("stopped") == second.index("finished")
    ends = [line.index(text) + len(text) for line, text in ((header, "last step"), (first, "11"), (second, "11"))]
    assert len(set(ends)) == 1
