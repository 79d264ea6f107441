"""What is asked of an installed Backlight. A try is a function that raises AssertionError where it goes wrong."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .needs import NEEDS, TINY, Need

ROOT = Path(__file__).parents[2]
CASEBOOK = ROOT / "examples" / "casebook" / "three_layer_network.py"
TYPED_PROGRAM = ROOT / "tests" / "typing" / "program.py"
NAMES = """
import backlight
found, missing = [], []
for name in backlight.__all__:
    try:
        found.append(getattr(backlight, name))
    except backlight.errors.MissingExtraError as error:
        assert "backlight[torch]" in str(error), error
        missing.append(name)
print(*missing)
"""
WATCHED = """
import torch, backlight
model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
optimizer = torch.optim.SGD(model.parameters(), 0.1)
with backlight.watch(model, optimizer, "watched", every=1):
    for _ in range(3):
        optimizer.zero_grad()
        model(torch.randn(8, 2)).sum().backward()
        optimizer.step()
print(len(backlight.Run.open("watched").tensor_names()))
"""
ON_A_CLUSTER = """
import sys
from distributed import LocalCluster
from backlight.cli import main
if __name__ == "__main__":
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        address = cluster.scheduler_address.removeprefix("tcp://")
        main(["study", "--seeds", "2", "--steps", "5", "--run", "far", "--cluster", f"dask://{address}"])
"""


@dataclass(frozen=True)
class Installed:
    """The programs of an environment, a folder to work in, and the extras that are there."""

    bin: Path
    folder: Path
    extras: frozenset[str]

    def start(self, *words: str) -> "subprocess.Popen[str]":
        program, *rest = words
        hidden = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
        environment = {key: value for key, value in os.environ.items() if key not in hidden}
        return subprocess.Popen(
            [str(self.bin / program), *rest], cwd=self.folder, env=environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def call(self, *words: str, ends: int = 0) -> tuple[str, str]:
        """What it prints, and what it says on standard error."""
        with self.start(*words) as process:
            out, err = process.communicate(timeout=400)
        assert process.returncode == ends, f"{' '.join(words)[:80]} ended with {process.returncode}: {err[-600:]}"
        return out, err


Try = Callable[[Installed], None]


def tries(installed: Installed) -> Iterator[tuple[str, Try]]:
    """By name; the run that `train` makes is used by those after it."""
    yield from {"help": help_text, "names": names, "train": train, "study": study, "check": check, "report": report,
                "typed": typed, "files": files}.items()  # fmt: skip
    yield from ((extra, attempt) for extra, attempt in WITH.items() if extra in installed.extras)
    for need in NEEDS:
        if need.extra not in installed.extras and not is_there(installed, need.package):
            yield f"without {need.package}: {need.words[0]}", partial(without, need=need)


def help_text(here: Installed) -> None:
    for words in ((), ("train", "mlp"), ("study",), ("check",), ("page",)):
        assert "Usage: backlight" in here.call("backlight", *words, "--help")[0]
    assert (
        here.call("backlight", "--version")[0].strip() == here.call("python", "-c", version_of("backlight"))[0].strip()
    )


def version_of(package: str) -> str:
    return f"from importlib.metadata import version; print(version({package!r}))"


def names(here: Installed) -> None:
    missing = here.call("python", "-W", "error", "-c", NAMES)[0].split()
    assert bool(missing) == ("torch" not in here.extras), missing


def train(here: Installed) -> None:
    document = json.loads(here.call("backlight", "train", "mlp", *TINY, "--run", "run", "--json")[0])
    assert document["finished"]
    assert len(document["pictures"]) >= 5


def study(here: Installed) -> None:
    assert "success rate" in here.call("backlight", "study", "--seeds", "2", "--steps", "5", "--run", "study")[0]
    assert (here.folder / "study" / "report.html").stat().st_size > 10_000


def check(here: Installed) -> None:
    verdict = json.loads(here.call("backlight", "check", str(CASEBOOK), "--json", ends=1)[0])
    assert verdict["status"] == "wrong"


def report(here: Installed) -> None:
    here.call("backlight", "report", "run")
    assert (here.folder / "run" / "report.html").stat().st_size > 10_000
    assert here.start("backlight", "diagnose", "run").wait(timeout=100) in (0, 1)


def typed(here: Installed) -> None:
    assert (package(here) / "py.typed").is_file()


def strictly_typed(here: Installed) -> None:
    """A user's program passes the strict checker of this environment, which reads the installed package."""
    checker = (sys.executable, "-m", "mypy", "--strict", "--config-file=", "--python-executable", here.bin / "python")
    ended = subprocess.run([*checker, TYPED_PROGRAM], cwd=here.folder, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-600:]


