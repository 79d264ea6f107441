"""The command line: what is asked for is found out here, what is done stands elsewhere."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs a command. Ctrl-C ends it in one line, also while its modules load: hence the import in here."""
    try:
        from backlight.cli.entry import run

        run(arguments)
    except KeyboardInterrupt:
        sys.stderr.write("backlight: interrupted\n")
        sys.exit(130)  # as shells have it
