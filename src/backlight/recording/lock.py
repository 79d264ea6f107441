"""Whether somebody writes a run folder: asked without disturbing the writer."""

import os
from pathlib import Path

LOCK = ".lock"


def is_written(folder: Path) -> bool | None:
    """Whether a process holds the writer's lock; None where that cannot be told.

    Makes no file. The lock is tried as a shared one and given back at once: a writer that holds it does not notice.
    """
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows, where looking at a lock means taking it
        return None
    try:
        handle = os.open(folder / LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(handle)
    return False
