"""`backlight page` in a process of its own, as somebody starts it."""

import re
import subprocess
import sys
from pathlib import Path


def start(folder: Path) -> tuple[subprocess.Popen, str]:
    """The process, and the link that it prints when it listens."""
    command = [sys.executable, "-m", "backlight", "page", str(folder), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    link = server.stdout.readline().strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=\S+", link), link
    return server, link


def stop(server: subprocess.Popen) -> None:
    server.terminate()
    server.wait(20)  # it ends by itself, whatever it had started
    server.stdout.close()
