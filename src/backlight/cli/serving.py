"""The command that serves the live page."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from backlight.cli.output import print_lines
from backlight.errors import missing_extra


def page(
    runs: Path = Path("runs"),
    /,
    *,
    port: int | None = None,
    open: Annotated[bool, Parameter(negative=(), help="Also open the page in the browser.")] = False,
) -> None:
    """A live page on loopback: a playground to train in, and the runs of a folder while they train.

    Prints the link, with the secret without which nobody gets in; Ctrl-C ends it.

    Parameters:
        runs: folder of the runs that are shown; nothing outside it is read.
        port: 8421 if not given, or any that is free where that one is taken.

    Examples:
        backlight page
        backlight page runs/class --port 9000 --open
    """
    try:
        from backlight.page.serve import serve
    except ModuleNotFoundError as error:
        raise missing_extra("the page", error) from None

    def say(link: str) -> None:
        print_lines(link)
        sys.stdout.flush()  # into a pipe too: who waits for the link reads it now
        sys.stderr.write("open this link in a browser; Ctrl-C ends the page\n")

    serve(runs, port, open, say)
