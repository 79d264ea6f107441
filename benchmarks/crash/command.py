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
from collections.abc import Iterable
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


def campaign(kinds: Iterable[Kind], kills: int, seed: int, place: Path, number: int = signal.SIGKILL) -> Iterable[Case]:
    """Cases of all kinds in turn until there are so many kills."""
    rng = Random(seed)
    references: dict[tuple[str, bool, bool], Reference] = {}
    chosen, done, index = list(kinds), 0, 0
    while done < kills:
        kind = chosen[index % len(chosen)]
        phase = rng.choices(list(PHASES), list(PHASES.values()))[0]
        fresh = index // len(chosen) % FRESH == FRESH - 1
        key = kind.name, phase == "finishing" and not fresh, fresh
        if key not in references:
            references[key] = measured(kind, place / "-".join(map(str, ("reference", *key))), *key[1:])
        case = attacked(kind, place / f"{kind.name}-{index}", references[key], phase, rng, fresh, number)
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


def filled_up(kinds: Iterable[Kind], number: int, seed: int, place: Path) -> Iterable[dict[str, Any]]:
    """Full disks, of all kinds in turn."""
    rng, chosen = Random(seed), list(kinds)
    references = {kind.name: measured(kind, place / "runs" / f"roomy-{kind.name}", False, False) for kind in chosen}
    for index in range(number):
        kind = chosen[index % len(chosen)]
        with small_disk(place / f"disk-{index}") as disk:
            need = room_needed(kind, disk)
            shutil.rmtree(disk / "undisturbed")
            yield filled(kind, disk, need, references[kind.name], rng)


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
    parser.add_argument("--out", type=Path, default=RECORD)
    arguments = parser.parse_args()
    loaded()
    kinds = [kind for kind in KINDS if not arguments.kind or kind.name in arguments.kind]
    record: dict[str, Any] = {
        "asked": {
            "kills": arguments.kills,
            "interrupts": arguments.interrupts,
            "disks": arguments.disks,
            "seed": arguments.seed,
        },
        "intervals": "Wilson, 95 %",
        "environment": describe_environment(),
    }
    out: Path = arguments.out
    full: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "runs").mkdir()
        commands = [kind for kind in kinds if kind.name in BY_COMMAND]
        struck = {"kill": (kinds, arguments.kills, signal.SIGKILL)}
        struck["Ctrl-C"] = (commands, arguments.interrupts, signal.SIGINT)
        for word, (chosen, times, number) in struck.items():
            cases: list[Case] = []
            for case in campaign(chosen, times, arguments.seed, place / "runs", number):
                cases.append(case)
                record[word] = killed(cases)
                told(f"{word} {len(cases):4} {case.kind:8} {story(case)}", record, out)
        for found in filled_up(kinds, arguments.disks, arguments.seed, place):
            full.append(found)
            told(f"full disk {len(full):4} {found}", record | {"full disk": disks(full)}, out)


def story(case: Case) -> str:
    phases = ", ".join(f"{kill.phase} at {kill.reached}" for kill in case.kills) or "too late"
    faults = [*(fault for kill in case.kills for fault in kill.faults), *case.faults]
    return f"{phases}: {case.ending} {faults or ''}"


def told(line: str, record: dict[str, Any], out: Path) -> None:
    print(line, flush=True)
    write_atomically(out, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
