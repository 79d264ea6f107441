"""settings.toml: the settings of a run under the words of the command that takes them."""

from collections.abc import Mapping
from typing import Any


def settings_toml(command: tuple[str, ...], settings: Mapping[str, Any]) -> str:
    import tomli_w

    table: dict[str, Any] = {name: value for name, value in settings.items() if value is not None}
    for word in reversed(command):
        table = {word: table}
    return tomli_w.dumps(table)


def split_command(document: dict[str, Any]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """The inverse of `settings_toml`: tables that hold nothing but one table are words of the command."""
    words: list[str] = []
    while len(document) == 1 and isinstance(next(iter(document.values())), dict):
        word, document = next(iter(document.items()))
        words.append(word)
    return tuple(words), document


def same_settings(stored: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    """Whether both say the same, wherever the data lie."""

    def comparable(settings: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in settings.items() if value is not None and name != "data_dir"}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()}

    return comparable(stored) == comparable(given)