def files(here: Installed) -> None:
    """Whatever of src is not Python is there too: the page's program, styles and frame."""
    source = ROOT / "src" / "backlight"
    wanted = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    wanted = {name for name in wanted if "__pycache__" not in name}
    missing = {name for name in wanted if not (package(here) / name).is_file()}
    assert not missing, missing


def package(here: Installed) -> Path:
    code = "import backlight, pathlib; print(pathlib.Path(backlight.__file__).parent)"
    return Path(here.call("python", "-c", code)[0].strip())


def is_there(here: Installed, name: str) -> bool:
    """Another extra may bring the package too."""
    code = f"import importlib.util as u; print(u.find_spec({name!r}) is not None)"
    return here.call("python", "-c", code)[0].strip() == "True"


def without(here: Installed, need: Need) -> None:
    said = here.call("backlight", *need.words, ends=1)[1].splitlines()
    assert len(said) == 1, said
    assert said[0].endswith(f"pip install 'backlight[{need.extra}]'"), said


def page(here: Installed) -> None:
    """Starts, answers whoever has the link and nobody else, stops."""
    with here.start("backlight", "page", "runs", "--port", "0") as process:
        assert process.stdout is not None
        link = process.stdout.readline().strip()
        try:
            with urllib.request.urlopen(link, timeout=20) as answer:
                assert b"<script" in answer.read()
            address, _, secret = link.partition("?")
            assert status(f"{address}api/nothing?{secret}") == 404, "the secret is not known"
            assert status(f"{address}api/nothing") == 401, "the page answers without its secret"
        finally:
            process.send_signal(signal.SIGINT)
    assert process.returncode == 0, process.returncode


def status(link: str) -> int:
    try:
        with urllib.request.urlopen(link, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def digits(here: Installed) -> None:
    here.call("backlight", "train", "mlp", "--data", "digits", "--layers", "784,10", *TINY, "--run", "digits")


def tables(here: Installed) -> None:
    here.call("backlight", "study", "--seeds", "2", "--steps", "5", "--run", "table", "--parquet", "table.parquet")
    here.call("backlight", "export", "run", "--to", "parquet")
    code = "import pandas, backlight; print(len(pandas.read_parquet('table.parquet')))"
    assert here.call("python", "-c", code)[0].strip() == "2"


def cluster(here: Installed) -> None:
    program = here.folder / "far.py"
    program.write_text(ON_A_CLUSTER, encoding="utf-8")
    assert "success rate" in here.call("python", str(program))[0]


def torch(here: Installed) -> None:
    strictly_typed(here)
    assert int(here.call("python", "-c", WATCHED)[0]) > 5
    if "digits" in here.extras:
        here.call("backlight", "train", "cnn", "--epochs", "1", "--batch-size", "1000", "--run", "cnn")
        here.call("backlight", "report", "cnn")


def peers(here: Installed) -> None:
    here.call("python", "-c", "import jax, wandb; print(jax.numpy.ones(2).sum())")


WITH: dict[str, Try] = {
    "page": page, "digits": digits, "study": tables, "cluster": cluster, "torch": torch, "bench": peers
}  # fmt: skip
