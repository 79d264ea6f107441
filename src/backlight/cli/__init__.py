"""The command line: what is asked for is found out here, what is done stands elsewhere."""

from backlight.cli.entry import main

__all__ = ["main"]
