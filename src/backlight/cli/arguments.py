"""The words of the command line before the parser sees them."""

import sys
import tomllib
from pathlib import Path

from backlight.errors import SettingsError
from backlight.recording.seals import fits
from backlight.recording.settings_file import split_command

CHANGED = "is not as it was recorded; if it was changed on purpose, take its first line (a checksum) out"


def settings_file(arguments: list[str]) -> tuple[list[str], Path | None]:
    """Takes `--settings FILE` out of the arguments: flags beside it override what the file says.

    Raises:
        SettingsError: if the file cannot be read, or holds the settings of another command.
    """
    words = [part for word in arguments for part in (word.split("=", 1) if word.startswith("--settings=") else [word])]
    if "--settings" not in words:
        return arguments, None
    at = words.index("--settings")
    rest = words[:at] + words[at + 2 :]
    if at + 1 == len(words):
        raise SettingsError("--settings needs a file, such as runs/NAME/settings.toml")
    path = Path(words[at + 1])
    try:
        text = path.read_text(encoding="utf-8")
        command, _ = split_command(tomllib.loads(text))
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: cannot be read as settings: {error}") from None
    if fits("settings", text) is False:
        sys.stderr.write(f"backlight: {path}: {CHANGED}\n")
    if not command or tuple(rest[: len(command)]) != command:
        table = ".".join(command) or "no table"
        raise SettingsError(f"{path}: holds settings of [{table}], not of `backlight {' '.join(rest[:2])}`")
    return rest, path


def spread_widths(arguments: list[str]) -> list[str]:
    """`--layers 2,4,2` as the repeated flag that the parser takes for a list; a study takes several such lists."""
    if arguments[:1] == ["study"]:
        return arguments
    spread: list[str] = []
    words = iter(arguments)
    for word in words:
        flag, equals, value = word.partition("=")
        if flag != "--layers":
            spread.append(word)
            continue
        for width in (value if equals else next(words, "")).split(","):
            spread += [flag, width]
    return spread
