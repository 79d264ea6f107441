"""From the words of the command line to a command, and from errors to exit codes."""

import sys
from collections.abc import Sequence

from cyclopts.config import Toml

from backlight.cli.app import app
from backlight.cli.arguments import settings_file, spread_widths
from backlight.errors import BacklightError, missing_extra


def run(arguments: Sequence[str] | None = None) -> None:
    """Runs a command; an error of the user's own is one line on standard error and exit code 1."""
    try:
        words, file = settings_file(list(sys.argv[1:] if arguments is None else arguments))
        app.config = [Toml(file, must_exist=True, allow_unknown=False)] if file else []
        app(spread_widths(words))
    except (BacklightError, OSError) as error:
        sys.stderr.write(f"backlight: {error}\n")
        sys.exit(1)
    except ModuleNotFoundError as error:
        told = missing_extra("this", error)
        if told is error:
            raise
        sys.stderr.write(f"backlight: {told}\n")
        sys.exit(1)
    except MemoryError as error:
        sys.stderr.write(f"backlight: not enough memory: {error}\n")
        sys.exit(1)
