"""What the command line says of itself: examples that can be copied, and what shells complete."""

import shlex
import shutil
import subprocess

import pytest

from backlight.cli.app import COMMANDS, TRAIN_COMMANDS, app
from backlight.cli.arguments import settings_file, spread_widths
from backlight.cli.examples import examples

ALL = {**COMMANDS, **{f"train {word}": command for word, command in TRAIN_COMMANDS.items()}}
EXAMPLES = [(word, line) for word, command in ALL.items() for line in examples(command)]
SHELLS = {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "--no-execute"]}


@pytest.mark.parametrize("word", ALL)
def test_the_help_of_every_command_has_examples(word, capsys):
    lines = examples(ALL[word])
    assert 1 <= len(lines) <= 4
    app(f"{word} --help", result_action="return_value")
    shown = capsys.readouterr().out
    for line in lines:
        assert f" {line} " in shown, "not on a line of its own: longer than a terminal is wide?"


@pytest.mark.parametrize(("word", "line"), EXAMPLES)
def test_every_example_is_understood(word, line, tmp_path, monkeypatch):
    """Words, flags and values; what they are done to need not be there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "settings.toml").write_text("[train.mlp]\nsteps = 10\n", encoding="utf-8")
    program, *words = shlex.split(line.partition(" > ")[0])
    assert program == "backlight"
    rest, _ = settings_file(words)
    command, _, ignored = app.parse_args(spread_widths(rest), exit_on_error=False, print_error=False)
    assert command is ALL[word]
    assert not ignored


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_is_a_program_of_the_shell(shell, tmp_path, capsys):
    app(f"completion {shell}", result_action="return_value")
    program = tmp_path / "program"
    program.write_text(capsys.readouterr().out, encoding="utf-8")
    for word in COMMANDS:
        assert word in program.read_text(encoding="utf-8")
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([*SHELLS[shell], program], check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("typed", "offered"), [("di", {"diagnose"}), ("train ", {"mlp", "cnn"}), ("train mlp --see", {"--seed"})]
)
def test_bash_completes(typed, offered, tmp_path):
    words = ["backlight", *typed.split(" ")]
    program = tmp_path / "program"
    program.write_text(app.generate_completion(shell="bash"), encoding="utf-8")
    asked = f"COMP_WORDS=({' '.join(map(shlex.quote, words))}); COMP_CWORD={len(words) - 1}"
    script = f'source {program}; {asked}; _backlight; printf "%s\\n" "${{COMPREPLY[@]}}"'
    result = subprocess.run(["bash", "-c", script], check=True, capture_output=True, text=True)
    assert offered <= set(result.stdout.split())


def test_completion_is_installed_where_the_shell_looks(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    app("completion bash --install", result_action="return_value")
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert ".local/share/bash-completion/completions/backlight" in written
    assert "backlight" in (tmp_path / ".bashrc").read_text(encoding="utf-8")
    assert str(tmp_path) in capsys.readouterr().out
