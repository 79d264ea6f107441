"""Command lines: words, flags and values that exist, or nearly; what would train is only reached."""

import io
import os
import tempfile
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st

from backlight.cli import main
from backlight.cli.app import COMMANDS, TRAIN_COMMANDS
from backlight.errors import BacklightError
from backlight.training.settings import CNNSettings, MLPSettings, StudySettings

HEAVY = (  # what takes minutes, executes a user's file, or serves until Ctrl-C
    "backlight.training.train_mlp.train_mlp",
    "backlight.training.train_cnn.train_cnn",
    "backlight.training.run_study.run_study",
    "backlight.reproduction.reproduce.reproduce",
    "backlight.page.serve.serve",
    "backlight.reports.check_result.check",
    "backlight.diagnosis.treatment.treat",
)
FIELDS = {name for kind in (MLPSettings, CNNSettings, StudySettings) for name in kind.__dataclass_fields__}
FLAGS = [f"--{name.replace('_', '-')}" for name in sorted(FIELDS)] + [
    "--run", "--resume", "--json", "--settings", "--out", "--to", "--prefix", "--tolerance", "--mute", "--verify",
    "--repair", "--seeds", "--port", "--open", "--quick", "--fix", "--adapter", "--sarif", "--report", "--seconds",
    "--csv", "--parquet", "--cluster", "--threads", "--help", "--version", "--no-json", "--", "-", "-x", "--layers=2,4",
    "--layers=",
]  # fmt: skip
VALUES = [
    "a", "b", "absent", "points.csv", "a/settings.toml", "2,4,2", "0", "1", "-1", "1e999", "nan", "inf", "0.5", "", ",",
    "relu", "tanh", "adam", "csv", "tensorboard", "parquet", "BL101", "moons", "digits", "dask://", "9" * 20, "a.csv",
    "..", ".", "true", "None", "ä\u0000",
]  # fmt: skip
# No "/" in what is drawn freely: a file may be written under that name.
FREE = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), max_size=8)
WORD = st.one_of(st.sampled_from(FLAGS), st.sampled_from(VALUES), FREE)


class ReachedError(BacklightError):
    """The words were understood."""


def reached(*arguments: Any, **named: Any) -> None:
    raise ReachedError("reached")


class CommandLines:
    """Draws command lines and runs them in this process, in a folder with one run in it."""

    def __init__(self, values: list[str]) -> None:
        self.values, self.place = values, ""

    def __call__(self) -> st.SearchStrategy[list[str]]:
        words = [[word] for word in COMMANDS] + [["train", word] for word in TRAIN_COMMANDS]
        command = st.sampled_from(words) | st.lists(WORD, max_size=2)
        pairs = st.tuples(st.sampled_from(FLAGS), st.sampled_from(self.values)).map(list)
        rest = st.lists(st.one_of(pairs, pairs, WORD.map(lambda word: [word])), max_size=5)
        return st.builds(lambda first, more: [*first, *(word for each in more for word in each)], command, rest)

    def run(self, words: list[str]) -> None:
        self.prepare()
        os.chdir(self.place)
        said = io.StringIO()
        code: Any = None
        with ExitStack() as stack:
            for name in HEAVY:
                stack.enter_context(patch(name, reached))
            stack.enter_context(patch("sys.stdin", io.StringIO()))
            stack.enter_context(redirect_stdout(io.StringIO()))
            stack.enter_context(redirect_stderr(said))
            try:
                main(words)
            except SystemExit as end:
                code = end.code
        assert code in (None, 0, 1, 2), f"exit code {code!r}"
        assert "Traceback" not in said.getvalue(), said.getvalue()

    def prepare(self) -> None:
        """A folder with a run, a table and a settings file, in which commands run; and what they import. Made once."""
        if not self.place:
            from backlight.training.train_mlp import train_mlp

            self.place = tempfile.mkdtemp(prefix="backlight-fuzz-")
            train_mlp(MLPSettings(steps=2, record_every=1), Path(self.place) / "a", stream=io.StringIO())
            (Path(self.place) / "points.csv").write_text("0,0,0\n1,1,1\n0,1,0\n1,0,1\n", encoding="utf-8")
            for name in (*HEAVY, "backlight.reports.html.report.report", "backlight.recording.export.export"):
                import_module(name.rpartition(".")[0])


class SettingsFiles(CommandLines):
    """The text of a file that `train mlp --settings FILE` is given."""

    def __call__(self) -> Any:
        keys = st.sampled_from([*sorted(FIELDS), "train", "mlp", "[train.mlp]", "[train", "x.y", ""]) | FREE
        values = (
            st.sampled_from(["1", "0.5", '"relu"', "[2, 8, 2]", "true", "nan", "[", '"', "1979-05-27", "{a = 1}", "-1"])
            | FREE
        )
        lines = st.lists(st.tuples(keys, values).map(" = ".join) | FREE, max_size=6)
        heads = st.sampled_from(
            ["[train.mlp]\n", "[train.mlp]\n", "[train.cnn]\n", "", "# crc32 00000000\n[train.mlp]\n"]
        )
        return st.builds(lambda head, rest: head + "\n".join(rest), heads, lines)

    def run(self, text: Any) -> None:
        self.prepare()
        os.chdir(self.place)
        (Path(self.place) / "drawn.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
        super().run(["train", "mlp", "--settings", "drawn.toml"])


command_lines = CommandLines(VALUES)
settings_files = SettingsFiles(VALUES)
