import re
import subprocess
import sys

import pytest

from backlight.training.settings import MLPSettings
from backlight.training.train_mlp import train_mlp

SERVE = "import sys, pathlib; from backlight.page.serve import serve; serve(pathlib.Path(sys.argv[1]), 0, say=print)"


@pytest.fixture(scope="session")
def finished_runs(tmp_path_factory):
    """A folder with a run that learnt, one that did not, and one, deeper, whose loss became NaN; not to be changed."""
    from backlight.errors import DivergedError

    folder = tmp_path_factory.mktemp("runs")
    train_mlp(MLPSettings(steps=300, record_every=10), folder / "good")
    train_mlp(MLPSettings(steps=200, record_every=10, learning_rate=1e-7), folder / "slow")
    with pytest.raises(DivergedError):
        train_mlp(
            MLPSettings(steps=50, record_every=1, learning_rate=1e150, activation="relu"), folder / "deep" / "nan"
        )
    return folder


@pytest.fixture
def served():
    """A function that serves a folder in a process of its own and gives the link; all end with the test."""
    servers = []

    def serve(folder):
        server = subprocess.Popen([sys.executable, "-u", "-c", SERVE, str(folder)], stdout=subprocess.PIPE, text=True)
        servers.append(server)
        link = server.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=\S+", link)
        return link

    yield serve
    for server in servers:
        server.terminate()
    for server in servers:
        server.wait(20)  # it ends by itself, whatever it had started
        server.stdout.close()
