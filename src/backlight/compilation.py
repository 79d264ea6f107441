"""Compiled code is kept on disk; when there is none yet, the first call says why it takes a while."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core import event


class Announcement(event.Listener):
    """Prints one line when a compilation starts; loading from disk is no compilation."""

    said = False

    def on_start(self, event: Any) -> None:
        if not self.said:
            self.said = True
            sys.stderr.write("backlight: compiling for this machine, once; it takes up to a minute …\n")

    def on_end(self, event: Any) -> None:
        pass


@contextmanager
def announced() -> Iterator[None]:
    """Within it a kernel that is called for the first time ever says so."""
    with event.install_listener("numba:compile", Announcement()):
        yield
