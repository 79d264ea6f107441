"""Kills training at random instants, and says how often something was lost.

    python -m benchmarks.crash [--kills 210] [--interrupts 60] [--disks 30] [--seed 0] [--kind mlp …] [--out FILE]

Programs: `backlight train mlp`, `train cnn` (288 digits) and `study`, a program that writes a run by itself, and a
PyTorch loop under `watch`. They are small and save every 50 ms, so that kills meet every phase. One in eight is a
process started anew; the others are forked from one that has loaded everything, and run the same command. Pictures
are drawn only where a kill is to meet the end. Then disks (tmpfs, which needs root; --disks 0 leaves them out) fill up
under the same programs, and are given room again.
"""

import argparse
import json
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from backlight.files import write_atomically
from backlight.intervals import rate_interval
from backlight.recording.environment import describe_environment

from .attack import BY_COMMAND, PHASES, Case, Reference, attacked, measured
from .children import loaded
from .disk import filled, room_needed, small_disk
from .kinds import KINDS, Kind

RECORD = Path(__file__).parents[1] / "records" / "crash.json"
FRESH = 8  # one case in so many is a process started anew


class References:
    """Undisturbed runs, each made once."""

    def __init__(self, place: Path):
        self._place = place
        self._found: dict[tuple[str, bool, bool], Reference] = {}

    def of(self, kind: Kind, pictures: bool, fresh: bool) -> Reference:
        key = kind.name, pictures, fresh
        if key not in self._found:
            self._found[key] = measured(kind, self._place / "-".join(map(str, key)), pictures, fresh)
        return self._found[key]


def campaign(
    kinds: Sequence[Kind], number: int, seed: int, references: References, place: Path, kill: int
) -> Iterator[Case]:
    """Cases of all kinds in turn until so many signals `kill` were sent."""
    rng = Random(seed)
    done, index = 0, 0
    while done < number:
        kind = kinds[index % len(kinds)]
        phase = rng.choices(list(PHASES), list(PHASES.values()))[0]
        fresh = kill == signal.SIGKILL and index // len(kinds) % FRESH == FRESH - 1  # Ctrl-C needs a command under way
        reference = references.of(kind, phase == "finishing" and not fresh, fresh)
        case = attacked(kind, place / f"{kind.name}-{index}", reference, phase, rng, fresh, kill)
        done += len(case.kills)
        index += 1
        yield case


def summed_up(cases: list[Case]) -> dict[str, Any]:
    """Kills and failures of each kind; with none among n, the share may still be up to the bound."""
    rows = {}
    for name in dict.fromkeys(case.kind for case in cases):
        own = [case for case in cases if case.kind == name and case.kills]
        kills = [kill for case in own for kill in case.kills]
        bad = [bool(kill.faults) for kill in kills]
        ended = [bool(case.faults) for case in own]
        rows[name] = {
            "kills": len(kills),
            "by phase": dict(Counter(kill.phase for kill in kills)),
            "before anything was recorded": sum(kill.reached < 0 for kill in kills),
            "several in a row": sum(len(case.kills) > 1 for case in own),
            "processes started anew": sum(len(case.kills) for case in own if case.fresh),
            "after the kill: failures": sum(bad),
            "after the kill: upper bound": rate_interval(bad).high,
            "runs": len(own),
            "endings": dict(Counter(case.ending for case in own)),
            "at the end: failures": sum(ended),
            "at the end: upper bound": rate_interval(ended).high,
        }
    return rows


def killed(cases: list[Case]) -> dict[str, Any]:
    """The record of the kills so far."""
    kills = [bool(kill.faults) for case in cases for kill in case.kills]
    ended = [bool(case.faults) for case in cases if case.kills]
    words = [fault for case in cases for fault in (*(f for kill in case.kills for f in kill.faults), *case.faults)]
    return {
        "kills": len(kills),
        "folder opens and no committed row is lost": str(rate_interval([not each for each in kills])),
        "runs": len(ended),
        "ends as an uninterrupted run": str(rate_interval([not each for each in ended])),
        "too late to kill": sum(not case.kills for case in cases),
        "failures": dict(Counter(words)),
        "kinds": summed_up(cases),
    }


def filled_up(
    kinds: Sequence[Kind], number: int, seed: int, references: References, place: Path
) -> Iterator[dict[str, Any]]:
    """Full disks, of all kinds in turn."""
    rng = Random(seed)
    for index in range(number):
        kind = kinds[index % len(kinds)]
        with small_disk(place / f"disk-{index}") as disk:
            need = room_needed(kind, disk)
            shutil.rmtree(disk / "undisturbed")
            yield filled(kind, disk, need, references.of(kind, False, False), rng)


def disks(cases: list[dict[str, Any]]) -> dict[str, Any]:
    """The record of the full disks so far."""
    full = [case for case in cases if case["full"]]
    return {
        "disks that filled": len(full),
        "by kind": dict(Counter(case["kind"] for case in full)),
        "room enough": len(cases) - len(full),
        "clear error, nothing lost, same end": str(rate_interval([not case["faults"] for case in full])),
        "endings": dict(Counter(case["ending"] for case in full)),
        "failures": dict(Counter(fault for case in cases for fault in case["faults"])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=210)
    parser.add_argument("--interrupts", type=int, default=60, help="Ctrl-C instead, on what has a command")
    parser.add_argument("--disks", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", action="append", choices=[kind.name for kind in KINDS])
    parser.add_argument("--out", type=Path, default=RECORD, help="what is asked for 0 of stays there as it is")
    arguments = parser.parse_args()
    kinds = [kind for kind in KINDS if not arguments.kind or kind.name in arguments.kind]
    loaded({kind.name for kind in kinds})
    record = json.loads(arguments.out.read_text(encoding="utf-8")) if arguments.out.exists() else {}
    asked = {name: getattr(arguments, name) for name in ("kills", "interrupts", "disks") if getattr(arguments, name)}
    record |= {"asked": record.get("asked", {}) | asked | {"seed": arguments.seed}, "intervals": "Wilson, 95 %"}
    record["environment"] = describe_environment()
    with tempfile.TemporaryDirectory() as place:
        for line, part in parts(kinds, arguments, Path(place)):
            print(line, flush=True)
            record |= part
            write_atomically(arguments.out, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def parts(kinds: Sequence[Kind], asked: argparse.Namespace, place: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """After each case a line about it, and what the record says by then."""
    for name in ("references", "runs"):
        (place / name).mkdir()
    references = References(place / "references")
    commands = [kind for kind in kinds if kind.name in BY_COMMAND]
    signals = (("kill", kinds, asked.kills, signal.SIGKILL), ("Ctrl-C", commands, asked.interrupts, signal.SIGINT))
    for word, chosen, number, kill in signals:
        cases: list[Case] = []
        for case in campaign(chosen, number, asked.seed, references, place / "runs", kill):
            cases.append(case)
            yield f"{word} {len(cases):4} {case.kind:8} {story(case)}", {word: killed(cases)}
    full: list[dict[str, Any]] = []
    for found in filled_up(kinds, asked.disks, asked.seed, references, place):
        full.append(found)
        yield f"full disk {len(full):4} {found}", {"full disk": disks(full)}


def story(case: Case) -> str:
    phases = ", ".join(f"{kill.phase} at {kill.reached}" for kill in case.kills) or "too late"
    faults = [*(fault for kill in case.kills for fault in kill.faults), *case.faults]
    return f"{phases}: {case.ending} {faults or ''}"
