"""One case: a copy is damaged, every reader is asked, the answers are held against those of the whole folder."""

import io
import json
import os
import random
import select
import shutil
import signal
import tempfile
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backlight.errors import BacklightError
from backlight.recording.repair import UNKNOWN, repair
from backlight.recording.verify import verify

from .harm import HARMS
from .readers import READERS, Reader

LONGEST = 120.0  # seconds of a case; what takes longer hangs
TOLD = ("cannot be", "damaged", "Only the last saved weights", "not the file of MNIST", "is not as it was recorded")
WRONG = ("traceback", "hang", "wrong")  # verdicts that must not be


@dataclass(frozen=True)
class Case:
    """A file of a kind of folder, what is done to it, and the seed of that."""

    kind: str
    file: str
    harm: str
    seed: int


def files_of(kind: str, folder: Path) -> list[str]:
    """What is damaged of a folder; pictures are read by nobody, and a lock is empty."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    names = [str(path.relative_to(folder)) for path in paths]
    return [name for name in names if not name.endswith(("-shm", ".lock", ".png"))]


def answers(
    kind: str, place: Path, whole: Path, told: io.StringIO, only: tuple[str, ...] | None = None
) -> dict[str, Any]:
    """Of each reader: what it gave, and whether that is an answer, a refusal, or another exception."""
    found = {}
    for name in only or READERS[kind]:
        reader = READERS[kind][name]
        copy = place.parent / f"for {name.strip('-')}" / place.name if "resume" in name else place
        if copy is not place:  # it writes
            shutil.copytree(place, copy, symlinks=True)
        os.chdir(copy)
        with redirect_stderr(told):
            found[name] = answer(reader, copy, whole)
    text = json.dumps(found).replace(str(place.parent), "HERE")
    answers: dict[str, Any] = json.loads(text)
    return answers


def answer(reader: Reader, place: Path, whole: Path) -> list[Any]:
    try:
        return ["answer", reader(place, whole)]
    except (BacklightError, SystemExit, OSError) as error:  # what the command line puts into one line, or ends with
        return ["refused", str(error)]
    except Exception:
        return ["traceback", traceback.format_exc(limit=-4)]


def judged(case: Case, reader: str, found: list[Any], right: list[Any], told: str) -> str:
    """ "same", "refused", "told" (a part, and what is missing), "valid" (a text without checksums), or a WRONG one."""
    state: str = found[0]
    value: Any = found[1]
    if state == "traceback":
        return state
    if state == "refused":
        named = Path(case.file).name.removesuffix(".gz") in value or "run" in value or reader == "--settings"
        return "refused" if named else "wrong"
    if value == right[1]:
        return "same"
    if any(words in told for words in TOLD) or only_told(value, right[1]):
        return "told"
    return "valid" if case.kind in ("csv", "no checksums") else "wrong"


def only_told(value: Any, right: Any) -> bool:
    """Whether all that is new in an answer says of itself that something is missing."""
    if isinstance(value, dict) and isinstance(right, dict):
        if value.get("status") == "damaged":
            return bool(value["error"]) and not value["tensors"]
        parts = [(each, right.get(name)) for name, each in value.items()]
        return all(each == whole or (isinstance(each, dict) and "refused" in each) for each, whole in parts)
    if isinstance(value, list) and isinstance(right, list):
        new = news(value, right)
        return bool(new) and all(any(words in str(line) for words in TOLD) for line in new)
    return False


def news(value: Any, right: Any) -> Any:
    """What of an answer is not in the right one."""
    if isinstance(value, list) and isinstance(right, list):
        known = {json.dumps(line) for line in right}
        return [line for line in value if json.dumps(line) not in known]
    if isinstance(value, dict) and isinstance(right, dict):
        return {name: each for name, each in value.items() if each != right.get(name)}
    return value


def only_less(value: dict[str, Any], right: dict[str, Any]) -> bool:
    """Whether all that a repaired run holds is in the whole one; rows may be missing, and settings unknown."""
    unknown: dict[str, list[Any]] = {"settings": [[[], {}]], "environment": [UNKNOWN], "facts": ["None"]}
    for name, each in value.items():
        refused = isinstance(each, dict) and "refused" in each
        if each == right.get(name) or each in unknown.get(name, []) or refused:
            continue
        if not isinstance(each, list) or news(each, right.get(name, [])):
            return False
    return True


def undamaged(kind: str, whole: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / kind
        shutil.copytree(whole, place)
        found = answers(kind, place, whole, io.StringIO())
    for name, (state, value) in found.items():
        assert state == "answer", (kind, name, value)
    return found


def tried(case: Case, originals: dict[str, Path], right: dict[str, Any]) -> dict[str, Any]:
    """What became of a case: what was done, a verdict of each reader, and what verifying and repairing gave."""
    whole = originals[case.kind]
    rng = random.Random(f"{case.kind} {case.file} {case.harm} {case.seed}")
    others = [folder / name for kind, folder in originals.items() for name in files_of(kind, folder)]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / case.kind
        shutil.copytree(whole, place)
        done = HARMS[case.harm](place / case.file, rng, others)
        told = io.StringIO()
        found = answers(case.kind, place, whole, told)
        verdicts = {name: judged(case, name, each, right[name], told.getvalue()) for name, each in found.items()}
        result = {"done": done, "verdicts": verdicts}
        bad = {name: found[name] for name, verdict in verdicts.items() if verdict in WRONG}
        if bad:
            result["found"] = {name: str(news(value[1], right[name][1]))[:600] for name, value in bad.items()}
        if (whole / "run").exists() and case.file.startswith("run/"):
            result |= repaired(case, place, whole, right)
        return result


def repaired(case: Case, place: Path, whole: Path, right: dict[str, Any]) -> dict[str, Any]:
    """Whether `--verify` notices, and `--repair` leaves a run that is read, with nothing in it that was not there."""
    os.chdir(place)
    noticed = bool(verify(place / "run").damage)
    try:
        mended = repair(place / "run")
        after = verify(place / "run")
    except Exception:
        return {"noticed": noticed, "repair": "traceback", "found": traceback.format_exc(limit=-4)}
    if after.damage:
        return {"noticed": noticed, "repair": "still damaged", "found": str(after.damage)}
    name = "load"
    state, value = answers(case.kind, place, whole, io.StringIO(), (name,))[name]
    lost = list(mended.lost) if mended else []
    if state != "answer":
        return {"noticed": noticed, "repair": "unreadable", "found": value}
    same = value == right[name][1]
    partly = bool(lost) and only_less(value, right[name][1])
    return {"noticed": noticed, "repair": "whole again" if same else "with losses" if partly else "wrong", "lost": lost}


def in_a_process(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """So that neither a crash nor an endless loop ends the benchmark."""
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(source)
            with os.fdopen(sink, "w") as file:
                json.dump(work(), file)
        except BaseException:
            traceback.print_exc()
        os._exit(0)
    os.close(sink)
    with os.fdopen(source) as file:
        ready, _, _ = select.select([file], [], [], LONGEST)
        content = file.read() if ready else ""
    if not content:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if not content:
        return {"done": "?", "verdicts": {"all": "traceback" if ready else "hang"}}
    verdicts: dict[str, Any] = json.loads(content)
    return verdicts
