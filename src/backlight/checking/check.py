"""`check`: the user's file judged in a process of its own, on a copy, with limits on time and memory."""

import contextlib
import dataclasses
import inspect
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tokenize
from pathlib import Path
from typing import Any

import msgspec

from backlight.checking.source import CannotCheckError
from backlight.checking.verdict import Verdict
from backlight.checking.worker import ANSWER, REQUEST, Request
from backlight.errors import BacklightError
from backlight.files import write_atomically

SECONDS = 60.0
MEMORY = 4 << 30
COPIED_BYTES = 20 << 20  # of files beside the checked one


class CheckError(BacklightError):
    """A check that cannot be asked for: no such file, nothing to fix."""


def check(target: str | Path | type | Any, *, adapter: str | Path | None = None, seconds: float = SECONDS) -> Verdict:
    """Is a hand-written backward pass right, and if not, which line is wrong?

    Parameters:
        target: path of a Python file, `file.py:Class`, or a class or function that stands in a file.
        adapter: a file that defines parameters(), loss() and gradients(), for programs that are not found by looking.
        seconds: after which the check is given up.

    Returns: what was found; programs that cannot be checked have the status "unchecked" and a reason.

    Raises:
        CheckError: if there is no such file.
    """
    path, name = located(target)
    if not path.is_file():
        raise CheckError(f"{path} is not a file; give the path of the Python file with your network")
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="backlight-check-") as folder:
        work = Path(folder)
        copy = copied(path, work / "copy")
        aside = None if adapter is None else copied(Path(adapter), work / "adapter")
        verdict = run_worker(work, Request(str(copy), name, None if aside is None else str(aside), MEMORY), seconds)
    return dataclasses.replace(verdict, seconds=round(time.monotonic() - start, 3))


def located(target: Any) -> tuple[Path, str | None]:
    if isinstance(target, str | Path):
        text = str(target)
        file, colon, name = text.rpartition(":")
        return (Path(file), name) if colon and name.isidentifier() else (Path(text), None)
    found = inspect.getsourcefile(target)
    if found is None:
        raise CheckError(f"{target!r} stands in no file; save it as a file and give its path")
    return Path(found), getattr(target, "__name__", None)


def copied(path: Path, folder: Path) -> Path:
    """The file and what stands beside it, small files only; a program may read its data or its own modules."""
    folder.mkdir()
    budget = COPIED_BYTES
    for other in sorted(path.parent.iterdir()) if path.suffix != ".ipynb" else []:
        if other.name.startswith(".") or other == path or other.is_symlink():
            continue
        size = other.stat().st_size if other.is_file() else 0
        if other.is_file() and size <= budget:
            budget -= size
            shutil.copyfile(other, folder / other.name)
        elif other.is_dir() and any(other.glob("*.py")):
            (folder / other.name).mkdir()
            for inner in other.glob("*.py"):
                shutil.copyfile(inner, folder / other.name / inner.name)
    shutil.copyfile(path, folder / path.name)
    return folder / path.name


def run_worker(work: Path, request: Request, seconds: float) -> Verdict:
    (work / REQUEST).write_bytes(msgspec.json.encode(request))
    command = [sys.executable, "-m", "backlight.checking.worker", str(work)]
    with (work / "output").open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment(), start_new_session=True
        )
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return unchecked(request, f"it was still running after {seconds:g} s; is there an endless loop?")
        finally:
            end(process)
    answer = work / ANSWER
    if not answer.exists():
        return unchecked(request, last_words(work / "output", process.returncode))
    return msgspec.json.decode(answer.read_bytes(), type=Verdict)


def environment() -> dict[str, str]:
    """One thread and no display."""
    kept = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    single = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**kept, **single, "MPLBACKEND": "Agg", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}


def end(process: "subprocess.Popen[bytes]") -> None:
    """The worker and whatever the user's code started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
    process.wait()


def unchecked(request: Request, reason: str) -> Verdict:
    name = Path(request.path).name
    return Verdict(name, "unchecked", f"{name} could not be checked: {reason}")


def last_words(output: Path, code: int) -> str:
    lines = [line for line in output.read_text(errors="replace").splitlines() if line.strip()]
    said = f" ({lines[-1][:200]})" if lines else ""
    return f"the process that ran it ended with code {code}{said}"


def fix(path: Path, verdict: Verdict) -> list[Path]:
    """Writes the verdict's patches into the user's files, each beside a backup `name.orig`; the backups.

    Raises:
        CheckError: if there is no patch, or a file is no longer what was checked.
    """
    patches = [
        finding.patch for finding in verdict.findings if finding.patch is not None and finding.severity != "note"
    ]
    if not patches:
        raise CheckError(f"{verdict.file}: no proven patch to apply")
    texts: dict[Path, str] = {}
    encodings: dict[Path, str] = {}
    for patch in sorted(patches, key=lambda patch: -patch.line):
        file = path.parent / patch.file
        if file not in texts:
            raw = file.read_bytes()
            encodings[file], _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
            texts[file] = raw.decode(encodings[file])  # reading as text would turn \r\n into \n
        lines = texts[file].splitlines(keepends=True)
        before = patch.before.split("\n")
        start = patch.line - 1
        if [line.rstrip("\r\n") for line in lines[start : start + len(before)]] != before:
            raise CheckError(f"{file} has changed since it was checked, line {patch.line}; check it again")
        ending = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
        after = [line + ending for line in patch.after.split("\n")]
        texts[file] = "".join([*lines[:start], *after, *lines[start + len(before) :]])
    backups = []
    for file, text in texts.items():
        backup = free_name(file)
        shutil.copy2(file, backup)
        write_atomically(file, text.encode(encodings[file]))
        backups.append(backup)
    return backups


def free_name(file: Path) -> Path:
    backup = file.with_name(file.name + ".orig")
    number = 1
    while backup.exists():
        backup = file.with_name(f"{file.name}.orig{number}")
        number += 1
    return backup


__all__ = ["CannotCheckError", "CheckError", "check", "fix"]
